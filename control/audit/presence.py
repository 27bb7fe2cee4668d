"""Asks projects, by probes, who is there: the tenant's worker, somebody else, or nobody."""

from collections.abc import Callable, Coroutine
from typing import Any

from contract.metadata import ProbeWant
from control.audit.findings import AuditFinding, AuditOutcome, Question
from control.tenants.tenant import Tenant
from project.connection import Project
from project.faults import ProjectFault
from project.probes import ProbeAnswer, probe

# The server itself waits no longer than 3 s for a worker's answer to an offer.
_ANSWER_SECONDS = 6.0
_ELSEWHERE_SECONDS = 3.0
_RIVALS_SECONDS = 6.0
_ELSEWHERE_POLL_SECONDS = 0.75

_Sent = Coroutine[Any, Any, tuple[ProbeAnswer, ...]]
_Judge = Callable[[tuple[ProbeAnswer, ...]], tuple[AuditOutcome, str]]


async def ask_worker(tenant: Tenant, project: Project) -> AuditFinding:
    """Ask a tenant's own project whether its worker is there; a disabled tenant has none."""
    sent = probe(
        project,
        tenant_prefix=tenant.room_prefix,
        agent_name=tenant.agent_name,
        want=ProbeWant.ANSWER,
        patience_seconds=_ANSWER_SECONDS if tenant.enabled else _ELSEWHERE_SECONDS,
    )
    return await _find(
        Question.WORKER, tenant, None, sent, lambda came: _judge_worker(tenant, came)
    )


async def ask_elsewhere(tenant: Tenant, other: Tenant, others_project: Project) -> AuditFinding:
    """Ask another tenant's project for this tenant's worker; nobody must answer."""
    sent = probe(
        others_project,
        tenant_prefix=tenant.room_prefix,
        agent_name=tenant.agent_name,
        want=ProbeWant.ANSWER,
        patience_seconds=_ELSEWHERE_SECONDS,
        poll_seconds=_ELSEWHERE_POLL_SECONDS,
    )
    return await _find(Question.ELSEWHERE, tenant, other, sent, _judge_elsewhere)


async def ask_rivals(tenant: Tenant, project: Project) -> AuditFinding:
    """Wait in a plainly made room for whoever comes that is not this tenant's."""
    sent = probe(
        project,
        tenant_prefix=tenant.room_prefix,
        agent_name=tenant.agent_name,
        want=ProbeWant.RIVALS,
        patience_seconds=_RIVALS_SECONDS,
        plain_room=True,
    )
    return await _find(Question.RIVALS, tenant, None, sent, _judge_rivals)


async def _find(
    question: Question, tenant: Tenant, other: Tenant | None, sent: _Sent, judge: _Judge
) -> AuditFinding:
    try:
        outcome, detail = judge(await sent)
    except ProjectFault as fault:
        outcome, detail = AuditOutcome.UNPROVEN, f"{fault}"
    return AuditFinding(question, tenant.id, other.id if other else None, outcome, detail)


def _judge_worker(tenant: Tenant, answers: tuple[ProbeAnswer, ...]) -> tuple[AuditOutcome, str]:
    ours = [answer for answer in answers if _is_of(tenant, answer)]
    strangers = [answer.identity for answer in answers if answer not in ours]
    if strangers:
        return AuditOutcome.DISPROVEN, f"answered by a stranger: {', '.join(strangers)}"
    if ours and not tenant.enabled:
        return AuditOutcome.DISPROVEN, "the tenant is disabled, and a worker of its answers"
    if not ours and tenant.enabled:
        return AuditOutcome.UNPROVEN, f"nobody answered within {_ANSWER_SECONDS:g} s"
    return AuditOutcome.PROVEN, "it answered a probe" if ours else "disabled, and nobody answers"


def _is_of(tenant: Tenant, answer: ProbeAnswer) -> bool:
    """Hold an answer against the registry; it proves nothing against a holder of the key."""
    announced = (answer.attributes.get("tenant"), answer.attributes.get("key_fingerprint"))
    return announced == (tenant.id, tenant.credentials.fingerprint)


def _judge_elsewhere(answers: tuple[ProbeAnswer, ...]) -> tuple[AuditOutcome, str]:
    if answers:
        # Another tenant's agent of the same name refuses the room; whoever comes serves this one.
        return AuditOutcome.DISPROVEN, f"answered by {answers[0].identity}"
    return AuditOutcome.PROVEN, f"nobody answered within {_ELSEWHERE_SECONDS:g} s"


def _judge_rivals(answers: tuple[ProbeAnswer, ...]) -> tuple[AuditOutcome, str]:
    if answers:
        came = ", ".join(sorted(answer.identity for answer in answers))
        return AuditOutcome.DISPROVEN, f"taken by somebody else: {came}"
    return AuditOutcome.PROVEN, f"nobody came within {_RIVALS_SECONDS:g} s"
