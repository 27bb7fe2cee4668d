"""The wheel, built from what lies here and installed into an environment of its own, for tests."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from contract.programs import ROOT
from sandbox.child import plain_environment

_UV = str(ROOT / ".tools" / "bin" / "uv")
# What others install beside it is in the lock file's versions, as all that is tested is.
_LOCKED = (*("export", "--frozen", "--quiet", "--no-default-groups", "--extra", "control"),)
_LONGEST_SECONDS = 120.0  # a first start compiles all that it imports
_NO_OTHERS = ("--no-emit-project", "--no-hashes", "--no-header", "--no-annotate")


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel and its `control` extra; `folder` is where its programs run."""

    environment: Path
    folder: Path

    def script(self, name: str) -> str:
        """Name a program of the environment."""
        return str(self.environment / "bin" / name)

    def run(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs from the folder, with these variables and nothing of ours."""
        return subprocess.run(
            [self.script(name), *arguments],
            cwd=self.folder,
            env=plain_environment() | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
        )


def build_wheel(folder: Path) -> Path:
    """Build the wheel into a folder, with the backend that the lock file names."""
    uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", str(folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Installed:
    """Install a wheel with its `control` extra into a new environment."""
    environment, elsewhere = folder / "environment", folder / "elsewhere"
    locked = folder / "locked.txt"
    elsewhere.mkdir()
    uv(*_LOCKED, *_NO_OTHERS, "--output-file", str(locked))
    uv("venv", "--python", sys.executable, str(environment))
    uv(
        *("pip", "install", "--python", str(environment / "bin" / "python")),
        *("--constraint", str(locked), f"{wheel}[control]"),
    )
    return Installed(environment, elsewhere)


def uv(*arguments: str) -> None:
    """Run uv; what it says is shown when it fails."""
    ran = subprocess.run([_UV, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
