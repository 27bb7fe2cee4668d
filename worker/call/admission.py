"""The last look before a call joins, in its own process: token, URL, claim, dispatch."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from livekit.agents import JobContext

from contract.claims import ClaimFault
from contract.policies import Strictness
from contract.refusals import Refusal
from project.connection import Project
from project.credentials import Credentials
from project.dispatches import is_listed
from project.faults import ForeignToken, ProjectFault, TemporaryFault
from project.tokens import verify_join_token
from worker.call.job import join_target
from worker.configuration import Configuration
from worker.guard import rules
from worker.guard.offer import Offer
from worker.guard.rules import GuardPolicy

logger = logging.getLogger(__name__)

_CLOUD_DOMAIN = ".livekit.cloud"
_TRIES = 2


class AdmissionRefused(Exception):
    """A call that must not go on; nothing is said to its caller."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self.detail = detail


async def admit(ctx: JobContext, configuration: Configuration, offer: Offer) -> None:
    """Prove that what the server sent is this tenant's and still wanted; nothing is joined yet.

    Raises:
        AdmissionRefused: foreign-token, foreign-url or withdrawn.
    """
    url, token = join_target(ctx)
    _check_token(configuration, token, offer.room)
    _check_url(configuration.credentials, url)
    _check_claim(configuration, offer)
    await check_listed(configuration.credentials, offer)


def is_own_url(url: str, credentials: Credentials) -> bool:
    """Tell whether a URL that the server named is the tenant's own host, as safe as its own URL.

    On LiveKit Cloud also a host under livekit.cloud whose first label is the project's.
    """
    own, named = _Host.of(credentials.ws_url), _Host.of(url)
    if named is None or own is None or (own.is_secure and not named.is_secure):
        return False
    if (named.name, named.port) == (own.name, own.port):
        return True
    return (
        credentials.is_cloud
        and named.is_secure
        and named.name.endswith(_CLOUD_DOMAIN)
        and named.name.split(".")[0] == own.name.split(".")[0]
    )


@dataclass(frozen=True)
class _Host:
    name: str
    port: int
    is_secure: bool

    @classmethod
    def of(cls, url: str) -> "_Host | None":
        try:
            parts = urlsplit(url)
            is_secure = parts.scheme in ("wss", "https")
            if not parts.hostname or not (is_secure or parts.scheme in ("ws", "http")):
                return None
            return cls(parts.hostname, parts.port or (443 if is_secure else 80), is_secure)
        except ValueError:
            return None  # a port that is no number, a bracket that is not closed


def _check_token(configuration: Configuration, token: str, room: str) -> None:
    try:
        verify_join_token(configuration.credentials, token, room)
    except ForeignToken as fault:
        if configuration.claims.token_rule is Strictness.REQUIRED:
            raise AdmissionRefused(Refusal.FOREIGN_TOKEN, str(fault)) from None
        logger.warning("TOKEN_RULE=warn lets this through: %s", fault)


def _check_url(credentials: Credentials, url: str) -> None:
    if not is_own_url(url, credentials):
        host = _Host.of(url)
        raise AdmissionRefused(
            Refusal.FOREIGN_URL, f"the server named {host.name if host else 'no host'}"
        )


def _check_claim(configuration: Configuration, offer: Offer) -> None:
    try:
        rules.read_claim(offer, GuardPolicy.of(configuration), time.time())
    except ClaimFault as fault:
        # It was true when it was accepted: time has passed since.
        raise AdmissionRefused(Refusal.WITHDRAWN, str(fault)) from None


async def check_listed(credentials: Credentials, offer: Offer) -> None:
    """Ask the project whether the offer's dispatch is still there.

    Raises:
        AdmissionRefused: withdrawn; also when the project cannot say after a second try.
    """
    if not offer.dispatch_id:
        return
    async with Project(credentials) as project:
        listed = await _retried(lambda: is_listed(project, offer.dispatch_id, offer.room))
    if not listed:
        raise AdmissionRefused(Refusal.WITHDRAWN, "the dispatch is not listed any more")


async def _retried(ask: Callable[[], Awaitable[bool]]) -> bool:
    for _ in range(_TRIES - 1):
        try:
            return await ask()
        except TemporaryFault as fault:
            logger.info("asking once more whether the dispatch is listed: %s", fault)
    try:
        return await ask()
    except ProjectFault as fault:
        raise AdmissionRefused(
            Refusal.WITHDRAWN, f"nobody says that it is listed: {fault}"
        ) from None
