"""What the images are made of, and what they are not."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pytest

from contract.programs import ROOT
from contract.version import VERSION
from sandbox.docker.engine import RunningEngine
from sandbox.docker.image import LARGEST_RATIO, Image, Target, report

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_SHARED = ("contract", "project", "livekit_tenant", "bootstrap")
_PROGRAMS = ("pip", "pip3", "uv", "gcc", "cc", "g++", "clang", "ld", "make", "apt-get", "perl")


@dataclass(frozen=True)
class Own:
    """What an image has of ours, and how it is started."""

    packages: tuple[str, ...]
    programs: tuple[str, ...]
    entrypoint: list[str]
    user: str


_OWN = {
    Target.WORKER: Own(
        packages=(*_SHARED, "worker"),
        programs=("entrypoint.sh", "healthcheck.py"),
        entrypoint=["/app/entrypoint.sh"],
        user="10001:10001",
    ),
    Target.CONTROL: Own(
        packages=(*_SHARED, "control"),
        programs=("healthcheck.py",),
        entrypoint=["/opt/venv/bin/python", "-m", "control"],
        user="10002:10002",
    ),
}


@dataclass(frozen=True)
class Contents:
    """The names of all files and links of an image, without the leading slash.

    `roots` are those that root owns and nobody else may write, links included.
    """

    names: frozenset[str]
    roots: frozenset[str]

    def named(self, name: str) -> list[str]:
        return [path for path in self.names if PurePosixPath(path).name == name]

    def below(self, folder: str) -> set[str]:
        return {path for path in self.names if path.startswith(f"{folder}/")}


@pytest.fixture(scope="module", params=list(Target))
def target(request: pytest.FixtureRequest) -> Target:
    chosen: Target = request.param
    return chosen


@pytest.fixture(scope="module")
def own(target: Target) -> Own:
    return _OWN[target]


@pytest.fixture(scope="module")
def built(request: pytest.FixtureRequest, target: Target) -> Image:
    fixture = {Target.WORKER: "image", Target.CONTROL: "control_image"}[target]
    image: Image = request.getfixturevalue(fixture)
    return image


@pytest.fixture(scope="module")
def contents(
    engine: RunningEngine, built: Image, tmp_path_factory: pytest.TempPathFactory
) -> Contents:
    """All that is in any layer, also what a later one would hide."""
    saved = tmp_path_factory.mktemp("saved") / "image.tar"
    engine.ask("save", "--output", str(saved), built.name, seconds=120)
    with tarfile.open(saved) as archive:
        (manifest,) = json.loads(read(archive, "manifest.json").read())
        files = [file for layer in manifest["Layers"] for file in files_in(archive, layer)]
    saved.unlink()
    return Contents(
        frozenset(file.name for file in files),
        frozenset(file.name for file in files if is_roots(file)),
    )


def read(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    assert file is not None
    return file


def is_roots(file: tarfile.TarInfo) -> bool:
    return file.uid == 0 and (file.issym() or not file.mode & 0o022)


def files_in(archive: tarfile.TarFile, layer: str) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(fileobj=read(archive, layer)) as entries:
        yield from (entry for entry in entries if not entry.isdir())


@pytest.fixture(scope="module")
def configuration(engine: RunningEngine, built: Image) -> dict[str, Any]:
    found: dict[str, Any] = engine.inspect(built.name)["Config"]
    return found


def test_an_image_is_at_most_nine_tenths_of_a_plain_install(built: Image) -> None:
    print(f"{built.image_bytes} bytes, {built.ratio:.3f} of a plain install")
    assert built.ratio <= LARGEST_RATIO


def test_the_control_planes_image_has_no_agents_parts(contents: Contents, target: Target) -> None:
    packages = {path.split("/site-packages/")[1].split("/")[0] for path in venv(contents)}
    assert ("av" in packages, "openai" in packages) == ((target is Target.WORKER,) * 2)
    assert {"livekit", "numpy"} <= packages


def venv(contents: Contents) -> set[str]:
    return {path for path in contents.below("opt/venv/lib") if "/site-packages/" in path}


def test_the_report_names_the_size_the_ten_largest_parts_and_the_ratio(
    engine: RunningEngine, built: Image
) -> None:
    first, *largest, last = report(engine, built).splitlines()
    print("\n".join([first, *largest, last]))
    assert built.name in first
    sizes = [float(line.split()[0]) for line in largest]
    assert len(sizes) == 10
    assert sizes == sorted(sizes, reverse=True)
    assert "livekit" in [line.split()[-1] for line in largest]
    assert f"{built.ratio:.2f}" in last


@pytest.mark.parametrize("program", _PROGRAMS)
def test_there_is_no_installer_and_no_compiler(contents: Contents, program: str) -> None:
    assert [path for path in contents.named(program) if "/bin/" in f"/{path}"] == []


def test_there_is_no_pip_in_any_form(contents: Contents) -> None:
    assert [path for path in contents.names if "/pip/" in path or "ensurepip" in path] == []
    assert [path for path in contents.names if path.endswith(".whl")] == []


def test_there_are_no_tests_inside(contents: Contents) -> None:
    assert [path for path in contents.names if "/tests/" in path] == []


def test_of_ours_there_is_what_runs_and_nothing_else(contents: Contents, own: Own) -> None:
    ours = {path.split("/")[1] for path in contents.below("app")}
    assert ours == {*own.packages, *own.programs, "__pycache__"}


def test_every_file_of_ours_is_there_and_byte_compiled(contents: Contents, own: Own) -> None:
    for folder in own.packages:
        for source in Path(ROOT, folder).rglob("*.py"):
            inside = PurePosixPath("app", source.relative_to(ROOT))
            assert str(inside) in contents.names
            compiled = inside.parent / "__pycache__"
            assert contents.below(str(compiled)), f"{inside} is not compiled"


def test_what_runs_belongs_to_root(contents: Contents) -> None:
    for folder in ("app", "opt/venv", "usr"):
        assert contents.below(folder)
        assert contents.below(folder) - contents.roots == set()


def test_nothing_of_the_building_network_stays(contents: Contents) -> None:
    assert contents.named("pip.conf") == []
    assert contents.below("run/secrets") == set()


def test_no_layer_holds_a_secret(
    engine: RunningEngine, built: Image, contents: Contents, configuration: dict[str, Any]
) -> None:
    assert [path for path in contents.names if path.endswith((".env", ".keys"))] == []
    assert {*contents.below("keys"), *contents.below("state")} == set()
    # What an image is told while it is built stands in its history: no index, no token.
    history = engine.ask("history", "--no-trunc", "--format", "{{.CreatedBy}}", built.name)
    assert "://" not in history
    assert not [line for line in configuration["Env"] if "TOKEN" in line or "SECRET" in line]


def test_it_starts_our_program_as_a_user_that_is_not_root(
    configuration: dict[str, Any], own: Own
) -> None:
    assert configuration["Entrypoint"] == own.entrypoint
    assert configuration["User"] == own.user


def test_its_health_check_asks_with_our_script(configuration: dict[str, Any]) -> None:
    assert "/app/healthcheck.py" in configuration["Healthcheck"]["Test"]


def test_it_says_what_it_is(configuration: dict[str, Any]) -> None:
    labels = configuration["Labels"]
    for name in ("title", "description", "licenses"):
        assert labels[f"org.opencontainers.image.{name}"]
    assert labels["org.opencontainers.image.version"] == VERSION
