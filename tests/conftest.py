"""What several packages' tests use: two projects a module, one speech endpoint for all."""

import signal
from collections.abc import Iterator

import pytest

from sandbox.engine import RunningEngine, start_engine
from sandbox.image import Image, build
from sandbox.servers import RunningProject, start_project
from sandbox.speech.running import RunningSpeech, start_speech


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell starts what it runs in the background deaf to it, children included."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
    """The container image, built from what lies here: three minutes with nothing in .cache."""
    return build(engine)


def _project(name: str, folders: pytest.TempPathFactory) -> Iterator[RunningProject]:
    project = start_project(name, folder=folders.mktemp(name))
    try:
        yield project
    finally:
        project.kill()
