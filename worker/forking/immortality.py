"""Immortality: what is loaded before the fork is taken out of Python's reference counting.

A count stands in the object itself, so a call that merely runs a function would make the function's
page its own. Python 3.12 and 3.13 leave the count of an immortal object alone (PEP 683, made for
processes that fork), but name no way to make one: this writes the count that None has.
"""

import ctypes
import gc
import logging
import sys
import types
from typing import Any

logger = logging.getLogger(__name__)

# A count of 32 bits, all set, at the beginning of the object. An extension that was built before
# Python 3.12 counts on from here, and would have to drop two billion references more than it took.
_IMMORTAL = 0xFFFF_FFFF
# What is loaded is code: it lives as long as the process anyway. An instance may own a file or a
# socket that is closed when nobody holds it any more, so instances stay mortal.
_KINDS = frozenset(
    {
        types.FunctionType,
        types.BuiltinFunctionType,
        types.ModuleType,
        types.CellType,
        types.WrapperDescriptorType,
        types.MethodDescriptorType,
        types.ClassMethodDescriptorType,
        types.GetSetDescriptorType,
        types.MemberDescriptorType,
        property,
        staticmethod,
        classmethod,
        tuple,
    }
)
_count_at = ctypes.c_uint64.from_address


def freeze() -> None:
    """Keep what is loaded now from being written to by those who only use it.

    Neither collections nor, where Python knows immortal objects, counts write into it from now on.
    For a process of one thread. What is garbage by now stays with it: after the imports there is
    too little for the time that a search takes.
    """
    if is_known():
        _immortalize(gc.get_objects())
    else:
        logger.info(
            "a call costs some 10 MiB more than with Python 3.12 or 3.13:"
            " this one counts references in memory that calls would share"
        )
    gc.freeze()


def is_known() -> bool:
    """Tell whether an object begins with its count, and None's is that of an immortal one.

    Not so before Python 3.12, from 3.14 on, nor in builds without the global lock.
    """
    return _count_at(id(None)).value == sys.getrefcount(None) == _IMMORTAL


def _immortalize(objects: list[Any]) -> None:
    kinds = _KINDS | {kind for kind in set(map(type, objects)) if issubclass(kind, type)}
    for loaded in objects:
        if type(loaded) in kinds:
            _count_at(id(loaded)).value = _IMMORTAL
            if type(loaded) is types.FunctionType:
                _immortalize_code(loaded.__code__)


def _immortalize_code(code: types.CodeType) -> None:
    count = _count_at(id(code))
    if count.value == _IMMORTAL:
        return
    count.value = _IMMORTAL
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _immortalize_code(constant)
        else:
            _count_at(id(constant)).value = _IMMORTAL
