"""Our internal packages: where they lie, and who is found under their plain names.

A tenant's code, or a receiver of records, may have a `worker` or a `project` of its own. So our
programs show our packages, and hide them before a tenant's code is imported. Hidden modules go on
working: what they import is bound by then. What has to name one of them does so by `find`.
"""

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGES = frozenset({"contract", "project", "bootstrap", "worker", "control", "sandbox"})
_HERE = Path(__file__).resolve().parent
_INSIDE = _HERE / "_packages"
# A wheel has them inside this package; in a checkout, and in the image, they lie beside it.
FOLDER = str(_INSIDE if _INSIDE.is_dir() else _HERE.parent)

_hidden: dict[str, ModuleType] = {}


def show() -> None:
    """Let `import` find our packages, before any others of the same names."""
    if _others in sys.meta_path:
        sys.meta_path.remove(_others)
    sys.path[:] = [FOLDER, *_other_folders()]
    sys.modules.update(_hidden)
    _hidden.clear()


def hide() -> None:
    """Let `import` find others of the same names; where ours are hidden already, do nothing."""
    if _others in sys.meta_path:
        return
    sys.meta_path.insert(0, _others)
    sys.path[:] = [*_other_folders(), FOLDER]
    for name in _shown():
        _hidden[name] = sys.modules.pop(name)


def find(module: str, name: str) -> Any:
    """Give what a module of ours calls `name`, shown or hidden; it is loaded where it is not yet.

    Raises:
        AttributeError: it has no such name.
    """
    return reduce(getattr, name.split("."), _module(module))


def is_name(module: str) -> bool:
    """Tell whether a module's name is one of ours; others may bear it as well."""
    return _package(module) in _PACKAGES


def _module(name: str) -> ModuleType:
    if name in _hidden:
        return _hidden[name]
    if _is_ours(_package(name)):
        return importlib.import_module(name)
    # In a receiver's program, or in a call's process that was not forked.
    with _shown_meanwhile():
        return importlib.import_module(name)


@contextmanager
def _shown_meanwhile() -> Iterator[None]:
    """Show our packages, then put everything back as it was, with ours hidden."""
    path, finders = sys.path[:], sys.meta_path[:]
    others = {name: module for name, module in _loaded() if is_name(name)}
    for name in others:
        del sys.modules[name]
    show()
    try:
        yield
    finally:
        hide()
        sys.path[:], sys.meta_path[:] = path, finders
        sys.modules.update(others)


class _OthersFinder(MetaPathFinder):
    """Finds what others call as ours are called, wherever it lies on `sys.path`.

    Ours come last there, which is not enough: a folder without an `__init__.py` comes after any
    package that has one.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or name not in _PACKAGES:
            return None
        return PathFinder.find_spec(name, _other_folders(), target)


_others = _OthersFinder()


def _other_folders() -> list[str]:
    return [folder for folder in sys.path if os.path.realpath(folder) != FOLDER]


def _shown() -> list[str]:
    ours = {name for name in _PACKAGES if _is_ours(name)}
    return [name for name, _ in _loaded() if _package(name) in ours]


def _is_ours(package: str) -> bool:
    folders = getattr(sys.modules.get(package), "__path__", ())
    return any(os.path.realpath(folder) == os.path.join(FOLDER, package) for folder in folders)


def _loaded() -> list[tuple[str, ModuleType]]:
    return list(sys.modules.items())


def _package(name: str) -> str:
    return name.partition(".")[0]
