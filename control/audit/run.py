"""Runs an audit: every question of every tenant and pair, as many at once as is polite."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from control.audit.billing import Origin, judge_usage
from control.audit.findings import (
    PAIR_QUESTIONS,
    Audit,
    AuditedTenant,
    AuditFinding,
    AuditOutcome,
    Question,
)
from control.audit.keys import ask_key, judge_credentials
from control.audit.offers import ask_offers, make_trials
from control.audit.presence import ask_elsewhere, ask_rivals, ask_worker
from control.tenants.tenant import Tenant
from control.workers.tenant_workers import AsksWorkers
from project.connection import Project

_PAIRS_AT_ONCE = 80
_PROJECT_SECONDS = 10.0


@dataclass(frozen=True)
class AuditEvidence:
    """All that an audit looks at beside the projects: the registry, workers, records, our key."""

    tenants: Sequence[Tenant]
    workers: AsksWorkers
    origins: Sequence[Origin] = ()
    operator_fingerprint: str | None = None
    claim_key: Ed25519PrivateKey | None = None


async def audit(
    evidence: AuditEvidence, on_finding: Callable[[AuditFinding], None] | None = None
) -> Audit:
    """Ask everything; `on_finding` hears each answer as it comes."""
    at, begun = time.time(), time.monotonic()
    askable = [tenant for tenant in evidence.tenants if tenant.livekit is not None]
    async with AsyncExitStack() as opened:
        projects = {
            tenant.id: await opened.enter_async_context(
                Project(tenant.credentials, timeout_seconds=_PROJECT_SECONDS)
            )
            for tenant in askable
        }
        found = await _ask_all(_questions(evidence, askable, projects), on_finding)
    found += [_unaskable(tenant) for tenant in evidence.tenants if tenant.livekit is None]
    return Audit(
        at=at,
        elapsed_ms=round((time.monotonic() - begun) * 1000),
        subjects=tuple(_subject(tenant) for tenant in evidence.tenants),
        findings=tuple(sorted(found, key=_order)),
    )


def _questions(
    evidence: AuditEvidence, askable: Sequence[Tenant], projects: dict[str, Project]
) -> list[Coroutine[Any, Any, Sequence[AuditFinding]]]:
    """List what is asked; the pairs of one tenant go through one gate for all."""
    gate = asyncio.Semaphore(_PAIRS_AT_ONCE)
    asked: list[Coroutine[Any, Any, Sequence[AuditFinding]]] = []
    for tenant in askable:
        project = projects[tenant.id]
        others = [other for other in askable if other.id != tenant.id]
        asked.append(_judge_registry(tenant, evidence))
        asked.append(_single(ask_worker(tenant, project)))
        asked.append(_single(ask_rivals(tenant, project)))
        asked.append(_ask_offers(tenant, others, project, evidence))
        for other in others:
            asked.append(_gated(gate, ask_key(tenant, other)))
            asked.append(_gated(gate, ask_elsewhere(tenant, other, projects[other.id])))
    return asked


async def _ask_all(
    asked: list[Coroutine[Any, Any, Sequence[AuditFinding]]],
    on_finding: Callable[[AuditFinding], None] | None,
) -> list[AuditFinding]:
    found: list[AuditFinding] = []
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(question, name="audit question") for question in asked]
        for done in asyncio.as_completed(tasks):
            for finding in await done:
                found.append(finding)
                if on_finding is not None:
                    on_finding(finding)
    return found


async def _judge_registry(tenant: Tenant, evidence: AuditEvidence) -> Sequence[AuditFinding]:
    return (
        judge_credentials(tenant, evidence.tenants, evidence.operator_fingerprint),
        judge_usage(tenant, evidence.tenants, evidence.origins),
    )


async def _ask_offers(
    tenant: Tenant, others: Sequence[Tenant], project: Project, evidence: AuditEvidence
) -> Sequence[AuditFinding]:
    if not tenant.enabled:
        return ()  # it has no worker that could be offered anything; `worker` proves that
    trials = make_trials(tenant, others, evidence.claim_key)
    found = list(await ask_offers(trials, project, evidence.workers))
    if evidence.claim_key is None:
        detail = "CLAIM_PRIVATE_KEY is not set, so no claim can be made"
        found += [
            AuditFinding(Question.CLAIM, other.id, tenant.id, AuditOutcome.UNPROVEN, detail)
            for other in others
        ]
    return found


async def _single(question: Coroutine[Any, Any, AuditFinding]) -> Sequence[AuditFinding]:
    return (await question,)


async def _gated(
    gate: asyncio.Semaphore, question: Coroutine[Any, Any, AuditFinding]
) -> Sequence[AuditFinding]:
    async with gate:
        return (await question,)


def _unaskable(tenant: Tenant) -> AuditFinding:
    problem = tenant.faults[0].problem if tenant.faults else "it has no usable credentials"
    return AuditFinding(Question.CREDENTIALS, tenant.id, None, AuditOutcome.UNPROVEN, problem)


def _subject(tenant: Tenant) -> AuditedTenant:
    livekit = tenant.livekit
    return AuditedTenant(
        id=tenant.id,
        project_host=livekit.host if livekit else "",
        key_fingerprint=livekit.fingerprint if livekit else "",
        enabled=tenant.enabled,
    )


def _order(finding: AuditFinding) -> tuple[bool, str, str, str]:
    is_pair = finding.question in PAIR_QUESTIONS
    return (is_pair, finding.tenant, finding.other or "", finding.question.value)
