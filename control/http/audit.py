"""Routes of the audit: POST runs one, GET reads the last; as JSON, or as the page for a browser."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from contract.programs import CONTROL
from control.audit import page, store
from control.audit.findings import Audit
from control.audit.gathering import run_and_keep
from control.http.problems import Problem
from control.http.schemas import plane_of

router = APIRouter(prefix="/v1/audit")

NO_AUDIT = Problem(
    "no-audit",
    404,
    "There has been no audit yet",
    hint=f"run one: POST /v1/audit, or `{CONTROL} audit`",
)


@router.post("")
async def run(request: Request) -> Response:
    """Run an audit; whoever asks meanwhile waits, then runs the next."""
    state = request.app.state
    if not hasattr(state, "auditing"):
        state.auditing = asyncio.Lock()
    async with state.auditing:
        return _show(request, await run_and_keep(plane_of(request)))


@router.get("")
async def read(request: Request) -> Response:
    """Read the last audit."""
    last = await store.last(plane_of(request).database)
    return NO_AUDIT.response() if last is None else _show(request, last)


def _show(request: Request, done: Audit) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(page.render(done))
    return JSONResponse(done.as_json())
