"""What crosses from a worker's main process to a call's, in both of which ours may be hidden."""

import io
import pickle
from types import FunctionType
from typing import Any, TypeVar, cast

from livekit_tenant import _modules

_Value = TypeVar("_Value")


def pickled(value: _Value) -> _Value:
    """Give what becomes the value where it is unpickled, whatever bears our modules' names by then.

    Until then it is nothing but its pickle, made at once.
    """
    return cast(_Value, _Pickled(value))


class _Pickled:
    def __init__(self, value: object) -> None:
        written = io.BytesIO()
        _Pickler(written).dump(value)
        self._data = written.getvalue()

    def __reduce__(self) -> tuple[Any, ...]:
        return pickle.loads, (self._data,)


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        """Name what is ours by the module that has it, not by what `sys.modules` says."""
        if not isinstance(thing, type | FunctionType) or not _modules.is_name(thing.__module__):
            return NotImplemented
        return _modules.find, (thing.__module__, thing.__qualname__)
