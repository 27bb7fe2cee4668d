"""One audit of eleven tenants on real servers, in which every kind of fault has been planted."""

import asyncio
from collections.abc import Iterator

import pytest

from contract.exits import ExitCode
from contract.policies import ClaimPolicy
from control.audit.billing import Origin
from control.audit.findings import Audit, AuditFinding, AuditOutcome, Question
from control.audit.run import AuditEvidence, audit
from sandbox.servers import RunningProject
from tests.control.audit.light import LightFleet, LightWorker, serving
from tests.control.audit.scenes import CLAIM_KEY, Scene, light_worker, make_tenant, start_projects

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ALONE = ("acme", "globex", "rivalled", "nameless", "starred", "lax", "silent", "down", "operators")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RunningProject]]:
    started = start_projects((*ALONE, "shared"), tmp_path_factory.mktemp("audited"))
    try:
        yield started
    finally:
        for project in started.values():
            project.kill()


@pytest.fixture(scope="module")
def done(projects: dict[str, RunningProject]) -> Audit:
    tenants = [make_tenant(name, projects[name].credentials) for name in ALONE]
    shared = projects["shared"].credentials
    tenants += [make_tenant(name, shared) for name in ("first", "second")]
    scene = Scene(projects, tuple(tenants))
    projects["down"].kill()
    return asyncio.run(_audit(scene))


async def _audit(scene: Scene) -> Audit:
    own = {
        tenant.id: light_worker(
            tenant,
            room_prefix="*" if tenant.id == "starred" else None,
            policy=ClaimPolicy.OFF if tenant.id == "lax" else ClaimPolicy.REQUIRED,
        )
        for tenant in scene.tenants
        if tenant.id not in ("silent", "down")
    }
    async with serving([*own.values(), *_strangers(scene)]):
        return await audit(
            AuditEvidence(
                tenants=scene.tenants,
                workers=LightFleet(own),
                origins=_origins(scene),
                operator_fingerprint=scene.tenant("operators").credentials.fingerprint,
                claim_key=CLAIM_KEY,
            )
        )


def _strangers(scene: Scene) -> list[LightWorker]:
    rivalled, nameless, globex = (scene.tenant(name) for name in ("rivalled", "nameless", "globex"))
    return [
        LightWorker(rivalled.credentials, rivalled.agent_name),
        LightWorker(nameless.credentials, agent_name=""),
        # A worker of lax's that somebody started with globex's credentials.
        LightWorker(globex.credentials, scene.tenant("lax").agent_name, "lax"),
    ]


def _origins(scene: Scene) -> tuple[Origin, ...]:
    acme, globex = scene.tenant("acme").credentials, scene.tenant("globex").credentials
    return (
        Origin("acme", "acme", acme.host, acme.fingerprint, 7),
        Origin("lax", "lax", globex.host, globex.fingerprint, 3),
        Origin("silent", "silent", "old.example:443", "0" * 16, 2),
    )


def found(done: Audit, question: Question, tenant: str, other: str | None = None) -> AuditFinding:
    return next(
        finding
        for finding in done.findings
        if (finding.question, finding.tenant, finding.other) == (question, tenant, other)
    )


def test_the_audit_is_disproven_and_asked_every_question_of_every_pair(done: Audit) -> None:
    assert done.exit_code is ExitCode.REFUSED
    asked = {(finding.question, finding.tenant, finding.other) for finding in done.findings}
    assert len(asked) == len(done.findings)
    assert len(asked) == 11 * 4 + 11 * 10 * 4


def test_tenants_without_a_fault_are_proven_apart(done: Audit) -> None:
    for first, second in (("acme", "operators"), ("operators", "acme"), ("globex", "acme")):
        for question in (Question.KEY, Question.ROOM, Question.CLAIM, Question.ELSEWHERE):
            finding = found(done, question, first, second)
            assert finding.outcome is AuditOutcome.PROVEN, finding
    for question in (Question.CREDENTIALS, Question.WORKER, Question.RIVALS, Question.USAGE):
        assert found(done, question, "acme").outcome is AuditOutcome.PROVEN
    assert found(done, Question.KEY, "acme", "globex").detail.startswith("refused: ")
    assert found(done, Question.ROOM, "acme", "globex").detail == "refused as wrong-room"
    assert found(done, Question.CLAIM, "acme", "globex").detail == "refused as claim-mismatch"


def test_a_shared_key_is_found_in_the_registry_and_at_the_project(done: Audit) -> None:
    for mine, others in (("first", "second"), ("second", "first")):
        credentials = found(done, Question.CREDENTIALS, mine)
        assert credentials.outcome is AuditOutcome.DISPROVEN
        assert others in credentials.detail
        assert found(done, Question.KEY, mine, others).outcome is AuditOutcome.DISPROVEN
        assert found(done, Question.ELSEWHERE, mine, others).outcome is AuditOutcome.DISPROVEN


def test_the_operators_key_is_found(done: Audit) -> None:
    finding = found(done, Question.CREDENTIALS, "operators")
    assert finding.outcome is AuditOutcome.DISPROVEN
    assert "operator" in finding.detail


def test_a_rival_under_the_same_name_is_found(done: Audit) -> None:
    assert found(done, Question.RIVALS, "rivalled").outcome is AuditOutcome.DISPROVEN


def test_a_worker_without_a_name_is_found(done: Audit) -> None:
    assert found(done, Question.RIVALS, "nameless").outcome is AuditOutcome.DISPROVEN


def test_a_worker_that_serves_every_room_is_found(done: Audit) -> None:
    for other in ("acme", "globex", "silent"):
        finding = found(done, Question.ROOM, "starred", other)
        assert finding.outcome is AuditOutcome.DISPROVEN
        assert "accepted" in finding.detail


def test_a_worker_that_takes_calls_without_a_true_claim_is_found(done: Audit) -> None:
    assert found(done, Question.CLAIM, "acme", "lax").outcome is AuditOutcome.DISPROVEN
    assert found(done, Question.ROOM, "lax", "acme").outcome is AuditOutcome.PROVEN


def test_a_worker_on_another_tenants_project_is_found(done: Audit) -> None:
    assert found(done, Question.ELSEWHERE, "lax", "globex").outcome is AuditOutcome.DISPROVEN
    assert found(done, Question.ELSEWHERE, "globex", "lax").outcome is AuditOutcome.PROVEN


def test_a_silent_worker_and_a_project_that_is_down_are_unproven_and_named(done: Audit) -> None:
    assert found(done, Question.WORKER, "silent").outcome is AuditOutcome.UNPROVEN
    assert found(done, Question.ROOM, "silent", "acme").outcome is AuditOutcome.UNPROVEN
    for question in (Question.WORKER, Question.RIVALS):
        assert found(done, question, "down").outcome is AuditOutcome.UNPROVEN
    assert found(done, Question.KEY, "acme", "down").outcome is AuditOutcome.UNPROVEN
    assert found(done, Question.KEY, "down", "acme").outcome is AuditOutcome.PROVEN


def test_usage_records_of_another_project_are_found(done: Audit) -> None:
    assert found(done, Question.USAGE, "lax").outcome is AuditOutcome.DISPROVEN
    assert "globex" in found(done, Question.USAGE, "lax").detail
    assert found(done, Question.USAGE, "silent").outcome is AuditOutcome.UNPROVEN


def test_no_secret_is_in_the_audit(done: Audit, projects: dict[str, RunningProject]) -> None:
    said = str(done.as_json())
    for project in projects.values():
        assert project.credentials.api_secret.get_secret_value() not in said
        assert project.credentials.api_key not in said
