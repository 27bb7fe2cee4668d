"""The guard: each reason as a sentence, and no malformed offer ever accepted."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract import claims
from contract.agent_config import AgentConfig
from contract.claims import Claim
from contract.refusals import Refusal
from worker import guard
from worker.configuration import ClaimPolicy
from worker.guard import Door, House, Take, Verdict
from worker.offer import Offer
from worker.spent_claims import SpentClaims

# The same examples everywhere: a slow machine must not fail what it does not measure.
QUICKLY = settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
NOW = 1_800_000_000.0
KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
DOOR = Door(
    tenant="acme",
    agent_name="acme-agent",
    room_prefix="acme--",
    max_calls=2,
    claim_policy=ClaimPolicy.OPTIONAL,
    claim_keys=(KEY.public_key(),),
    agent_config=AgentConfig(),
)
STRICT = replace(DOOR, claim_policy=ClaimPolicy.REQUIRED)
OPEN = replace(DOOR, claim_policy=ClaimPolicy.OFF, claim_keys=())
ROOM = "acme--one"


def house(**changed: Any) -> House:
    empty = House(
        is_draining=False, calls=0, probes=0, rooms=frozenset(), spent=SpentClaims(), now=NOW
    )
    return replace(empty, **changed)


def offer(metadata: str = "", **changed: str) -> Offer:
    plain = Offer("AJ_1", "AD_1", "acme-agent", ROOM, metadata)
    return replace(plain, **changed)


def claimed(
    key: Ed25519PrivateKey = KEY, fields: dict[str, Any] | None = None, **changed: Any
) -> str:
    fields = fields if fields is not None else {"call_id": "c-1"}
    claim = Claim("acme", "acme-agent", ROOM, int(NOW) + 60, "jti-1", claims.digest(fields))
    return json.dumps(fields | {"claim": claims.sign(replace(claim, **changed), key)})


def probe(want: str = "answer") -> Offer:
    return offer(json.dumps({"probe": "n0nce", "want": want}), room="acme--probe-n0nce")


SPENT = SpentClaims()
SPENT.spend(Claim("acme", "acme-agent", ROOM, int(NOW) + 60, "jti-1", "-"), "AD_other", NOW)

REFUSED = {
    "a dispatch for another agent's name": (
        offer(agent_name="globex-agent"),
        DOOR,
        house(),
        Refusal.WRONG_AGENT,
    ),
    "a dispatch for no agent's name": (offer(agent_name=""), DOOR, house(), Refusal.WRONG_AGENT),
    "a dispatch for another tenant's room": (
        offer(room="globex--one"),
        DOOR,
        house(),
        Refusal.WRONG_ROOM,
    ),
    "a room whose name only resembles the prefix": (
        offer(room="acme-one"),
        DOOR,
        house(),
        Refusal.WRONG_ROOM,
    ),
    "a room without a name": (offer(room=""), DOOR, house(), Refusal.WRONG_ROOM),
    "a second agent in a room": (
        offer(),
        DOOR,
        house(calls=1, rooms=frozenset({ROOM})),
        Refusal.ROOM_TAKEN,
    ),
    "a second agent in a room, of a full and draining worker": (
        offer(),
        DOOR,
        house(calls=2, rooms=frozenset({ROOM}), is_draining=True),
        Refusal.ROOM_TAKEN,
    ),
    "a call while the worker drains": (offer(), DOOR, house(is_draining=True), Refusal.DRAINING),
    "a probe while the worker drains": (probe(), DOOR, house(is_draining=True), Refusal.DRAINING),
    "a call beyond MAX_CALLS": (offer(), DOOR, house(calls=2), Refusal.AT_CAPACITY),
    "a third probe": (probe(), DOOR, house(probes=2), Refusal.AT_CAPACITY),
    "metadata that is no JSON": (offer("{"), DOOR, house(), Refusal.CLAIM_INVALID),
    "metadata with an unknown name": (
        offer('{"tenant": "acme"}'),
        OPEN,
        house(),
        Refusal.CLAIM_INVALID,
    ),
    "a session that names an unknown setting": (
        offer('{"session": {"greting": "Hi"}}'),
        OPEN,
        house(),
        Refusal.CLAIM_INVALID,
    ),
    "a probe outside its own room": (
        replace(probe(), room=ROOM),
        DOOR,
        house(),
        Refusal.CLAIM_INVALID,
    ),
    "a call in a probe's room without a claim": (
        offer(room="acme--probe-n0nce"),
        STRICT,
        house(),
        Refusal.CLAIM_MISSING,
    ),
    "a call without a claim where one is required": (
        offer('{"call_id": "c-1"}'),
        STRICT,
        house(),
        Refusal.CLAIM_MISSING,
    ),
    "a claim signed by a stranger": (
        offer(claimed(OTHER_KEY)),
        DOOR,
        house(),
        Refusal.CLAIM_INVALID,
    ),
    "a claim that lives too long": (
        offer(claimed(exp=int(NOW) + 3600)),
        DOOR,
        house(),
        Refusal.CLAIM_INVALID,
    ),
    "a claim that ran out": (
        offer(claimed(exp=int(NOW) - 6)),
        DOOR,
        house(),
        Refusal.CLAIM_EXPIRED,
    ),
    "a claim for another tenant": (
        offer(claimed(tenant="globex")),
        DOOR,
        house(),
        Refusal.CLAIM_MISMATCH,
    ),
    "a claim for another agent": (
        offer(claimed(agent="acme-night")),
        DOOR,
        house(),
        Refusal.CLAIM_MISMATCH,
    ),
    "a claim for another room": (
        offer(claimed(room="acme--two")),
        DOOR,
        house(),
        Refusal.CLAIM_MISMATCH,
    ),
    "a claim for other metadata": (
        offer(claimed(digest=claims.digest({"call_id": "c-2"}))),
        DOOR,
        house(),
        Refusal.CLAIM_MISMATCH,
    ),
    "a claim that another dispatch has used": (
        offer(claimed()),
        DOOR,
        house(spent=SPENT),
        Refusal.CLAIM_REPLAYED,
    ),
}

TAKEN = {
    "a call without a claim where none is required": (offer(), DOOR, house(), Take.CALL),
    "a call with a claim where claims are off": (
        offer(claimed(OTHER_KEY)),
        OPEN,
        house(),
        Take.CALL,
    ),
    "a call with a true claim": (offer(claimed()), STRICT, house(), Take.CALL),
    "a claim within the leeway after its end": (
        offer(claimed(exp=int(NOW) - 4)),
        STRICT,
        house(),
        Take.CALL,
    ),
    "a claim by the second of two keys": (
        offer(claimed(OTHER_KEY)),
        replace(STRICT, claim_keys=(KEY.public_key(), OTHER_KEY.public_key())),
        house(),
        Take.CALL,
    ),
    "the same dispatch, offered again with its claim": (
        offer(claimed(), dispatch_id="AD_other"),
        STRICT,
        house(spent=SPENT),
        Take.CALL,
    ),
    "any room with the prefix *": (
        offer(room="whatever"),
        replace(DOOR, room_prefix="*"),
        house(),
        Take.CALL,
    ),
    "the last free place": (offer(), DOOR, house(calls=1), Take.CALL),
    "a probe where claims are required": (probe(), STRICT, house(), Take.ANSWER_PROBE),
    "a probe while all calls are taken": (probe(), DOOR, house(calls=2), Take.ANSWER_PROBE),
    "a probe for rivals": (probe("rivals"), DOOR, house(), Take.LEAVE_TO_RIVALS),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_it_is_refused_by_its_reason(sentence: str) -> None:
    asked, door, at_home, reason = REFUSED[sentence]
    verdict = guard.judge(asked, door, at_home)
    assert verdict.take is None
    assert verdict.answer == reason.value


@pytest.mark.parametrize("sentence", TAKEN)
def test_it_is_taken(sentence: str) -> None:
    asked, door, at_home, take = TAKEN[sentence]
    verdict = guard.judge(asked, door, at_home)
    assert verdict.objection is None
    assert verdict.take is take


def test_a_true_claim_is_given_along_so_that_it_can_be_spent() -> None:
    verdict = guard.judge(offer(claimed()), STRICT, house())
    assert verdict.claim is not None
    assert verdict.claim.jti == "jti-1"


def test_every_reason_of_the_guard_has_a_sentence() -> None:
    later = {Refusal.FOREIGN_TOKEN, Refusal.FOREIGN_URL, Refusal.WITHDRAWN, Refusal.GUARD_ERROR}
    assert {reason for *_, reason in REFUSED.values()} == set(Refusal) - later


def test_an_error_inside_a_rule_gives_the_offer_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(guard, "RULES", (broken, *guard.RULES))
    verdict = guard.judge(offer(), DOOR, house())
    assert verdict.answer == Refusal.GUARD_ERROR
    assert verdict.objection is not None
    assert verdict.objection.refusal.is_given_back


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(["claim", "call_id", "session", "probe", "want", "x"]) | st.text()
METADATA = st.dictionaries(NAMES, JSON, max_size=4).map(json.dumps) | st.text(max_size=200)


@given(metadata=METADATA, room=st.text(max_size=40), agent=st.text(max_size=20))
@QUICKLY
def test_nothing_made_up_is_ever_accepted_where_a_claim_is_required(
    metadata: str, room: str, agent: str
) -> None:
    for asked in (
        offer(metadata),
        offer(metadata, room=room),
        offer(metadata, agent_name=agent),
        offer(metadata, room=f"acme--{room}"),
    ):
        assert guard.judge(asked, STRICT, house()).take is None


@given(junk=st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: raw.decode("latin1")))
@QUICKLY
def test_no_made_up_claim_is_ever_accepted(junk: str) -> None:
    for door in (DOOR, STRICT):
        metadata = json.dumps({"claim": junk})
        assert guard.judge(offer(metadata), door, house()).take is None


@given(position=st.integers(min_value=0, max_value=300), letter=st.sampled_from("aZ0-_."))
@QUICKLY
def test_no_claim_survives_a_change(position: int, letter: str) -> None:
    fields = json.loads(claimed())
    text = fields["claim"]
    position %= len(text)
    changed = text[:position] + letter + text[position + 1 :]
    verdict = guard.judge(offer(json.dumps(fields | {"claim": changed})), STRICT, house())
    # The last letter of a signature has unused bits: another may spell the same signature.
    assert verdict.take is None or changed == text or position == len(text) - 1


@given(metadata=METADATA, room=st.text(max_size=40))
@QUICKLY
def test_malformed_metadata_is_never_accepted_though_claims_are_off(
    metadata: str, room: str
) -> None:
    verdict = guard.judge(offer(metadata, room=f"acme--{room}"), OPEN, house())
    if verdict.take is not None:
        assert metadata == "" or set(json.loads(metadata)) <= {"claim", "call_id", "session"}


def test_a_verdict_names_one_answer() -> None:
    assert Verdict(Take.CALL).answer == guard.ACCEPTED
    assert Verdict(Take.LEAVE_TO_RIVALS).answer == guard.PROBE


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
