"""A module that is named and not used stays unread; one that is used is the true one."""

import importlib
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from contract.programs import ROOT
from worker.forking.stand_in import StandInLoader

_SOURCE = """
import threading
read_by = threading.get_ident()
class Base:
    shade = "true"
    def __init__(self, word="", *, end=""):
        self.said = word + end
class Other:
    pass
"""
_numbers = itertools.count()
Unread = Callable[..., ModuleType]


class _Finder(MetaPathFinder):
    def __init__(self, name: str, folder: Path, classes: Sequence[str]) -> None:
        self.found = (name, str(folder), classes)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        wanted, folder, classes = self.found
        if name != wanted:
            return None
        spec = PathFinder.find_spec(name, [folder])
        assert spec is not None
        assert spec.loader is not None
        spec.loader = StandInLoader(spec.loader, classes)
        return spec


@pytest.fixture
def unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unread]:
    """Import a module of its own name that stays unread."""
    names: list[str] = []

    def make(*classes: str, source: str = _SOURCE) -> ModuleType:
        name = f"unread_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setattr(sys, "meta_path", [_Finder(name, tmp_path, classes), *sys.meta_path])
        names.append(name)
        return importlib.import_module(name)

    yield make
    for name in names:
        del sys.modules[name]


def is_read(module: ModuleType) -> bool:
    return "read_by" in vars(module)


def test_naming_a_class_reads_nothing(unread: Unread) -> None:
    module = unread("Base")
    base: Any = module.Base

    class Derived(base):  # type: ignore[misc] # only known when it runs
        pass

    assert Derived.__name__ == "Derived"
    assert not hasattr(Derived, "nowhere")
    assert not is_read(module)


def test_asking_for_anything_else_reads_the_module(unread: Unread) -> None:
    module = unread("Base")
    stand_in = module.Base
    assert module.Other.__module__ == module.__name__
    assert is_read(module)
    assert module.Base is not stand_in
    assert isinstance(stand_in("a", end="!"), module.Base)


def test_an_instance_and_an_attribute_are_the_true_class_s(unread: Unread) -> None:
    module = unread("Base")
    assert module.Base("hello", end=".").said == "hello."
    assert is_read(module)
    assert unread("Base").Base.shade == "true"


def test_what_derives_from_a_stand_in_derives_truly_once_it_is_used(unread: Unread) -> None:
    module = unread("Base")
    base: Any = module.Base

    class Derived(base):  # type: ignore[misc] # only known when it runs
        def __init__(self) -> None:
            super().__init__("derived")

    assert [Derived().said, Derived().said] == ["derived", "derived"]
    assert issubclass(Derived, module.Base)
    assert Derived.shade == "true"
    assert not hasattr(Derived, "nowhere")


def test_a_name_that_is_nowhere_is_an_attribute_error(unread: Unread) -> None:
    module = unread("Base")
    with pytest.raises(AttributeError, match="nowhere"):
        _ = module.nowhere
    with pytest.raises(AttributeError, match="nowhere"):
        _ = unread("Base").Base.nowhere


def test_a_module_that_cannot_be_read_says_why_to_whoever_asks(unread: Unread) -> None:
    with pytest.raises(ZeroDivisionError):
        _ = unread("Base", source="1 / 0").anything


def test_threads_that_ask_at_once_get_the_same_module_read_once(unread: Unread) -> None:
    module = unread("Base", source="import time\ntime.sleep(0.05)\n" + _SOURCE)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(module.Other)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


@pytest.mark.integration
def test_the_sdk_s_exporters_work_when_a_session_is_recorded_after_all() -> None:
    program = """
import json, sys
from worker.forking.deferral import defer_reexports
defer_reexports()
from livekit.agents.telemetry import traces
before = [name in sys.modules for name in ("requests.sessions", "av._core")]
session = traces._AuthRefreshingSession(lambda: {"Authorization": "Bearer x"})
exporter = traces.OTLPSpanExporter(
    endpoint="http://127.0.0.1:9/v1/traces", compression=traces.Compression.Gzip, session=session
)
import av, requests
print(json.dumps([
    before,
    isinstance(session, requests.Session),
    [base.__module__ for base in type(session).__bases__],
    exporter._endpoint,
    av.AudioFrame(format="s16", layout="mono", samples=160).samples,
    issubclass(requests.exceptions.ConnectionError, requests.RequestException),
]))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(ran.stdout) == [
        [False, False],
        True,
        ["requests.sessions"],
        "http://127.0.0.1:9/v1/traces",
        160,
        True,
    ]
