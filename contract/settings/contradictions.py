"""Settings that are well-formed one by one: whether they are whole, and can be meant together."""

from collections.abc import Collection, Iterator

from contract.policies import ClaimPolicy
from contract.settings import urls
from contract.settings.examples import EXAMPLES
from contract.settings.findings import COMPLETE, NOT_SWAPPED, WELLFORMED, Finding
from contract.settings.values import Values
from contract.tenant import ANY_ROOM
from contract.variables import PROJECT_VARIABLES

_KEY_BEGINS = "API"
_SECRET_IS_LONG = 24


def find(values: Values, faulty: Collection[str]) -> tuple[Finding, ...]:
    """List what is missing or contradictory, faults and warnings, in the reference's order.

    `faulty` are variables that were given and are wrong by themselves: about those all is said.
    """
    found = (finding for rule in _RULES for finding in rule(values))
    reported = {*faulty, "OPENAI_API_KEY"} if "AGENT" in faulty else set(faulty)
    return tuple(finding for finding in found if finding.variable not in reported)


def _required(values: Values) -> Iterator[Finding]:
    for name in ("TENANT_ID", *PROJECT_VARIABLES):
        if getattr(values, name.lower()) is None:
            yield Finding(COMPLETE, name, "is missing", EXAMPLES[name])


def _swapped(values: Values) -> Iterator[Finding]:
    if values.livekit_api_key is None or values.livekit_api_secret is None:
        return
    key, secret = values.livekit_api_key, values.livekit_api_secret.get_secret_value()
    if secret.startswith(_KEY_BEGINS) and len(secret) < _SECRET_IS_LONG <= len(key):
        for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
            yield Finding(NOT_SWAPPED, name, "key and secret are exchanged", EXAMPLES[name])


def _plain_urls(values: Values) -> Iterator[Finding]:
    given = {
        "LIVEKIT_URL": values.livekit_url,
        "OPENAI_BASE_URL": values.openai_base_url,
        "USAGE_URL": values.usage_url,
    }
    for name, url in given.items():
        if url and urls.is_plain_to_outside(url) and not values.allow_insecure_url:
            problem = "goes to a public host unencrypted; ALLOW_INSECURE_URL=1 would allow it"
            yield Finding(WELLFORMED, name, problem, EXAMPLES[name])


def _claims(values: Values) -> Iterator[Finding]:
    needs_key = values.claim_policy in (ClaimPolicy.REQUIRED, ClaimPolicy.OPTIONAL)
    if needs_key and not values.claim_public_key:
        problem = f"is missing while CLAIM_POLICY is {values.claim_policy}"
        yield Finding(COMPLETE, "CLAIM_PUBLIC_KEY", problem, EXAMPLES["CLAIM_PUBLIC_KEY"])


def _provider(values: Values) -> Iterator[Finding]:
    if values.openai_api_key is None and values.agent is None:
        problem = "is missing; only an agent of the tenant's own (AGENT) can do without"
        yield Finding(COMPLETE, "OPENAI_API_KEY", problem, EXAMPLES["OPENAI_API_KEY"])


def _usage(values: Values) -> Iterator[Finding]:
    if values.usage_url and values.usage_secret is None:
        problem = "is missing while USAGE_URL is set: records are sent signed or not at all"
        yield Finding(COMPLETE, "USAGE_SECRET", problem, EXAMPLES["USAGE_SECRET"])
    if values.usage_secret is not None and not values.usage_url:
        problem = "has no effect without USAGE_URL"
        yield Finding(WELLFORMED, "USAGE_SECRET", problem, is_warning=True)


def _every_room(values: Values) -> Iterator[Finding]:
    if values.room_prefix == ANY_ROOM:
        problem = "is *: every room of this project is served, whoever made it"
        yield Finding(WELLFORMED, "ROOM_PREFIX", problem, is_warning=True)


_RULES = (_required, _swapped, _plain_urls, _claims, _provider, _usage, _every_room)
