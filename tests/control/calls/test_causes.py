"""What may be said of a dispatch that nobody came for, and what may not."""

import os
import subprocess
import sys

import pytest

from contract.records.worker_status import AnsweredOffer, WorkerState, WorkerStatus
from control.calls.call import Cause
from control.calls.causes import DispatchEvidence, cause_of_fault, is_lasting
from control.calls.owner import is_surely_gone, name_myself
from control.commands.call import explain
from control.process_start_time import process_start_time
from control.workers.tenant_workers import TenantWorkers
from project.dispatches import Job
from project.faults import Unreachable, WrongSecret


def _status(state: str, *answers: str) -> WorkerStatus:
    offers = [
        AnsweredOffer("AD_1", f"AJ_{at}", "acme--1", answer, at=f"{at:03}")
        for at, answer in enumerate(answers)
    ]
    other = AnsweredOffer("AD_2", "AJ_2", "acme--2", "wrong-room", at="000")
    return WorkerStatus("acme", state=WorkerState(state), offers=(*reversed(offers), other))


def _asked(*statuses: WorkerStatus, running: int | None = None) -> TenantWorkers:
    return TenantWorkers(True, len(statuses) if running is None else running, statuses)


def _job(status: str, identity: str = "") -> Job:
    return Job("AJ_1", status, identity, "AW_1", "")


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        (DispatchEvidence(_asked(), "AD_1"), "no-worker"),
        (DispatchEvidence(_asked(running=1), "AD_1"), "not-ready"),
        (DispatchEvidence(_asked(_status("checking")), "AD_1"), "not-ready"),
        (DispatchEvidence(_asked(_status("disconnected")), "AD_1"), "not-ready"),
        (DispatchEvidence(_asked(_status("draining"), _status("full")), "AD_1"), "full"),
        (DispatchEvidence(_asked(_status("ready")), "AD_1"), "not-taken"),
        (DispatchEvidence(_asked(_status("full", "at-capacity")), "AD_1"), "full"),
        (DispatchEvidence(_asked(_status("draining", "draining")), "AD_1"), "not-ready"),
        (DispatchEvidence(_asked(_status("ready", "wrong-room")), "AD_1"), "refused:wrong-room"),
        (DispatchEvidence(_asked(_status("ready", "guard-error")), "AD_1"), "refused:guard-error"),
        (DispatchEvidence(_asked(_status("ready", "accepted")), "AD_1"), "agent-died"),
        (
            DispatchEvidence(_asked(_status("ready", "accepted", "withdrawn")), "AD_1"),
            "refused:withdrawn",
        ),
        (DispatchEvidence(TenantWorkers(False), "AD_1"), "not-taken"),
        (DispatchEvidence(TenantWorkers(False), "AD_1", (_job("success"),)), "not-taken"),
        (
            DispatchEvidence(TenantWorkers(False), "AD_1", (_job("running", "agent-AJ_1"),)),
            "agent-died",
        ),
        (DispatchEvidence(TenantWorkers(False), "AD_1", was_seen=True), "agent-died"),
        (DispatchEvidence(_asked(WorkerStatus("acme")), None), "not-ready"),
    ],
)
def test_the_cause_is_what_is_known_and_no_more(evidence: DispatchEvidence, cause: str) -> None:
    assert evidence.cause() == cause


def test_only_what_a_person_must_change_is_not_tried_again() -> None:
    lasting = ("revoked", "refused:wrong-agent", "refused:claim-invalid", "refused:foreign-url")
    passing = ("no-worker", "full", "not-taken", "refused:room-taken", "refused:withdrawn")
    assert all(is_lasting(cause) for cause in lasting)
    assert not any(is_lasting(cause) for cause in passing)
    assert cause_of_fault(WrongSecret("")) == "revoked"
    assert cause_of_fault(Unreachable("")) == "unreachable"


def test_every_cause_is_explained_to_a_person() -> None:
    said = [explain("acme", cause) for cause in (*Cause, "refused:wrong-room")]
    assert all(said)
    assert "tenants check acme" in explain("acme", "revoked")
    assert "{" not in "".join(said)


def test_an_owner_is_gone_only_when_that_is_certain() -> None:
    assert not is_surely_gone(name_myself())
    assert not is_surely_gone("another-host|ns|1|1")
    assert not is_surely_gone("")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    host, namespace, _, _ = name_myself().split("|")
    owner = f"{host}|{namespace}|{child.pid}|{process_start_time(child.pid)}"
    assert not is_surely_gone(owner)
    child.kill()
    child.communicate()
    assert is_surely_gone(owner)
    assert is_surely_gone(f"{host}|{namespace}|{os.getpid()}|1")
