"""Names that begin like ours and are unknown: most often a slip of the keyboard."""

import difflib
from collections.abc import Iterable

from contract.settings.findings import WELLFORMED, Finding

# Nobody else's names begin so on a tenant's machine; others (`LOG_`, `MAX_`) must come closer.
_OURS = ("TENANT", "LIVEKIT_", "CLAIM_", "FOREIGN_", "RIVAL_", "DRAIN_", "HURRY_", "USAGE_")
_CLOSE = 0.85


def unknown_names(
    names: Iterable[str], known: frozenset[str], *, has_own_agent: bool
) -> tuple[Finding, ...]:
    """Report each unknown name that begins like ours, with the nearest known name.

    A tenant's own agent may read the provider's further variables; nobody else here does.
    """
    longer_than_ours = tuple(f"{name}_" for name in known if "_" in name)
    providers = () if has_own_agent else ("OPENAI_",)
    beginnings = (*_OURS, *providers, *longer_than_ours)
    findings = (_finding(name, known, beginnings) for name in sorted(set(names) - known))
    return tuple(finding for finding in findings if finding)


def _finding(name: str, known: frozenset[str], beginnings: tuple[str, ...]) -> Finding | None:
    begins_like_ours = name.startswith(beginnings)
    nearest = difflib.get_close_matches(
        name, sorted(known), n=1, cutoff=0.0 if begins_like_ours else _CLOSE
    )
    if not nearest:
        return None
    problem = f"is not a variable of ours and has no effect; did you mean {nearest[0]}?"
    return Finding(WELLFORMED, name, problem, is_warning=True)
