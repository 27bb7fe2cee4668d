"""The rules of the loop: what is started, drained, killed, removed, and what is left alone."""

from dataclasses import replace

from control.fleet.plan import (
    ActOnWorker,
    FleetStep,
    StartWorker,
    Verb,
    explain,
    is_blocked,
    next_start_at,
    plan,
)
from control.launchers.launcher import Worker, WorkerExit

NOW = 1_000_000.0
NEW, OLD = "new-hash", "old-hash"


def worker(name: str, spec_hash: str = NEW, **changed: object) -> Worker:
    made = Worker(id=name, tenant="acme", spec_hash=spec_hash, slot=0, started_at=NOW - 100)
    return replace(made, **changed)  # type: ignore[arg-type] # the table's rows name its fields


def ended(name: str, code: int | None, ago: float = 60.0, **changed: object) -> Worker:
    return replace(worker(name, ending=WorkerExit(code, NOW - ago)), **changed)  # type: ignore[arg-type] # the same


def steps(
    spec_hash: str | None, *workers: Worker, ready: tuple[str, ...] = ()
) -> tuple[FleetStep, ...]:
    return plan(spec_hash, workers, frozenset(ready), now=NOW, drain_seconds=3600)


def test_an_enabled_tenant_without_a_worker_gets_one() -> None:
    assert steps(NEW) == (StartWorker(slot=0),)


def test_a_running_worker_of_the_right_spec_is_left_alone() -> None:
    assert steps(NEW, worker("a")) == ()


def test_a_worker_of_a_disabled_or_deleted_tenant_is_drained() -> None:
    running = worker("a")
    assert steps(None, running) == (ActOnWorker(Verb.DRAIN, running),)


def test_a_draining_worker_is_not_signalled_twice() -> None:
    assert steps(None, worker("a", draining_since=NOW - 5)) == ()


def test_a_drained_worker_is_forgotten() -> None:
    gone = ended("a", 0, draining_since=NOW - 5)
    assert steps(None, gone) == (ActOnWorker(Verb.REMOVE, gone),)


def test_a_drain_that_outlasts_its_time_and_the_grace_is_ended() -> None:
    late = worker("a", draining_since=NOW - 3631)
    assert steps(None, late) == (ActOnWorker(Verb.KILL, late),)
    assert steps(None, replace(late, draining_since=NOW - 3629)) == ()


def test_a_changed_spec_starts_a_new_worker_beside_the_old_one_in_a_slot_of_its_own() -> None:
    assert steps(NEW, worker("old", OLD)) == (StartWorker(slot=1),)


def test_the_old_worker_is_not_drained_before_the_new_one_is_ready() -> None:
    old, new = worker("old", OLD), worker("new", slot=1)
    assert steps(NEW, old, new, ready=("old",)) == ()
    assert steps(NEW, old, new, ready=("old", "new")) == (ActOnWorker(Verb.DRAIN, old),)


def test_the_old_worker_goes_on_when_the_new_one_ends_for_good() -> None:
    refused = ended("new", 77, slot=1)
    assert steps(NEW, worker("old", OLD), refused, ready=("old",)) == ()


def test_permanent_endings_are_shown_and_not_restarted() -> None:
    for code in (77, 78):
        dead = ended("a", code, ago=1_000_000)
        assert is_blocked(dead)
        assert steps(NEW, dead) == ()


def test_changed_settings_lift_the_block_of_a_permanent_ending() -> None:
    dead = ended("a", 78, spec_hash=OLD)
    assert steps(NEW, dead) == (StartWorker(slot=0), ActOnWorker(Verb.REMOVE, dead))


def test_temporary_endings_are_restarted_after_a_wait_and_counted() -> None:
    for code in (0, 69, 70, 75, 137, None):
        dead = ended("a", code, restarts=3, failures=2, ago=60)
        assert not is_blocked(dead)
        (start,) = steps(NEW, dead)
        assert isinstance(start, StartWorker)
        assert (start.restarts, start.failures) == (4, 3)
        assert start.last_cause == explain(WorkerExit(code, NOW))


def test_a_wait_that_is_not_over_starts_nothing() -> None:
    assert steps(NEW, ended("a", 69, ago=0.5)) == ()


def test_waits_double_up_to_five_minutes_and_jitter_between_half_and_whole() -> None:
    young = {"started_at": NOW - 70}
    waits = [next_start_at(ended(f"w{n}", 69, failures=n, **young)) - (NOW - 60) for n in range(20)]
    for failures, wait in enumerate(waits):
        longest = min(300.0, 2.0 * 2**failures)
        assert longest / 2 <= wait <= longest
    assert len({round(wait / min(300.0, 2.0 * 2**n), 6) for n, wait in enumerate(waits)}) == 20


def test_every_look_at_an_ended_worker_agrees_on_its_wait() -> None:
    dead = ended("a", 69)
    assert next_start_at(dead) == next_start_at(replace(dead))


def test_a_worker_that_ran_quietly_begins_its_waits_anew() -> None:
    dead = ended("a", 70, failures=9, restarts=9, started_at=NOW - 5000)
    (start,) = steps(NEW, dead)
    assert start == StartWorker(slot=0, restarts=10, failures=1, last_cause="exit 70 software")


def test_the_last_ending_is_kept_until_its_successor_runs() -> None:
    dead = ended("a", 69)
    assert ActOnWorker(Verb.REMOVE, dead) not in steps(NEW, dead)
    assert steps(NEW, dead, worker("b", restarts=1)) == (ActOnWorker(Verb.REMOVE, dead),)


def test_of_two_workers_of_the_same_spec_the_younger_goes() -> None:
    older, younger = worker("a"), worker("b", slot=1, started_at=NOW - 5)
    assert steps(NEW, younger, older) == (ActOnWorker(Verb.DRAIN, younger),)


def test_a_crashed_worker_is_restarted_in_its_own_slot() -> None:
    (start,) = steps(NEW, ended("a", 137, slot=0))
    assert isinstance(start, StartWorker)
    assert start.slot == 0


def test_an_ending_is_explained_by_code_name_and_cause() -> None:
    assert explain(WorkerExit(77, NOW, "credential.secret: wrong")) == (
        "exit 77 refused: credential.secret: wrong"
    )
    assert explain(WorkerExit(75, NOW)) == "exit 75 cut-off"
    assert explain(WorkerExit(137, NOW)) == "exit 137"
    assert explain(WorkerExit(None, NOW)) == "ended unseen"
