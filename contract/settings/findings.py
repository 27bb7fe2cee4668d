"""What is wrong with the settings, or worth knowing: one finding each, naming the variable."""

from collections.abc import Iterator
from dataclasses import dataclass

COMPLETE = "settings.complete"
WELLFORMED = "settings.wellformed"
ONE_SOURCE = "settings.one-source"
NOT_SWAPPED = "settings.not-swapped"


@dataclass(frozen=True)
class Finding:
    """One fault or warning of the check `check_id`; it never holds a secret's value."""

    check_id: str
    variable: str
    problem: str
    example: str = ""
    is_warning: bool = False

    def __str__(self) -> str:
        """Say it in one line: the variable, what is wrong, and an example of a good value."""
        line = f"{self.variable}: {self.problem}"
        return f"{line}; for example {self.example}" if self.example else line


@dataclass(frozen=True)
class Findings:
    """Settings that cannot be used: every finding at once, and who they are for where known.

    `has_all_sources` is false where a source could not be read, so that what it holds is not known.
    """

    all: tuple[Finding, ...]
    tenant: str | None = None
    host: str | None = None
    key_fingerprint: str | None = None
    has_all_sources: bool = True

    def __iter__(self) -> Iterator[Finding]:
        """Go through faults and warnings in the order in which they were found."""
        return iter(self.all)

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Leave out the warnings."""
        return tuple(finding for finding in self.all if not finding.is_warning)
