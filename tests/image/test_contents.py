"""What the image is made of, and what it is not."""

import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from contract.programs import ROOT
from sandbox.engine import DOCKER, RunningEngine
from sandbox.image import LARGEST_RATIO, Image, report

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_SOURCES = ("contract", "project", "bootstrap", "worker")
_PROGRAMS = ("pip", "pip3", "uv", "gcc", "cc", "g++", "clang", "ld", "make", "apt-get", "perl")


@dataclass(frozen=True)
class Contents:
    """The names of all files and links of an image, without the leading slash."""

    names: frozenset[str]

    def named(self, name: str) -> list[str]:
        return [path for path in self.names if PurePosixPath(path).name == name]

    def below(self, folder: str) -> set[str]:
        return {path for path in self.names if path.startswith(f"{folder}/")}


@pytest.fixture(scope="module")
def contents(engine: RunningEngine, image: Image) -> Contents:
    container = engine.ask("create", "--network", "none", image.name)
    export = subprocess.Popen(
        [DOCKER, "export", container], env=engine.environment(), stdout=subprocess.PIPE
    )
    with export, tarfile.open(fileobj=export.stdout, mode="r|") as archive:
        names = frozenset(entry.name for entry in archive if not entry.isdir())
    engine.ask("rm", container)
    return Contents(names)


@pytest.fixture(scope="module")
def configuration(engine: RunningEngine, image: Image) -> dict[str, Any]:
    found: dict[str, Any] = engine.inspect(image.name)["Config"]
    return found


def test_the_image_is_at_most_nine_tenths_of_a_plain_install(image: Image) -> None:
    print(f"{image.image_bytes} bytes, {image.ratio:.3f} of a plain install")
    assert image.ratio <= LARGEST_RATIO


def test_the_report_names_the_size_the_ten_largest_parts_and_the_ratio(
    engine: RunningEngine, image: Image
) -> None:
    first, *largest, last = report(engine, image).splitlines()
    print("\n".join([first, *largest, last]))
    assert image.name in first
    sizes = [float(line.split()[0]) for line in largest]
    assert len(sizes) == 10
    assert sizes == sorted(sizes, reverse=True)
    assert "livekit" in [line.split()[-1] for line in largest]
    assert f"{image.ratio:.2f}" in last


@pytest.mark.parametrize("program", _PROGRAMS)
def test_there_is_no_installer_and_no_compiler(contents: Contents, program: str) -> None:
    assert [path for path in contents.named(program) if "/bin/" in f"/{path}"] == []


def test_there_is_no_pip_in_any_form(contents: Contents) -> None:
    assert [path for path in contents.names if "/pip/" in path or "ensurepip" in path] == []
    assert [path for path in contents.names if path.endswith(".whl")] == []


def test_there_are_no_tests_inside(contents: Contents) -> None:
    assert [path for path in contents.names if "/tests/" in path] == []


def test_of_ours_there_is_what_runs_and_nothing_else(contents: Contents) -> None:
    ours = {path.split("/")[1] for path in contents.below("app")}
    assert ours == {*_SOURCES, "entrypoint.sh", "healthcheck.py", "__pycache__"}
    assert not any(path.endswith(".env") for path in contents.below("app"))


def test_every_file_of_ours_is_there_and_byte_compiled(contents: Contents) -> None:
    for folder in _SOURCES:
        for source in Path(ROOT, folder).rglob("*.py"):
            inside = PurePosixPath("app", source.relative_to(ROOT))
            assert str(inside) in contents.names
            compiled = inside.parent / "__pycache__"
            assert contents.below(str(compiled)), f"{inside} is not compiled"


def test_nothing_of_the_building_network_stays(contents: Contents) -> None:
    assert contents.named("pip.conf") == []
    assert contents.below("run/secrets") == set()


def test_it_starts_our_script_as_a_user_that_is_not_root(configuration: dict[str, Any]) -> None:
    assert configuration["Entrypoint"] == ["/app/entrypoint.sh"]
    assert configuration["User"] == "10001:10001"


def test_its_health_check_asks_with_our_script(configuration: dict[str, Any]) -> None:
    assert configuration["Healthcheck"]["Test"][-1] == "/app/healthcheck.py"


def test_it_says_what_it_is(configuration: dict[str, Any]) -> None:
    labels = configuration["Labels"]
    for name in ("title", "description", "licenses", "version"):
        assert labels[f"org.opencontainers.image.{name}"]
