"""Packages that only re-export are read by need: half of openai's 1,300 modules are never used.

`openai.types` and its subpackages are lists of `from .module import Name`: importing one name runs
every line, and so makes hundreds of pydantic classes that no call ever touches. Such a package gets
a `__getattr__` (PEP 562) instead, which imports a name's own module when it is first asked for.
A package with any other statement in it is left as it is.

What the SDK imports for other pipelines than the call's, for audio that has to be decoded and for
sessions that are recorded (none is here) is read by need as well.
"""

import ast
import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from worker.forking.stand_in import StandInLoader

_PACKAGES = ("openai.types",)
_OTHER_PIPELINES = ("livekit.plugins.openai.realtime", "livekit.plugins.openai.responses")
_DECODERS = ("av", "av.container")
_OTLP = "opentelemetry.exporter.otlp.proto.http"
# Each module, and its classes that the SDK names where it is imported.
_UNUSED: Mapping[str, Sequence[str]] = {
    **dict.fromkeys((*_OTHER_PIPELINES, *_DECODERS), ()),
    "requests": ("Session",),
    _OTLP: ("Compression",),
    f"{_OTLP}._log_exporter": ("OTLPLogExporter",),
    f"{_OTLP}.metric_exporter": ("OTLPMetricExporter",),
    f"{_OTLP}.trace_exporter": ("OTLPSpanExporter",),
}


def defer_reexports() -> None:
    """Install the finder; before the packages are imported, else it has nothing to do."""
    if not any(isinstance(finder, _ReexportFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _ReexportFinder())


def load_other_pipelines() -> None:
    """Read at once what was left for later: before the fork, where calls will need it."""
    _read(_OTHER_PIPELINES)


def load_decoders() -> None:
    """Do the same for audio that has to be decoded, which the built-in agent never asks for."""
    _read(_DECODERS)


def _read(names: Sequence[str]) -> None:
    for name in names:
        # Asking an unread module for anything reads it.
        getattr(importlib.import_module(name), "__all__", None)


class _ReexportFinder(MetaPathFinder):
    """Finds what the path finder finds, and gives our packages the loader below."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in _UNUSED:
            return _unread(PathFinder.find_spec(name, path, target), _UNUSED[name])
        if not any(f"{name}.".startswith(f"{package}.") for package in _PACKAGES):
            return None
        spec = PathFinder.find_spec(name, path, target)
        is_package = spec is not None and spec.submodule_search_locations is not None
        if spec is not None and is_package and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _ReexportLoader(name, spec.loader.path)
        return spec


def _unread(spec: ModuleSpec | None, classes: Sequence[str]) -> ModuleSpec | None:
    if spec is not None and spec.loader is not None:
        spec.loader = StandInLoader(spec.loader, classes)
    return spec


class _ReexportLoader(SourceFileLoader):
    """Runs a package's file, unless all it does is to re-export."""

    def exec_module(self, module: ModuleType) -> None:
        origins = read_reexports(ast.parse(self.get_data(self.path)))
        if origins is None:
            super().exec_module(module)
        else:
            _answer_by_need(module, origins)


def read_reexports(tree: ast.Module) -> Mapping[str, tuple[str, str]] | None:
    """Map each name to its (relative module, name there); None when the file does anything else."""
    origins: dict[str, tuple[str, str]] = {}
    for statement in tree.body:
        if _is_inert(statement):
            continue
        if not isinstance(statement, ast.ImportFrom) or not statement.level or not statement.module:
            return None
        module = "." * statement.level + statement.module
        for alias in statement.names:
            name = alias.asname or alias.name
            # A name that is also its module's cannot be told from it once the module is imported.
            if alias.name == "*" or name == statement.module:
                return None
            origins[name] = (module, alias.name)
    return origins


def _is_inert(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _answer_by_need(module: ModuleType, origins: Mapping[str, tuple[str, str]]) -> None:
    # Running the package's file would have bound the modules that it reads from, too.
    modules = {origin.removeprefix(".") for origin, _ in origins.values()}

    def get(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f".{name}", module.__name__)
        if name not in origins:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        origin, original = origins[name]
        value = getattr(importlib.import_module(origin, module.__name__), original)
        setattr(module, name, value)
        return value

    vars(module).update(__getattr__=get, __dir__=lambda: sorted({*vars(module), *origins}))
