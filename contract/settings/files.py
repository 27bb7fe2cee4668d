"""What a file that a setting names may be, and the words for one that cannot be used.

Nothing is opened here: each program brings the function that reads.
"""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol


@dataclass(frozen=True)
class FileBounds:
    """How many bytes a file may have, and whether a pipe may stand in its place."""

    most_bytes: int
    takes_pipe: bool = False


_VALUE = FileBounds(64 * 1024)


class ReadFile(Protocol):
    """What a program brings to have its files read."""

    def __call__(self, path: PurePath, bounds: FileBounds) -> bytes:
        """Read a file from its beginning, at most one byte more than it may have.

        Raises:
            OSError: it cannot be read; NotPlainFile where reading might never end.
        """


class NotPlainFile(OSError):
    """A pipe, a socket or a device where a file is needed."""


class UnusableFile(Exception):
    """A file that cannot be used; the text goes on after its name, and never holds its content."""


def read_content(path: PurePath, bounds: FileBounds, read_file: ReadFile) -> bytes:
    """Have a whole file read.

    Raises:
        UnusableFile: it cannot be read, or is too long.
    """
    try:
        content = read_file(path, bounds)
    except IsADirectoryError:
        raise UnusableFile("is a folder") from None
    except NotPlainFile:
        raise UnusableFile("is not a plain file") from None
    except OSError as error:
        raise UnusableFile(f"cannot be read: {error.strerror}") from None
    if len(content) > bounds.most_bytes:
        raise UnusableFile(f"is longer than {bounds.most_bytes // 1024} KiB")
    return content


def read_text(path: PurePath, bounds: FileBounds, read_file: ReadFile) -> str:
    """Have a whole file read as UTF-8, without a byte order mark.

    Raises:
        UnusableFile: it cannot be read, is too long, or is no text.
    """
    try:
        return read_content(path, bounds, read_file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableFile("is not UTF-8 text") from None


def read_value(path: PurePath, read_file: ReadFile) -> str:
    """Have the file of a NAME_FILE read: one value, without blanks and line ends around it.

    Raises:
        UnusableFile: it cannot be read, is too long, is no text, or is empty.
    """
    if value := read_text(path, _VALUE, read_file).strip():
        return value
    raise UnusableFile("is empty")
