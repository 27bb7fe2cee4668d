"""The exit codes of our programs, and after which of them a launcher must not start again."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The container's exit codes, in the words of sysexits.h where it has them."""

    OK = 0
    UNAVAILABLE = 69
    SOFTWARE = 70
    CUT_OFF = 75
    REFUSED = 77
    CONFIG = 78

    @property
    def is_permanent(self) -> bool:
        """Tell whether only a person can change the outcome of another start."""
        return self in (ExitCode.REFUSED, ExitCode.CONFIG)


def most_permanent(codes: set[ExitCode]) -> ExitCode:
    """Choose among several faults: 78 before 77 before the rest; OK when there is none."""
    return max(codes, default=ExitCode.OK)
