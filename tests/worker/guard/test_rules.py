"""The guard: each reason as a sentence, and no malformed offer ever accepted."""

from dataclasses import replace
from typing import Any

import pytest

from contract import claims
from contract.claims import Claim
from contract.refusals import ACCEPTED, PROBE, Refusal
from tests.worker.offering import (
    KEY,
    NOW,
    OPEN,
    OTHER_KEY,
    POLICY,
    ROOM,
    STRICT,
    claimed,
    occupancy,
    offer,
    probe,
)
from worker.guard import rules
from worker.guard.rules import Take, Verdict
from worker.guard.spent_claims import SpentClaims

SPENT = SpentClaims()
SPENT.spend(Claim("acme", "acme-agent", ROOM, int(NOW) + 60, "jti-1", "-"), "AD_other", NOW)

REFUSED = {
    "a dispatch for another agent's name": (
        offer(agent_name="globex-agent"),
        POLICY,
        occupancy(),
        Refusal.WRONG_AGENT,
    ),
    "a dispatch for no agent's name": (
        offer(agent_name=""),
        POLICY,
        occupancy(),
        Refusal.WRONG_AGENT,
    ),
    "a dispatch for another tenant's room": (
        offer(room="globex--one"),
        POLICY,
        occupancy(),
        Refusal.WRONG_ROOM,
    ),
    "a room whose name only resembles the prefix": (
        offer(room="acme-one"),
        POLICY,
        occupancy(),
        Refusal.WRONG_ROOM,
    ),
    "a room without a name": (offer(room=""), POLICY, occupancy(), Refusal.WRONG_ROOM),
    "a second agent in a room": (
        offer(),
        POLICY,
        occupancy(calls=1, rooms=frozenset({ROOM})),
        Refusal.ROOM_TAKEN,
    ),
    "a second agent in a room, of a full and draining worker": (
        offer(),
        POLICY,
        occupancy(calls=2, rooms=frozenset({ROOM}), is_draining=True),
        Refusal.ROOM_TAKEN,
    ),
    "a call while the worker drains": (
        offer(),
        POLICY,
        occupancy(is_draining=True),
        Refusal.DRAINING,
    ),
    "a probe while the worker drains": (
        probe(),
        POLICY,
        occupancy(is_draining=True),
        Refusal.DRAINING,
    ),
    "a call beyond MAX_CALLS": (offer(), POLICY, occupancy(calls=2), Refusal.AT_CAPACITY),
    "a third probe": (probe(), POLICY, occupancy(probes=2), Refusal.AT_CAPACITY),
    "metadata that is no JSON": (offer("{"), POLICY, occupancy(), Refusal.CLAIM_INVALID),
    "metadata with an unknown name": (
        offer('{"tenant": "acme"}'),
        OPEN,
        occupancy(),
        Refusal.CLAIM_INVALID,
    ),
    "a session that names an unknown setting": (
        offer('{"session": {"greting": "Hi"}}'),
        OPEN,
        occupancy(),
        Refusal.CLAIM_INVALID,
    ),
    "a probe outside its own room": (
        replace(probe(), room=ROOM),
        POLICY,
        occupancy(),
        Refusal.CLAIM_INVALID,
    ),
    "a call in a probe's room without a claim": (
        offer(room="acme--probe-n0nce"),
        STRICT,
        occupancy(),
        Refusal.CLAIM_MISSING,
    ),
    "a call without a claim where one is required": (
        offer('{"call_id": "c-1"}'),
        STRICT,
        occupancy(),
        Refusal.CLAIM_MISSING,
    ),
    "a claim signed by a stranger": (
        offer(claimed(OTHER_KEY)),
        POLICY,
        occupancy(),
        Refusal.CLAIM_INVALID,
    ),
    "a claim that lives too long": (
        offer(claimed(exp=int(NOW) + 3600)),
        POLICY,
        occupancy(),
        Refusal.CLAIM_INVALID,
    ),
    "a claim that ran out": (
        offer(claimed(exp=int(NOW) - 6)),
        POLICY,
        occupancy(),
        Refusal.CLAIM_EXPIRED,
    ),
    "a claim for another tenant": (
        offer(claimed(tenant="globex")),
        POLICY,
        occupancy(),
        Refusal.CLAIM_MISMATCH,
    ),
    "a claim for another agent": (
        offer(claimed(agent="acme-night")),
        POLICY,
        occupancy(),
        Refusal.CLAIM_MISMATCH,
    ),
    "a claim for another room": (
        offer(claimed(room="acme--two")),
        POLICY,
        occupancy(),
        Refusal.CLAIM_MISMATCH,
    ),
    "a claim for other metadata": (
        offer(claimed(digest=claims.digest({"call_id": "c-2"}))),
        POLICY,
        occupancy(),
        Refusal.CLAIM_MISMATCH,
    ),
    "a claim that another dispatch has used": (
        offer(claimed()),
        POLICY,
        occupancy(spent=SPENT),
        Refusal.CLAIM_REPLAYED,
    ),
}

TAKEN = {
    "a call without a claim where none is required": (offer(), POLICY, occupancy(), Take.CALL),
    "a call with a claim where claims are off": (
        offer(claimed(OTHER_KEY)),
        OPEN,
        occupancy(),
        Take.CALL,
    ),
    "a call with a true claim": (offer(claimed()), STRICT, occupancy(), Take.CALL),
    "a claim within the leeway after its end": (
        offer(claimed(exp=int(NOW) - 4)),
        STRICT,
        occupancy(),
        Take.CALL,
    ),
    "a claim by the second of two keys": (
        offer(claimed(OTHER_KEY)),
        replace(STRICT, claim_keys=(KEY.public_key(), OTHER_KEY.public_key())),
        occupancy(),
        Take.CALL,
    ),
    "the same dispatch, offered again with its claim": (
        offer(claimed(), dispatch_id="AD_other"),
        STRICT,
        occupancy(spent=SPENT),
        Take.CALL,
    ),
    "any room with the prefix *": (
        offer(room="whatever"),
        replace(POLICY, room_prefix="*"),
        occupancy(),
        Take.CALL,
    ),
    "the last free place": (offer(), POLICY, occupancy(calls=1), Take.CALL),
    "a probe where claims are required": (probe(), STRICT, occupancy(), Take.ANSWER_PROBE),
    "a probe while all calls are taken": (probe(), POLICY, occupancy(calls=2), Take.ANSWER_PROBE),
    "a probe for rivals": (probe("rivals"), POLICY, occupancy(), Take.LEAVE_TO_RIVALS),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_it_is_refused_by_its_reason(sentence: str) -> None:
    asked, policy, at_home, reason = REFUSED[sentence]
    verdict = rules.judge(asked, policy, at_home)
    assert verdict.take is None
    assert verdict.answer == reason.value


@pytest.mark.parametrize("sentence", TAKEN)
def test_it_is_taken(sentence: str) -> None:
    asked, policy, at_home, take = TAKEN[sentence]
    verdict = rules.judge(asked, policy, at_home)
    assert verdict.objection is None
    assert verdict.take is take


def test_a_true_claim_is_given_along_so_that_it_can_be_spent() -> None:
    verdict = rules.judge(offer(claimed()), STRICT, occupancy())
    assert verdict.claim is not None
    assert verdict.claim.jti == "jti-1"


def test_every_reason_of_the_guard_has_a_sentence() -> None:
    later = {Refusal.FOREIGN_TOKEN, Refusal.FOREIGN_URL, Refusal.WITHDRAWN, Refusal.GUARD_ERROR}
    assert {reason for *_, reason in REFUSED.values()} == set(Refusal) - later


def test_an_error_inside_a_rule_gives_the_offer_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(rules, "RULES", (broken, *rules.RULES))
    verdict = rules.judge(offer(), POLICY, occupancy())
    assert verdict.answer == Refusal.GUARD_ERROR
    assert verdict.objection is not None
    assert verdict.objection.refusal.is_given_back


def test_a_verdict_names_one_answer() -> None:
    assert Verdict(Take.CALL).answer == ACCEPTED
    assert Verdict(Take.LEAVE_TO_RIVALS).answer == PROBE


def test_a_spent_claim_is_forgotten_once_it_is_over() -> None:
    spent = SpentClaims(most=2)
    for number in range(10):
        at = NOW + 200 * number
        spent.spend(Claim("acme", "a", "r", int(at) + 60, f"jti-{number}", "-"), "AD", at)
    assert len(spent) == 1
    assert not spent.was_spent("jti-0", "AD_2")
    assert spent.was_spent("jti-9", "AD_2")
    assert not spent.was_spent("jti-9", "AD")


def test_a_memory_full_of_living_claims_takes_every_new_one_for_spent() -> None:
    spent = SpentClaims(most=1)
    spent.spend(Claim("acme", "a", "r", int(NOW) + 60, "jti-1", "-"), "AD", NOW)
    assert spent.was_spent("jti-2", "AD")
