"""Takes secrets out of this process's memory, wherever a copy of one was left."""

import ctypes
import os
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path

_PIECE = 1 << 20
# A shorter text may be part of anything; whoever signs with it has not much to lose.
_SHORTEST = 12
# As Python holds a text by itself, inside one with a character such as "…", and inside one with
# an emoji.
_FORMS = ("utf-8", "utf-16-le", "utf-32-le")


def erase(secrets: Iterable[str]) -> None:
    """Overwrite every copy in writable memory, in what was freed and in the environment too.

    For a process of one thread on Linux that needs none of them: a text that held a secret, the
    argument included, has zeros there afterwards. A text of less than twelve characters stays.
    """
    forms = [text.encode(form) for text in secrets if len(text) >= _SHORTEST for form in _FORMS]
    if not forms:
        return
    # What is searched for, and a piece to search in: left out while searching, emptied after it.
    needles, piece = bytearray(b"".join(forms)), bytearray(_PIECE)
    own = [_span(needles), _span(piece)]
    ends = list(accumulate(map(len, forms)))
    starts = [0, *ends[:-1]]
    forms.clear()
    memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    with memoryview(needles) as view:
        sought = [view[start:end] for start, end in zip(starts, ends, strict=True)]
        for address, length in _copies(memory, sought, piece):
            if not any(address in span for span in own):
                os.pwrite(memory, bytes(length), address)
        sought.clear()
    os.close(memory)
    for held in (needles, piece):
        held[:] = bytes(len(held))


def _copies(memory: int, sought: list[memoryview], piece: bytearray) -> Iterator[tuple[int, int]]:
    nothing = memoryview(bytes(_PIECE))
    step = _PIECE - max(map(len, sought))
    for area in _writable():
        for start in range(area.start, area.stop, step):
            with memoryview(piece) as view:
                size = min(_PIECE, area.stop - start)
                try:
                    os.preadv(memory, [view[:size]], start)
                except OSError:
                    break  # a device's memory, which holds no text of ours
            if piece.startswith(nothing[:size]):
                continue  # never used, and slow to search for a form that holds zeros
            for needle in sought:
                at = piece.find(needle, 0, size)
                while at >= 0:
                    yield start + at, len(needle)
                    at = piece.find(needle, at + 1, size)


def _writable() -> list[range]:
    lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    spans = [line[0].split("-") for line in lines if line[1] == "rw-p"]
    return [range(int(start, 16), int(end, 16)) for start, end in spans]


def _span(held: bytearray) -> range:
    start = ctypes.addressof(ctypes.c_char.from_buffer(held))
    return range(start, start + len(held))
