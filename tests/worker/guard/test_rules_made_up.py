"""The guard against whatever is made up: nothing malformed is accepted, and nothing raises."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worker.offering import OPEN, POLICY, STRICT, claimed, occupancy, offer
from worker.guard import rules

# The same examples everywhere: a slow machine must not fail what it does not measure.
QUICKLY = settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
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
        assert rules.judge(asked, STRICT, occupancy()).take is None


@given(junk=st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: raw.decode("latin1")))
@QUICKLY
def test_no_made_up_claim_is_ever_accepted(junk: str) -> None:
    for policy in (POLICY, STRICT):
        metadata = json.dumps({"claim": junk})
        assert rules.judge(offer(metadata), policy, occupancy()).take is None


@given(position=st.integers(min_value=0, max_value=300), letter=st.sampled_from("aZ0-_."))
@QUICKLY
def test_no_claim_survives_a_change(position: int, letter: str) -> None:
    fields = json.loads(claimed())
    text = fields["claim"]
    position %= len(text)
    changed = text[:position] + letter + text[position + 1 :]
    verdict = rules.judge(offer(json.dumps(fields | {"claim": changed})), STRICT, occupancy())
    # The last letter of a signature has unused bits: another may spell the same signature.
    assert verdict.take is None or changed == text or position == len(text) - 1


@given(metadata=METADATA, room=st.text(max_size=40))
@QUICKLY
def test_malformed_metadata_is_never_accepted_though_claims_are_off(
    metadata: str, room: str
) -> None:
    verdict = rules.judge(offer(metadata, room=f"acme--{room}"), OPEN, occupancy())
    if verdict.take is not None:
        assert metadata == "" or set(json.loads(metadata)) <= {"claim", "call_id", "session"}
