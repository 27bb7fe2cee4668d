"""Limits of a worker and their defaults: calls, seconds, memory, processes."""

DEFAULT_MAX_CALLS = 10
MOST_CALLS = 1000
DEFAULT_MAX_CALL_SECONDS = 3600
DEFAULT_CALL_MEMORY_LIMIT_MB = 256
DEFAULT_DRAIN_SECONDS = 3600
DEFAULT_HURRY_SECONDS = 10
DEFAULT_HEALTH_HOST = "0.0.0.0"  # noqa: S104 - a container's health is asked from outside
DEFAULT_HEALTH_PORT = 8081
DEFAULT_LOG_LEVEL = "INFO"
# A launcher that stops a worker waits this much longer than its drain before it kills it.
STOP_GRACE_SECONDS = 30

_MEMORY_BASE_MIB, _MEMORY_PER_CALL_MIB = 256, 96
_PIDS_BASE, _PIDS_PER_CALL = 64, 48


def memory_mib(max_calls: int) -> int:
    """Give a container's memory limit in MiB: a worker at rest, and each call beside it."""
    return _MEMORY_BASE_MIB + _MEMORY_PER_CALL_MIB * max_calls


def calls_within(limit_mib: int) -> int:
    """Give the MAX_CALLS for which a limit in MiB is enough; 0 or less when none fits."""
    return (limit_mib - _MEMORY_BASE_MIB) // _MEMORY_PER_CALL_MIB


def pids(max_calls: int) -> int:
    """Give a container's limit of processes and threads."""
    return _PIDS_BASE + _PIDS_PER_CALL * max_calls
