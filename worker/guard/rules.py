"""Which offers this worker takes: an ordered tuple of pure rules; the first to object wins.

Fails closed: an error inside a rule gives the offer back, and whatever no rule knows is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contract import claims
from contract.agent_config import AgentConfig, AgentConfigFault
from contract.claims import Claim, ClaimExpired, ClaimFault, ClaimMismatch
from contract.metadata import CallMetadata, Probe, ProbeWant
from contract.policies import ClaimPolicy
from contract.refusals import ACCEPTED, PROBE, Refusal
from contract.tenant import probe_room, serves_room
from worker.configuration import Configuration
from worker.guard.offer import Offer
from worker.guard.spent_claims import SpentClaims

MAX_PROBES = 2


@dataclass(frozen=True)
class GuardPolicy:
    """What does not change while a worker runs: whose calls it takes, and how many."""

    tenant: str
    agent_name: str
    room_prefix: str
    max_calls: int
    claim_policy: ClaimPolicy = ClaimPolicy.OFF
    claim_keys: tuple[Ed25519PublicKey, ...] = ()
    # None when the tenant's own code reads `session`, which then holds what that code likes.
    agent_config: AgentConfig | None = None

    @classmethod
    def of(cls, configuration: Configuration) -> "GuardPolicy":
        """Take from a configuration what the rules hold an offer against."""
        return cls(
            tenant=configuration.identity.tenant,
            agent_name=configuration.identity.agent_name,
            room_prefix=configuration.identity.room_prefix,
            max_calls=configuration.limits.max_calls,
            claim_policy=configuration.claims.policy,
            claim_keys=configuration.public_keys(),
            agent_config=None if configuration.agent.code else configuration.agent.config,
        )


@dataclass(frozen=True)
class Occupancy:
    """What is true at the moment of an offer; accepted calls count before they have begun."""

    is_draining: bool
    calls: int
    probes: int
    rooms: frozenset[str]
    spent: SpentClaims
    now: float


@dataclass(frozen=True)
class Objection:
    """Why an offer is not taken; the detail is for the debug log alone."""

    refusal: Refusal
    detail: str


class Take(Enum):
    """How an offer is taken that no rule objects to."""

    CALL = "call"
    ANSWER_PROBE = "answer-probe"
    # A probe for rivals is left to whoever else would come: given back, and no refusal.
    LEAVE_TO_RIVALS = "leave-to-rivals"


@dataclass(frozen=True)
class Verdict:
    """The guard's one answer to an offer: taken in some way, or not and why."""

    take: Take | None
    objection: Objection | None = None
    claim: Claim | None = None

    @property
    def is_let_in(self) -> bool:
        """Tell whether an agent joins for it: a call's, or one that shows who is there."""
        return self.take in (Take.CALL, Take.ANSWER_PROBE)

    @property
    def answer(self) -> str:
        """Name the answer as /status and metrics do."""
        if self.objection is not None:
            return self.objection.refusal.value
        return ACCEPTED if self.take is Take.CALL else PROBE


def is_for_our_agent(offer: Offer, policy: GuardPolicy, _: Occupancy) -> Objection | None:
    """Refuse a dispatch addressed to another agent's name, or to none."""
    if offer.agent_name == policy.agent_name:
        return None
    return Objection(Refusal.WRONG_AGENT, f"it is for {offer.agent_name[:80]!r}")


def is_in_our_rooms(offer: Offer, policy: GuardPolicy, _: Occupancy) -> Objection | None:
    """Refuse a room outside the tenant's prefix."""
    if serves_room(policy.room_prefix, offer.room):
        return None
    return Objection(Refusal.WRONG_ROOM, f"the room does not begin with {policy.room_prefix!r}")


def is_in_a_free_room(offer: Offer, _: GuardPolicy, occupancy: Occupancy) -> Objection | None:
    """Refuse a second agent in a room; before capacity, or another replica would send one."""
    if offer.room not in occupancy.rooms:
        return None
    return Objection(Refusal.ROOM_TAKEN, "this worker already serves the room")


def is_before_the_drain(_: Offer, __: GuardPolicy, occupancy: Occupancy) -> Objection | None:
    """Give back what comes after the worker began to drain."""
    return Objection(Refusal.DRAINING, "the worker is draining") if occupancy.is_draining else None


def is_within_capacity(offer: Offer, policy: GuardPolicy, occupancy: Occupancy) -> Objection | None:
    """Give back what is beyond MAX_CALLS, or beyond two probes at once."""
    if isinstance(offer.parsed, Probe):
        held, limit, what = occupancy.probes, MAX_PROBES, "probes"
    else:
        held, limit, what = occupancy.calls, policy.max_calls, "calls"
    return Objection(Refusal.AT_CAPACITY, f"{held} {what} of {limit}") if held >= limit else None


def is_wellformed(offer: Offer, policy: GuardPolicy, _: Occupancy) -> Objection | None:
    """Refuse metadata that is neither a call's nor a probe's in the room that a probe has."""
    metadata = offer.parsed
    if isinstance(metadata, Probe):
        if offer.room == probe_room(policy.room_prefix, metadata.nonce):
            return None
        return Objection(Refusal.CLAIM_INVALID, "a probe outside its own room")
    if not isinstance(metadata, CallMetadata):
        return Objection(Refusal.CLAIM_INVALID, f"metadata: {metadata}")
    try:
        if policy.agent_config is not None:
            policy.agent_config.overridden(metadata.session)
    except AgentConfigFault as fault:
        return Objection(Refusal.CLAIM_INVALID, f"session: {fault}")
    return None


def has_a_claim(offer: Offer, policy: GuardPolicy, _: Occupancy) -> Objection | None:
    """Refuse a call without a claim where one is required."""
    metadata = offer.parsed
    if policy.claim_policy is not ClaimPolicy.REQUIRED or isinstance(metadata, Probe):
        return None
    if isinstance(metadata, CallMetadata) and metadata.claim is not None:
        return None
    return Objection(Refusal.CLAIM_MISSING, "the metadata carries no claim")


def has_a_true_claim(offer: Offer, policy: GuardPolicy, occupancy: Occupancy) -> Objection | None:
    """Refuse a claim that is forged, over, or about something else."""
    try:
        read_claim(offer, policy, occupancy.now)
    except ClaimExpired as fault:
        return Objection(Refusal.CLAIM_EXPIRED, str(fault))
    except ClaimMismatch as fault:
        return Objection(Refusal.CLAIM_MISMATCH, str(fault))
    except ClaimFault as fault:
        return Objection(Refusal.CLAIM_INVALID, str(fault))
    return None


def has_a_fresh_claim(offer: Offer, policy: GuardPolicy, occupancy: Occupancy) -> Objection | None:
    """Refuse a claim that another dispatch has used."""
    claim = read_claim(offer, policy, occupancy.now)
    if claim is None or not occupancy.spent.was_spent(claim.jti, offer.dispatch_id):
        return None
    return Objection(Refusal.CLAIM_REPLAYED, "the claim was used by another dispatch")


RULES: tuple[Callable[[Offer, GuardPolicy, Occupancy], Objection | None], ...] = (
    is_for_our_agent,
    is_in_our_rooms,
    is_in_a_free_room,
    is_before_the_drain,
    is_within_capacity,
    is_wellformed,
    has_a_claim,
    has_a_true_claim,
    has_a_fresh_claim,
)


def judge(offer: Offer, policy: GuardPolicy, occupancy: Occupancy) -> Verdict:
    """Give the one answer to an offer; never raises."""
    try:
        for rule in RULES:
            if objection := rule(offer, policy, occupancy):
                return Verdict(None, objection)
        return _taken(offer, policy, occupancy)
    except Exception as error:  # noqa: BLE001 - a rule's own fault must give back, never accept
        return Verdict(None, Objection(Refusal.GUARD_ERROR, type(error).__name__))


def read_claim(offer: Offer, policy: GuardPolicy, now: float) -> Claim | None:
    """Verify the claim of a call's offer; None when it has none or claims are off.

    Raises:
        ClaimFault: what is wrong with it.
    """
    metadata = offer.parsed
    if policy.claim_policy is ClaimPolicy.OFF or not isinstance(metadata, CallMetadata):
        return None
    if metadata.claim is None:
        return None
    return claims.verify(
        metadata.claim,
        policy.claim_keys,
        tenant=policy.tenant,
        agent=policy.agent_name,
        room=offer.room,
        metadata=metadata.unsigned,
        now=now,
    )


def _taken(offer: Offer, policy: GuardPolicy, occupancy: Occupancy) -> Verdict:
    match offer.parsed:
        case Probe(want=ProbeWant.ANSWER):
            return Verdict(Take.ANSWER_PROBE)
        case Probe(want=ProbeWant.RIVALS):
            return Verdict(Take.LEAVE_TO_RIVALS)
        case CallMetadata():
            return Verdict(Take.CALL, claim=read_claim(offer, policy, occupancy.now))
        case _:
            return Verdict(None, Objection(Refusal.CLAIM_INVALID, "neither a call nor a probe"))
