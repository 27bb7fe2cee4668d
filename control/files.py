"""The files that settings name, opened: a tenant's env file, and those that it names."""

from pathlib import Path, PurePath

from contract.settings.files import FileBounds, NotPlainFile


def read_file(path: PurePath, bounds: FileBounds) -> bytes:
    """Read a file from its beginning, at most one byte more than it may have.

    Raises:
        OSError: it cannot be read; NotPlainFile where reading might never end.
    """
    file = Path(path)
    if file.exists() and not (file.is_file() or file.is_dir() or bounds.takes_pipe):
        raise NotPlainFile
    with file.open("rb") as content:
        return content.read(bounds.most_bytes + 1)
