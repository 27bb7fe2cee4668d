"""Whether this container's memory is enough for the calls that it may be asked to take."""

from pathlib import Path

from contract.limits import calls_within, memory_mib

_MIB = 1024 * 1024
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def warning(max_calls: int, limit_mib: int | None) -> str | None:
    """Say that a limit is too small for MAX_CALLS; None when it is enough or there is none."""
    needed = memory_mib(max_calls)
    if limit_mib is None or limit_mib >= needed:
        return None
    fitting = calls_within(limit_mib)
    advice = (
        f"or set MAX_CALLS={fitting}" if fitting > 0 else f"even one call needs {memory_mib(1)}"
    )
    return (
        f"this container may use {limit_mib} MiB, and MAX_CALLS={max_calls} needs {needed} MiB: "
        f"raise the limit, {advice}"
    )


def limit_mib() -> int | None:
    """Read the cgroup's memory limit in MiB; None where there is none."""
    for path in _LIMITS:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        return _mib(text)
    return None


def _mib(text: str) -> int | None:
    # Version 1 writes "no limit" as a number near 2**63.
    is_a_limit = text.isdigit() and int(text) < 2**60
    return int(text) // _MIB if is_a_limit else None
