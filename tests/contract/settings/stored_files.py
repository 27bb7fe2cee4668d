"""Files that stand in a dictionary instead of on a disk, read as a program would have them read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from contract.settings.files import FileBounds


@dataclass(frozen=True)
class StoredFiles:
    """Answers as a program's own function: with bytes, or with the error of an opening."""

    contents: Mapping[str, bytes | OSError]

    def __call__(self, path: PurePath, bounds: FileBounds) -> bytes:
        content = self.contents.get(
            str(path), FileNotFoundError(2, "No such file or directory", str(path))
        )
        if isinstance(content, OSError):
            raise content
        return content[: bounds.most_bytes + 1]
