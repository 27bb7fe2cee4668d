"""Routes of calls."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from control.calls.call import CallAnswer
from control.http.schemas import CallBody, plane_of, show_call

router = APIRouter(prefix="/v1/tenants/{tenant_id}/calls")

_Key = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern="^[!-~]+$")
]


@router.post("", status_code=201)
async def make(
    request: Request, response: Response, tenant_id: str, body: CallBody, key: _Key = None
) -> dict[str, Any]:
    """Make a call: 201 when its agent has joined, 202 with the cause when it has not."""
    plane = plane_of(request)
    received: float = request.state.received
    made = await plane.calls.request(tenant_id, body.request(), key, received=received)
    plane.metrics.call_answered(tenant_id, _outcome(made))
    response.status_code = made.status
    return dict(made.body)


@router.get("/{call_id}")
async def show(request: Request, tenant_id: str, call_id: str) -> dict[str, Any]:
    """Show how a call stands."""
    return show_call(await plane_of(request).calls.call(tenant_id, call_id))


@router.delete("/{call_id}")
async def end(request: Request, response: Response, tenant_id: str, call_id: str) -> dict[str, Any]:
    """End a call: 200 when it has ended, 202 when it will as soon as its project answers."""
    ended = await plane_of(request).calls.end(tenant_id, call_id)
    response.status_code = 202 if ended.is_open else 200
    return show_call(ended)


def _outcome(made: CallAnswer) -> str:
    agent = made.body["agent"]
    return str(agent.get("cause") or agent["state"])
