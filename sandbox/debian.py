"""Debian's packages: what this machine lacks is installed, and a base image is made of them."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from contract.programs import ROOT

CACHE = ROOT / ".cache"
SUITE = "trixie"
_MIRROR = "http://deb.debian.org/debian"
_INCLUDED = ("ca-certificates", "python3", "python3-venv")
_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_LOCK_SECONDS = 300


class DebianFault(RuntimeError):
    """A tool of Debian's failed; the message has the end of its output."""


def install(programs: Mapping[str, str]) -> None:
    """Install the packages of those programs that are not there yet.

    Args:
        programs: a program's path, and the package that brings it.

    Raises:
        DebianFault: this is no Debian, or not root, or apt failed.
    """
    missing = sorted({package for path, package in programs.items() if not Path(path).exists()})
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise DebianFault(f"needed are Debian's packages {' '.join(missing)}: install them as root")
    options = ["-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}", "-o", "Acquire::Retries=5"]
    # An unreachable list of no concern makes `update` fail; `install` is what must succeed.
    subprocess.run(
        ["apt-get", "update", "-qq", *options], env=os.environ | _QUIET, capture_output=True
    )
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *options, *missing]
    _run(command, "apt-get install")


def base_archive() -> Path:
    """Give a small Debian with Python as a tar archive, made once and kept in .cache.

    Raises:
        DebianFault: debootstrap or tar failed.
    """
    archive = CACHE / "base" / f"{SUITE}.tar"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with _locked(archive.with_suffix(".lock")):
        if not archive.exists():
            install({"/usr/sbin/debootstrap": "debootstrap"})
            _make(archive)
    return archive


def _make(archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="debootstrap-", dir=archive.parent) as folder:
        root = Path(folder, "root")
        include = f"--include={','.join(_INCLUDED)}"
        _run(
            ["debootstrap", "--variant=minbase", include, SUITE, str(root), _MIRROR],
            "debootstrap",
        )
        unfinished = archive.with_suffix(".unfinished")
        # An image needs no lists and archives of packages.
        left_out = ["--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*"]
        _run(["tar", *left_out, "-C", str(root), "-cf", str(unfinished), "."], "tar")
        unfinished.rename(archive)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str], tool: str) -> None:
    result = subprocess.run(
        command,
        env=os.environ | _QUIET,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if result.returncode != 0:
        raise DebianFault(f"{tool} failed:\n{result.stdout[-3000:]}")
