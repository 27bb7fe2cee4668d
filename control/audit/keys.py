"""Asks projects about keys that are not theirs, and the registry about keys that are shared."""

from collections.abc import Sequence

from control.audit.findings import AuditFinding, AuditOutcome, Question
from control.tenants.tenant import Tenant
from project.connection import ask_validate
from project.credentials import Credentials
from project.faults import (
    MissingGrant,
    ProjectFault,
    Refused,
    TokenTimeFault,
    UnknownKey,
    WrongSecret,
)
from project.tokens import bare_token

_TIMEOUT_SECONDS = 5.0


async def ask_key(tenant: Tenant, other: Tenant) -> AuditFinding:
    """Try one tenant's key at the other's project, with a token that could do nothing anyway."""
    mine = tenant.credentials
    there = Credentials(other.credentials.url, mine.api_key, mine.api_secret)
    try:
        await ask_validate(there, bare_token(mine), timeout_seconds=_TIMEOUT_SECONDS)
    except ProjectFault as fault:
        outcome, detail = _judge(fault)
    else:
        outcome, detail = AuditOutcome.DISPROVEN, "the project accepts the key"
    return AuditFinding(Question.KEY, tenant.id, other.id, outcome, detail)


def _judge(fault: ProjectFault) -> tuple[AuditOutcome, str]:
    if isinstance(fault, MissingGrant):
        return (
            AuditOutcome.DISPROVEN,
            "the project accepts key and secret; only the grant is missing",
        )
    if isinstance(fault, UnknownKey | WrongSecret):
        return AuditOutcome.PROVEN, f"refused: {fault}"
    if isinstance(fault, TokenTimeFault) or not isinstance(fault, Refused):
        return AuditOutcome.UNPROVEN, f"{fault}"
    return AuditOutcome.PROVEN, f"refused: {fault}"


def judge_credentials(
    tenant: Tenant, tenants: Sequence[Tenant], operator_fingerprint: str | None
) -> AuditFinding:
    """Tell whether a tenant's key is the operator's or another tenant's."""
    mine = tenant.credentials.fingerprint
    others = [
        other.id
        for other in tenants
        if other.id != tenant.id and other.livekit and other.livekit.fingerprint == mine
    ]
    if mine == operator_fingerprint:
        outcome, detail = AuditOutcome.DISPROVEN, "the key is the operator's own"
    elif others:
        outcome, detail = AuditOutcome.DISPROVEN, f"the key is also {', '.join(others)}'s"
    else:
        outcome, detail = AuditOutcome.PROVEN, f"key {mine} stands once in the registry"
    return AuditFinding(Question.CREDENTIALS, tenant.id, None, outcome, detail)
