"""Who may come in: the token, compared in constant time, and a bound on every body."""

import asyncio
import hashlib
import hmac
import re
import time

from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control.http.problems import Problem

LONGEST_BODY_BYTES = 256 * 1024
_BODY_SECONDS = 20.0
# These carry a signature of their own, or say nothing that is worth one.
_OPEN = re.compile(r"/livez|/readyz|/v1/tenants/[^/]+/(usage|webhook)")

UNAUTHORIZED = Problem(
    "unauthorized",
    401,
    "The token is missing or wrong",
    hint="send the header Authorization: Bearer <CONTROL_TOKEN>",
)
TOO_LARGE = Problem(
    "too-large",
    413,
    f"The body is longer than {LONGEST_BODY_BYTES // 1024} KiB",
    hint="send less at once",
)
TOO_SLOW = Problem("too-slow", 408, "The body did not come in time", hint="send it again")


class _TooLarge(Exception):
    pass


class _Gone(Exception):
    pass


class Authentication:
    """An ASGI layer before every route, known or not."""

    def __init__(self, app: ASGIApp, token: SecretStr) -> None:
        self._app = app
        self._digest = _digest(token.get_secret_value().encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here; a route finds its arrival as `state.received`."""
        scope.setdefault("state", {})["received"] = time.monotonic()
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif not _OPEN.fullmatch(scope["path"]) and not self._opens(scope):
            refusal = UNAUTHORIZED.response({"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)
        else:
            await self._pass_on(scope, receive, send)

    def _opens(self, scope: Scope) -> bool:
        header = dict(scope["headers"]).get(b"authorization", b"")
        kind, _, token = header.partition(b" ")
        # Digests of one length: the comparison tells nothing of the token, its length included.
        return kind.lower() == b"bearer" and hmac.compare_digest(_digest(token), self._digest)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _read(scope, receive)
        except _Gone:
            return
        except _TooLarge:
            await TOO_LARGE.response()(scope, receive, send)
        except TimeoutError:
            await TOO_SLOW.response()(scope, receive, send)
        else:
            await self._app(scope, _replay(body, receive), send)


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


async def _read(scope: Scope, receive: Receive) -> bytes:
    stated = dict(scope["headers"]).get(b"content-length", b"0")
    if not stated.isdigit() or int(stated) > LONGEST_BODY_BYTES:
        raise _TooLarge
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY_BYTES:
            raise _TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
