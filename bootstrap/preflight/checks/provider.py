"""The model provider: whether it answers, takes the key and has the configured models."""

import json
from typing import Any

import aiohttp

from bootstrap.preflight.check import (
    REQUEST_SECONDS,
    CheckContext,
    CheckOutcome,
    failed,
    passed,
    skipped,
    warned,
)
from bootstrap.preflight.checks.body import read_up_to
from contract.exits import ExitCode

_OPENAI = "https://api.openai.com/v1"
_LONGEST_LIST = 4 * 1024 * 1024
_REFUSALS = (401, 403)
_TOO_MANY = 429
_NO_LIST = (404, 405, 501)


async def endpoint_answers(context: CheckContext) -> CheckOutcome:
    """The endpoint answers a request for its models; what it said is kept for the next check."""
    key = context.settings.provider.api_key
    if key is None:
        return skipped("OPENAI_API_KEY is not set: the tenant's own code (AGENT) does without")
    base = (context.settings.provider.base_url or _OPENAI).rstrip("/")
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    try:
        # Unlike LiveKit's SDK, the provider's client heeds every proxy variable, NO_PROXY as well.
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.get(f"{base}/models", headers=headers, allow_redirects=False) as reply,
        ):
            context.facts.models_body = await read_up_to(_LONGEST_LIST, reply)
            context.facts.models_status = reply.status
    except TimeoutError:
        return failed(f"no answer within {REQUEST_SECONDS:g} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return failed(f"the connection failed ({type(error).__name__})")
    if reply.status >= 500 and reply.status not in _NO_LIST:
        return failed(f"the endpoint answers HTTP {reply.status}")
    return passed("the endpoint answers")


async def key_is_taken(context: CheckContext) -> CheckOutcome:
    """The endpoint takes the key, and the configured models exist there."""
    status = context.facts.models_status
    if status in _REFUSALS:
        return failed(f"the endpoint refuses the key (HTTP {status})", "", ExitCode.REFUSED)
    if status == _TOO_MANY:
        hint = "The key's quota or rate is used up: look at the provider's account, or wait."
        return failed("the endpoint takes no more requests with this key (HTTP 429)", hint)
    if status in _NO_LIST:
        return warned(f"the endpoint lists no models (HTTP {status})", "Nothing to do if it works.")
    if status != 200:
        return failed(f"the endpoint answers HTTP {status} to the key")
    return _compare(context)


def _compare(context: CheckContext) -> CheckOutcome:
    try:
        listed = _names(json.loads(context.facts.models_body))
    except (ValueError, TypeError, KeyError, RecursionError):
        hint = "Check OPENAI_BASE_URL: it usually ends in /v1."
        return failed("the endpoint's list of models cannot be read", hint)
    if context.settings.agent.code is not None:
        return passed("the endpoint takes the key; which models AGENT uses is not known")
    wanted = tuple(dict.fromkeys(context.settings.agent.config.models_in_use))
    if unknown := [name for name in wanted if name not in listed]:
        problem = f"the endpoint has no model {', '.join(unknown)}"
        hint = "Correct `models` in AGENT_CONFIG, or have the account given access to them."
        return failed(problem, hint, ExitCode.CONFIG)
    return passed(f"the endpoint takes the key and has {', '.join(wanted)}")


def _names(listed: Any) -> set[str]:
    return {str(model["id"]) for model in listed["data"]}
