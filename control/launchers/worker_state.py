"""What a worker leaves behind on disk: its state.json, and the last line of its log."""

import json
import os
from pathlib import Path

from contract.records.foreign_json import as_sentence
from contract.records.worker_status import LONGEST_BYTES, STATE_FILE, StateFile


def read(folder: Path) -> StateFile:
    """Read a state folder; one that says nothing yet gives an empty state."""
    try:
        # The folder is the tenant's code's as well: no link is followed, no pipe waited for.
        file = os.open(folder / STATE_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as opened:
            return StateFile.parse(opened.read(LONGEST_BYTES + 1))
    except OSError:
        return StateFile()


def last_line(log: bytes) -> str:
    """Give a log's last line, or the message of it where it is a JSON record; 300 characters.

    Workers mask secrets in whatever they log.
    """
    lines = log.decode(errors="replace").strip().splitlines()
    last = lines[-1] if lines else ""
    try:
        record = json.loads(last)
    except (ValueError, RecursionError):
        record = None
    if isinstance(record, dict) and record.get("message"):
        last = str(record["message"])
    return as_sentence(last)
