"""What several packages' tests use: two projects a module, one speech endpoint for all."""

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import hypothesis
import pytest

from sandbox.docker.engine import RunningEngine, start_engine
from sandbox.docker.image import Image, Target, build
from sandbox.servers import RunningProject, start_project
from sandbox.speech.process import RunningSpeech, start_speech

# An example that comes late says how busy the machine is, and nothing of what it is an example of.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

# Each of these is started once: side by side, all modules that ask for one share a process.
_STARTED_ONCE = {
    "engine": "engine",
    "postgres": "postgres",
    "database_url": "postgres",
    "speech": "speech",
}
_GROUP = pytest.StashKey[str]()
_PATIENCE_SECONDS = 120.0  # pyproject's timeout


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell starts what it runs in the background deaf to it, children included."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, give each module to one process, and first those that may take longest."""
    if not _is_side_by_side(config):
        return
    longest: dict[str, float] = {}
    for path, in_module in groupby(items, key=lambda item: item.path):
        tests = list(in_module)
        group = _group(tests) or path.as_posix()
        longest[group] = max(longest.get(group, 0.0), *map(_patience, tests))
        for test in tests:
            test.stash[_GROUP] = group
    items.sort(key=lambda item: -longest[item.stash[_GROUP]])


@pytest.hookimpl(wrapper=True)
def pytest_collection_finish(session: pytest.Session) -> Iterator[None]:
    """Tell pytest-xdist the groups in the ids, where it looks for them (--dist loadgroup).

    Since pytest 9.2 it cannot write them there itself: an id is a text no more.
    """
    items = session.items
    if _is_side_by_side(session.config):
        told = [SimpleNamespace(nodeid=f"{item.nodeid}@{item.stash[_GROUP]}") for item in items]
        session.items = cast("list[pytest.Item]", told)
    try:
        yield
    finally:
        session.items = items


def _is_side_by_side(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _group(tests: Sequence[pytest.Item]) -> str | None:
    for mark in tests[0].iter_markers("xdist_group"):
        return str(mark.args[0])
    asked = {name for test in tests for name in getattr(test, "fixturenames", ())}
    return next((group for name, group in _STARTED_ONCE.items() if name in asked), None)


def _patience(test: pytest.Item) -> float:
    mark = test.get_closest_marker("timeout")
    usual = _PATIENCE_SECONDS if test.get_closest_marker("integration") else 0.0
    return float(mark.args[0]) if mark else usual


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let this run and its children use a temporary folder of their own, which goes with the run.

    A program that is killed leaves there what it would have removed. It is no tmp_path, because
    multiprocessing makes sockets in it, and a socket's path has at most 107 characters.
    """
    tmp_path_factory.getbasetemp()  # chosen before, so that it stays where the next runs find it
    outer = Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="tests-"))
    folder.chmod(stat.S_IMODE(outer.stat().st_mode))  # whoever may write there may write here
    _share_ports(outer, folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TMPDIR", str(folder))
        patched.setattr(tempfile, "tempdir", str(folder))
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProject]:
    """The first tenant's project."""
    yield from _project("acme", tmp_path_factory)


@pytest.fixture(scope="module")
def globex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProject]:
    """The second tenant's project."""
    yield from _project("globex", tmp_path_factory)


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSpeech]:
    """The model provider; who orders a fault lifts it, who stops it starts it again."""
    endpoint = start_speech(folder=tmp_path_factory.mktemp("speech"))
    try:
        yield endpoint
    finally:
        endpoint.kill()


@pytest.fixture(scope="session")
def engine() -> Iterator[RunningEngine]:
    """A Docker Engine; whoever asks for it needs a longer timeout, since apt may have to run."""
    running = start_engine()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def image(engine: RunningEngine) -> Image:
    """The worker's image, built from what lies here: three minutes with nothing in .cache."""
    return build(engine, Target.WORKER)


@pytest.fixture(scope="session")
def control_image(engine: RunningEngine) -> Image:
    """The control plane's image, built from what lies here."""
    return build(engine, Target.CONTROL)


def _share_ports(outer: Path, folder: Path) -> None:
    """Keep the reservations of sandbox.ports where every run on this machine sees them."""
    reserved = f"sandbox-ports-{os.getuid()}"
    (outer / reserved).mkdir(mode=0o700, exist_ok=True)
    (folder / reserved).symlink_to(outer / reserved)


def _project(name: str, folders: pytest.TempPathFactory) -> Iterator[RunningProject]:
    project = start_project(name, folder=folders.mktemp(name))
    try:
        yield project
    finally:
        project.kill()
