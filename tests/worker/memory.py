"""What is in another process's memory, as the kernel shows it to whoever may trace that process."""

from pathlib import Path


def copies_in_memory(pid: int, text: str) -> int:
    """Count the copies of a text in all that a process can read and has ever written."""
    needle = text.encode()
    found = 0
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(one, 16) for one in span.split("-"))
            memory.seek(start)
            found += memory.read(end - start).count(needle)
    return found
