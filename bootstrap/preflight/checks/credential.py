"""Key and secret, first shown to the host in a token that opens nothing and lives ten seconds."""

import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bootstrap.preflight.check import (
    REQUEST_SECONDS,
    CheckContext,
    CheckOutcome,
    failed,
    failed_by,
    passed,
    warned,
)
from bootstrap.preflight.checks.body import read_up_to
from contract.exits import ExitCode
from project.connection import ask_validate
from project.faults import (
    MissingGrant,
    ProjectFault,
    Refused,
    TokenTimeFault,
    WrongSecret,
    fault_of_refusal,
)
from project.tokens import bare_token, worker_token

_REFUSALS = (401, 403)
_LONGEST_LIST = 64 * 1024
_CLOUD_UNKNOWN = "Nothing to do if calls work; docs/cloud.md says what is known of LiveKit Cloud."


async def key_is_known(context: CheckContext) -> CheckOutcome:
    """The project knows the API key; whether the secret fits is kept for the next check."""
    credentials = context.settings.credentials
    try:
        await ask_validate(
            credentials,
            bare_token(credentials),
            timeout_seconds=REQUEST_SECONDS,
            proxy=context.proxy,
        )
    except MissingGrant:
        pass  # what a token without grants is answered once key and secret were found right
    except WrongSecret as fault:
        context.facts.wrong_secret = fault
    except TokenTimeFault as fault:
        return failed(str(fault), fault.hint, ExitCode.UNAVAILABLE)
    except Refused as fault:
        return failed_by(fault)
    except ProjectFault as fault:
        return failed(str(fault), fault.hint, ExitCode.UNAVAILABLE)
    return passed(f"the project knows key {credentials.fingerprint}")


async def secret_is_right(context: CheckContext) -> CheckOutcome:
    """The secret is the key's, as the same answer told."""
    if context.facts.wrong_secret is not None:
        return failed_by(context.facts.wrong_secret)
    return passed("the project accepts what the secret signed")


async def fits(context: CheckContext) -> CheckOutcome:
    """On Cloud, where many projects share the servers, the key is this host's project's."""
    credentials = context.settings.credentials
    if context.facts.edition != "cloud":
        return passed("a self-hosted server is one project: a key that it knows is its own")
    try:
        status, body = await _ask_for_regions(context)
        if status in _REFUSALS:
            return _refused_regions(status, body, credentials.host)
        projects = _projects(json.loads(body))
    except (aiohttp.ClientError, OSError, ValueError, RecursionError):
        return warned("the list of regions could not be read", _CLOUD_UNKNOWN)
    return _compare(projects, credentials.hostname)


async def _ask_for_regions(context: CheckContext) -> tuple[int, str]:
    credentials = context.settings.credentials
    headers = {"Authorization": f"Bearer {worker_token(credentials)}"}
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    url = f"{credentials.http_url}/settings/regions"
    async with (
        aiohttp.ClientSession(timeout=timeout, proxy=context.proxy) as session,
        session.get(url, headers=headers, allow_redirects=False) as reply,
    ):
        body = await read_up_to(_LONGEST_LIST, reply)
        return reply.status, body.decode(errors="replace")


def _refused_regions(status: int, body: str, host: str) -> CheckOutcome:
    if isinstance(fault_of_refusal(status, body), MissingGrant):
        return warned("the list of regions asks for another grant than agents have", _CLOUD_UNKNOWN)
    return failed(f"{host} refuses this key its own list of regions")


def _projects(listed: Any) -> set[str]:
    """Take the first labels of the regions' hosts: each names the project that was asked for."""
    regions = listed.get("regions", []) if isinstance(listed, dict) else []
    urls = [region.get("url") for region in regions if isinstance(region, dict)]
    hosts = [urlsplit(url).hostname or "" for url in urls if isinstance(url, str)]
    return {host.partition(".")[0] for host in hosts if host}


def _compare(projects: set[str], hostname: str) -> CheckOutcome:
    mine = hostname.partition(".")[0]
    if not projects:
        return warned("no regions are listed, so the key's project is not named", _CLOUD_UNKNOWN)
    if mine not in projects:
        return failed(f"the regions listed for this key are another project's than {mine}")
    return passed(f"the regions listed for this key are those of {mine}")
