"""Offers, policies and occupancies for the guard's tests."""

import json
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract import claims
from contract.agent_config import AgentConfig
from contract.claims import Claim
from contract.policies import ClaimPolicy
from worker.guard.offer import Offer
from worker.guard.rules import GuardPolicy, Occupancy
from worker.guard.spent_claims import SpentClaims

NOW = 1_800_000_000.0
KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
POLICY = GuardPolicy(
    tenant="acme",
    agent_name="acme-agent",
    room_prefix="acme--",
    max_calls=2,
    claim_policy=ClaimPolicy.OPTIONAL,
    claim_keys=(KEY.public_key(),),
    agent_config=AgentConfig(),
)
STRICT = replace(POLICY, claim_policy=ClaimPolicy.REQUIRED)
OPEN = replace(POLICY, claim_policy=ClaimPolicy.OFF, claim_keys=())
ROOM = "acme--one"


def occupancy(**changed: Any) -> Occupancy:
    empty = Occupancy(
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
