"""Programs of others for tests: with modules of their own that are called as ours are."""

import subprocess
import sys
from pathlib import Path

from contract.programs import ROOT
from sandbox.child import plain_environment


def write(folder: Path, **texts: str) -> None:
    """Write modules into a folder; `a__b` is the module b of a folder a, without `__init__.py`."""
    for name, text in texts.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def printed(folder: Path, program: str, *first: Path) -> str:
    """Run a program in a folder; give what it prints. `first` is searched before our folder."""
    searched = [*first, ROOT, folder]
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=folder,
        env=plain_environment() | {"PYTHONPATH": ":".join(map(str, searched))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()
