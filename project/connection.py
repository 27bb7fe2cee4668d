"""A connection to one project: every request bounded in time, every failure a named fault."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace, TracebackType
from typing import Any, Self, TypeVar

import aiohttp
from google.protobuf.message import DecodeError
from livekit.api import LiveKitAPI, ServerError

from project import faults
from project.credentials import Credentials

T = TypeVar("T")

_LONGEST_BODY = 16 * 1024
_REFUSALS = (401, 403)


class Project:
    """An open connection to a project, used as `async with Project(credentials) as project`."""

    def __init__(
        self,
        credentials: Credentials,
        timeout_seconds: float = 5.0,
        proxy: str | None = None,
        most_at_once: int = 100,
    ) -> None:
        """Prepare a connection; nothing is sent before a request.

        Args:
            credentials: the project's.
            timeout_seconds: how long one request may last in all.
            proxy: an HTTP proxy's URL; the environment is not asked.
            most_at_once: how many requests may be under way; further ones wait, and that wait is
                not part of a request's time.
        """
        self.slots = asyncio.Semaphore(most_at_once)
        self.credentials = credentials
        self.timeout_seconds = timeout_seconds
        self._proxy = proxy
        self._api: LiveKitAPI | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def api(self) -> LiveKitAPI:
        """The client of livekit-api, for requests that are made within `ask`."""
        if self._api is None:
            raise RuntimeError("the connection is not open: use it with `async with`")
        return self._api

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP session that the requests go through."""
        if self._session is None:
            raise RuntimeError("the connection is not open: use it with `async with`")
        return self._session

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def open(self) -> None:
        """Open the session, once; nothing is sent."""
        if self._session is not None:
            return
        self._session = _open_session(self.timeout_seconds, self._proxy)
        self._api = LiveKitAPI(
            self.credentials.http_url,
            self.credentials.api_key,
            self.credentials.api_secret.get_secret_value(),
            session=self._session,
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session."""
        session, self._session, self._api = self._session, None, None
        if session is not None:
            await session.close()


async def ask(project: Project, request: Coroutine[Any, Any, T]) -> T:
    """Await one request of livekit-api's client; only here its failures become faults.

    Raises:
        ProjectFault: by name, for whatever went wrong.
    """
    # livekit-api lifts aiohttp's timeout from each request, so the bound is ours.
    try:
        await project.slots.acquire()
    except BaseException:  # cancelled while waiting: the request will never be awaited
        request.close()
        raise
    try:
        return await _bounded(request, project.timeout_seconds)
    finally:
        project.slots.release()


async def ask_validate(
    credentials: Credentials,
    token: str,
    *,
    timeout_seconds: float = 5.0,
    proxy: str | None = None,
) -> None:
    """Ask the server whether it accepts a token; a join token of the project passes.

    A token without grants from the right key and secret is answered with MissingGrant.

    Raises:
        ProjectFault: UnknownKey, WrongSecret, MissingGrant, TokenTimeFault, or another by name.
    """
    await _bounded(_validate(credentials, token, timeout_seconds, proxy), timeout_seconds)


async def _validate(
    credentials: Credentials, token: str, timeout_seconds: float, proxy: str | None
) -> None:
    headers = {"Authorization": f"Bearer {token}"}  # not in the query: proxies log URLs
    url = f"{credentials.http_url}/rtc/validate"
    async with (
        _open_session(timeout_seconds, proxy) as session,
        session.get(url, headers=headers, allow_redirects=False) as reply,
    ):
        if reply.status != 200:
            body = await reply.content.read(_LONGEST_BODY)
            raise faults.fault_of_body(reply.status, body.decode(errors="replace"))


async def _bounded(request: Coroutine[Any, Any, T], timeout_seconds: float) -> T:
    # No fault keeps a cause that could carry a request's headers, and the token in them.
    try:
        async with asyncio.timeout(timeout_seconds):
            return await request
    except faults.ProjectFault:
        raise
    except ServerError as error:
        raise faults.fault_of_status(error.status, error.code, error.message) from None
    except TimeoutError:
        raise faults.Unreachable(f"no answer within {timeout_seconds:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise _fault_of_network(error) from None
    except (DecodeError, UnicodeDecodeError):
        raise faults.NotLiveKit("an answer that is not of LiveKit's API") from None


def _fault_of_network(error: Exception) -> faults.ProjectFault:
    if isinstance(error, aiohttp.InvalidURL):
        return faults.NotLiveKit("the project's URL cannot be used")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return faults.Unreachable("the host's TLS certificate is not to be trusted")
    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        return faults.Unreachable("the proxy lets nothing through")
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        return faults.NotLiveKit("an answer that is not HTTP as LiveKit speaks it")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return faults.Unreachable("the host's name does not resolve")
    return faults.Unreachable(f"the connection failed ({type(error).__name__})")


def _open_session(timeout_seconds: float, proxy: str | None) -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(_raise_refusal)
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        trace_configs=[trace],
        proxy=proxy,
    )


async def _raise_refusal(
    session: aiohttp.ClientSession,  # noqa: ARG001 - aiohttp's signature
    context: SimpleNamespace,  # noqa: ARG001 - aiohttp's signature
    reply: aiohttp.TraceRequestEndParams,
) -> None:
    """Name a refusal's cause while its body can be read: livekit's client drops the body."""
    response = reply.response
    if response.status in _REFUSALS:
        body = await response.content.read(_LONGEST_BODY)
        raise faults.fault_of_refusal(response.status, body.decode(errors="replace"))
