"""What several packages' tests use: two projects a module, one speech endpoint for all."""

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

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


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell starts what it runs in the background deaf to it, children included."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
