"""What whoever asks for a call is told instead of an answer, each with what to do next."""


class CallFault(Exception):
    """A call that is not made; nothing of it is left."""

    hint = ""


class TenantDisabled(CallFault):
    """The tenant is switched off."""

    hint = "enable it with PUT /v1/tenants/{id}"


class ReservedIdentity(CallFault):
    """A caller may not look like an agent."""

    hint = "choose an identity that does not begin with agent-"


class ForeignRoom(CallFault):
    """The room is outside the tenant's prefix, so that its worker would refuse it."""

    hint = "choose a room whose name begins with the tenant's room prefix, or leave it out"


class KeyReused(CallFault):
    """The Idempotency-Key stands for a request with another body."""

    hint = "send the same body again, or choose a new key"


class StillBeingMade(CallFault):
    """Another request with this key is still being answered."""

    hint = "ask again with the same key in a few seconds"


class UnknownCall(CallFault):
    """The tenant has no call of this id."""

    hint = "use the call_id of the answer that made it"
