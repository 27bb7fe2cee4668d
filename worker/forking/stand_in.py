"""Modules that are read when they are first used, even where their classes are named before.

The standard library's lazy loader reads a module as soon as a name is imported from it, or one of
its submodules. Here a stand-in takes the place of a class that is only named: as a base, or for
later. Its first instance, attribute or subclass's instance reads the module; both are true ones.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from importlib.abc import Loader
from types import ModuleType
from typing import Any

_reading = threading.RLock()


class StandInLoader(Loader):
    """Leaves a module unread until it is used; `classes` may be named without using it."""

    def __init__(self, loader: Loader, classes: Sequence[str] = ()) -> None:
        self._loader = loader
        self._classes = classes
        self._is_begun = False

    def exec_module(self, module: ModuleType) -> None:
        """Put stand-ins in place; whatever else is asked for reads the module."""
        get = partial(self._get, module)
        named = {
            name: StandIn(name, (), {}, stands_for=partial(get, name)) for name in self._classes
        }
        vars(module).update(named, __getattr__=get)

    def _get(self, module: ModuleType, name: str) -> Any:
        # Others who ask meanwhile wait here; the module's own code, in this thread, does not.
        with _reading:
            if not self._is_begun:
                self._read(module)
        held = vars(module)
        if name not in held:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        return held[name]

    def _read(self, module: ModuleType) -> None:
        self._is_begun = True
        ours = vars(module)["__getattr__"]
        for name in self._classes:
            vars(module).pop(name, None)
        try:
            self._loader.exec_module(module)
        except BaseException:  # raised again: whoever asks next tries again
            self._is_begun = False
            raise
        if vars(module)["__getattr__"] is ours:
            del vars(module)["__getattr__"]


class StandIn(type):
    """The type of a class that stands for one in a module not read yet, and of what derives."""

    _stands_for: Callable[[], type] | None

    def __new__(  # noqa: D102 - see the class
        cls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        stands_for: Callable[[], type] | None = None,
    ) -> "StandIn":
        made = super().__new__(cls, name, bases, namespace)
        made._stands_for = stands_for
        return made

    def __init__(cls, *_: Any, **__: Any) -> None:
        """Take what `__new__` takes."""

    def __call__(cls, *args: Any, **named: Any) -> Any:
        """Make an instance of the true class; what derives from it does so truly from now on."""
        if cls._stands_for is not None:
            return cls._stands_for()(*args, **named)
        cls.__bases__ = tuple(_true(base) for base in cls.__bases__)
        return super().__call__(*args, **named)

    def __getattr__(cls, name: str) -> Any:
        """Give what the true class has."""
        if cls._stands_for is None:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return getattr(cls._stands_for(), name)


def _true(cls: type) -> type:
    stands_for = cls._stands_for if isinstance(cls, StandIn) else None
    return cls if stands_for is None else stands_for()
