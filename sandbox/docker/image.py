"""The container images: built by a real engine, and weighed beside a plain `pip install`."""

import re
import subprocess
import tarfile
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from contract.programs import ROOT
from contract.version import VERSION
from sandbox.debian import SUITE, base_archive
from sandbox.docker.engine import DOCKER, EngineFault, RunningEngine

LARGEST_RATIO = 0.9
BASE = f"localhost/base:{SUITE}"
_LARGEST_PARTS = 10
_BUILD_SECONDS = 900.0
# What pip needs of this machine's network; none of it stays in the image.
_SECRETS = {
    "pip_conf": (Path("/etc/pip.conf"), Path.home() / ".config/pip/pip.conf"),
    "ca": (Path("/etc/ssl/certs/ca-certificates.crt"),),
}
_PACKAGE = re.compile(r"opt/venv/lib/python3[^/]*/site-packages/([^/]+)")


class Target(StrEnum):
    """What the Dockerfile makes an image of."""

    WORKER = "worker"
    CONTROL = "control"


@dataclass(frozen=True)
class Image:
    """A built image; sizes in bytes, `plain_bytes` of a plain install on the same base."""

    name: str
    image_bytes: int
    plain_bytes: int

    @property
    def ratio(self) -> float:
        """Its size as a share of the plain install's."""
        return self.image_bytes / self.plain_bytes


@dataclass(frozen=True)
class ImagePart:
    """A Python package, or a folder of the system, with its size in bytes."""

    name: str
    part_bytes: int


def build(engine: RunningEngine, target: Target, *, shows_progress: bool = False) -> Image:
    """Build an image, and the plain one that it is measured against, from what lies here.

    Raises:
        DebianFault: the base could not be made.
        EngineFault: a build failed.
    """
    if not engine.has_image(BASE):
        engine.ask("import", str(base_archive()), BASE, seconds=120)
    plain, name = f"livekit-tenant-{target}:plain", f"livekit-tenant-{target}:sandbox"
    _build(engine, plain, f"{target}-plain", shows_progress)
    _build(engine, name, target, shows_progress)
    engine.run("image", "prune", "--force")  # what this build has replaced
    return Image(name, _size(engine, name), _size(engine, plain))


def parts(engine: RunningEngine, name: str) -> tuple[ImagePart, ...]:
    """Measure the parts of an image, the largest first.

    Raises:
        EngineFault: there is no such image.
    """
    container = engine.ask("create", "--network", "none", name)
    try:
        sizes = _sizes(engine, container)
    finally:
        engine.run("rm", container)
    return tuple(ImagePart(part, size) for part, size in sizes.most_common())


def report(engine: RunningEngine, image: Image) -> str:
    """Say how large an image is, of what, and beside what."""
    lines = [f"{image.name}: {_megabytes(image.image_bytes)}; the ten largest parts:"]
    largest = parts(engine, image.name)[:_LARGEST_PARTS]
    lines += [f"  {_megabytes(part.part_bytes)}  {part.name}" for part in largest]
    lines.append(
        f"a plain pip install on the same base: {_megabytes(image.plain_bytes)}; "
        f"the image is {image.ratio:.2f} of it (at most {LARGEST_RATIO})"
    )
    return "\n".join(lines)


def _build(engine: RunningEngine, name: str, stage: str, shows_progress: bool) -> None:
    command = [DOCKER, "build", "--network", "host", "--progress", "plain", "--tag", name]
    command += ["--target", stage, "--build-arg", f"BASE_IMAGE={BASE}"]
    command += ["--build-arg", f"VERSION={VERSION}"]
    for secret, places in _SECRETS.items():
        for place in places:
            if place.exists():
                command += ["--secret", f"id={secret},src={place}"]
                break
    done = subprocess.run(
        [*command, str(ROOT)],
        env=engine.environment(),
        stdin=subprocess.DEVNULL,
        stdout=None if shows_progress else subprocess.PIPE,
        stderr=None if shows_progress else subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_BUILD_SECONDS,
    )
    if done.returncode != 0:
        raise EngineFault(f"{name} was not built:\n{(done.stdout or '')[-5000:]}")


def _size(engine: RunningEngine, name: str) -> int:
    return int(engine.inspect(name)["Size"])


def _sizes(engine: RunningEngine, container: str) -> "Counter[str]":
    sizes: Counter[str] = Counter()
    export = subprocess.Popen(
        [DOCKER, "export", container], env=engine.environment(), stdout=subprocess.PIPE
    )
    with export:
        with tarfile.open(fileobj=export.stdout, mode="r|") as archive:
            for entry in archive:
                sizes[_part(entry.name)] += entry.size
    if export.returncode != 0:
        raise EngineFault("docker export failed")
    return sizes


def _part(path: str) -> str:
    if match := _PACKAGE.match(path):
        return match[1]
    return "/" + "/".join(PurePosixPath(path).parts[:3])


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:6.1f} MB"
