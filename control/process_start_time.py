"""When a process started: a process number alone is used again."""

from pathlib import Path


def process_start_time(pid: int) -> int | None:
    """Give when a running process started, in clock ticks since boot; None once it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold anything; the fields after it are plain.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])
