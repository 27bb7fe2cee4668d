"""Names the request, and the tenant that its path names, in every record that it leads to."""

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contract.tenant import is_tenant_id, new_nonce
from control import logs

_HEADER = "X-Request-Id"
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TENANT = re.compile(r"/v1/tenants/([^/]+)")


class RequestLog:
    """An ASGI layer around all others; the answer tells the id, which a caller may set."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its fields set."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[_HEADER] = request_id
            await send(message)

        with logs.about(request=request_id, tenant=_tenant(scope["path"])):
            await self._app(scope, receive, send_named)


def _request_id(scope: Scope) -> str:
    header = dict(scope["headers"]).get(_HEADER.lower().encode(), b"").decode("latin-1")
    return header if _GIVEN_ID.fullmatch(header) else new_nonce()


def _tenant(path: str) -> str | None:
    found = _TENANT.match(path)
    return found[1] if found and is_tenant_id(found[1]) else None
