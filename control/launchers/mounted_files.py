"""The files that a worker is started with: its AGENT_CONFIG, and mounted credentials."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from contract.variables import VARIABLES

# Whoever may not enter the folder on the host cannot reach the files; inside a container each file
# is mounted alone, and the worker's own user, whose number the host does not know, must read it.
_FOLDER_MODE, _FILE_MODE = 0o700, 0o444
_NAMES = frozenset(variable.name for variable in VARIABLES if variable.takes_file)


def write(folder: Path, files: Mapping[str, str]) -> dict[str, Path]:
    """Write each text as a file named after its variable; gives variable → path."""
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)
    return {name: _write(folder / name.lower(), text) for name, text in files.items()}


def split_credentials(plain: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Part an environment into what may be seen by all, and what is to be mounted as files."""
    mounted = {n: v for n, v in plain.items() if n in _NAMES and v}
    return {n: v for n, v in plain.items() if n not in mounted}, mounted


def remove(folder: Path) -> None:
    """Remove a worker's files; absent ones are fine."""
    shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    path.chmod(_FILE_MODE)
    return path
