"""Routes that a signature opens instead of the token: usage records, LiveKit's webhooks."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from livekit.api import TokenVerifier, WebhookReceiver

from contract.records.signature import SIGNATURE_HEADER
from control.http.problems import Problem
from control.http.schemas import plane_of
from control.tenants.registry import UnknownTenant
from control.tenants.tenant import FaultyTenant

router = APIRouter(prefix="/v1/tenants/{tenant_id}")

_UNSIGNED = Problem(
    "unsigned",
    401,
    "The signature does not open this",
    hint="let the tenant's project sign its webhooks with the tenant's API key",
)


@router.post("/usage", status_code=204)
async def receive_usage(
    request: Request,
    tenant_id: str,
    signature: Annotated[str, Header(alias=SIGNATURE_HEADER)] = "",
) -> None:
    """Keep a usage record; one that comes again is answered alike and changes nothing."""
    plane = plane_of(request)
    is_new = await plane.usage.receive(tenant_id, await request.body(), signature)
    plane.metrics.usage_received(tenant_id, is_new)


@router.post("/webhook", status_code=204)
async def receive_webhook(
    request: Request, tenant_id: str, authorization: Annotated[str, Header()] = ""
) -> Response:
    """Look into a room of the tenant's now: LiveKit says that something happened there."""
    plane = plane_of(request)
    body = (await request.body()).decode(errors="replace")
    try:
        credentials = (await plane.registry.callee(tenant_id)).credentials
    except (UnknownTenant, FaultyTenant):
        # Who has no key gets no answer that tells tenants from strangers.
        return _UNSIGNED.response()
    secret = credentials.api_secret.get_secret_value()
    receiver = WebhookReceiver(TokenVerifier(credentials.api_key, secret))
    try:
        event = await asyncio.to_thread(receiver.receive, body, authorization)
    except Exception:  # noqa: BLE001 - the receiver raises whatever its parsers do; all mean no
        return _UNSIGNED.response()
    if event.event in ("room_finished", "participant_joined", "participant_left"):
        plane.calls.watch.look_into(credentials, event.room.name)
    return Response(status_code=204)
