"""How strictly a tenant's rules apply: the values of the variables that say so."""

from enum import StrEnum


class ClaimPolicy(StrEnum):
    """Whether a call's dispatch must carry a claim; `optional` verifies one that is there."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    OFF = "off"


class Strictness(StrEnum):
    """What follows when something does not hold."""

    REQUIRED = "required"
    WARN = "warn"
    OFF = "off"
