"""Errors as problem+json (RFC 9457): the one place where an exception becomes an answer."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from control.calls import faults as calls
from control.storage.database import DatabaseUnreachable
from control.tenants.preflight import CheckFailed
from control.tenants.registry import RegistrationRefused, SharedKey, UnknownTenant
from control.tenants.tenant import FaultyTenant
from control.usage.receipt import MalformedUsage, UnsignedUsage
from project.faults import ProjectFault

_log = logging.getLogger(__name__)
_TYPES = "/problems/"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Problem:
    """What went wrong: a stable slug, a status, what it is about, and what to do next."""

    slug: str
    status: int
    title: str
    detail: str = ""
    hint: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def response(self, headers: Mapping[str, str] | None = None) -> JSONResponse:
        """Write it."""
        body = {
            "type": _TYPES + self.slug,
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
            "hint": self.hint,
            **self.more,
        }
        return JSONResponse(body, self.status, dict(headers or {}), MEDIA_TYPE)


@dataclass(frozen=True)
class _Kind:
    """How a kind of exception is answered; its text and its hint are made to be shown."""

    slug: str
    status: int
    title: str


_KINDS: Mapping[type[Exception], _Kind] = {
    UnknownTenant: _Kind("unknown-tenant", 404, "There is no such tenant"),
    calls.UnknownCall: _Kind("unknown-call", 404, "There is no such call"),
    SharedKey: _Kind("shared-key", 409, "The API key is somebody else's"),
    RegistrationRefused: _Kind("bad-settings", 422, "These settings cannot be right"),
    FaultyTenant: _Kind("faulty-tenant", 409, "The tenant cannot be served as it is"),
    calls.TenantDisabled: _Kind("tenant-disabled", 409, "The tenant is disabled"),
    calls.ReservedIdentity: _Kind("reserved-identity", 422, "The identity is reserved for agents"),
    calls.ForeignRoom: _Kind("foreign-room", 422, "The room is not one of the tenant's"),
    calls.KeyReused: _Kind("key-reused", 422, "The Idempotency-Key stands for another request"),
    calls.StillBeingMade: _Kind("still-being-made", 409, "The first request is not answered yet"),
    CheckFailed: _Kind("check-failed", 502, "The preflight gave no report"),
    UnsignedUsage: _Kind("unsigned", 401, "The signature does not open this"),
    MalformedUsage: _Kind("bad-usage", 422, "This is no usage record of the tenant's"),
    ProjectFault: _Kind("project-fault", 502, "The tenant's project did not do it"),
    DatabaseUnreachable: _Kind("database-away", 503, "The control plane's database is away"),
}


def describe(error: Exception) -> Problem:
    """Turn an exception of ours into a problem; anything else is a fault of ours."""
    for kind in type(error).__mro__:
        if kind in _KINDS:
            found = _KINDS[kind]
            hint = str(getattr(error, "hint", ""))
            return Problem(found.slug, found.status, found.title, str(error), hint, _more(error))
    return Problem(
        "software", 500, "A fault of the control plane", hint="read its log, and report it"
    )


def install(app: FastAPI) -> None:
    """Answer every error of the application as a problem."""
    for kind in _KINDS:
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer)


def _more(error: Exception) -> Mapping[str, Any]:
    if isinstance(error, SharedKey):
        return {"owner": error.owner}
    if isinstance(error, RegistrationRefused):
        return {"problems": list(error.problems)}
    if isinstance(error, FaultyTenant):
        return {
            "faults": [{"id": f.id, "problem": f.problem, "hint": f.hint} for f in error.faults]
        }
    return {}


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, FaultyTenant):
        return _faulty(error).response()
    headers = {"Retry-After": "2"} if isinstance(error, DatabaseUnreachable) else None
    return describe(error).response(headers)


def _faulty(error: FaultyTenant) -> Problem:
    problem = describe(error)
    shared = next((fault for fault in error.faults if fault.id == "shared-key"), None)
    hint = (shared or error.faults[0]).hint if error.faults else "register the tenant anew"
    slug = "shared-key" if shared else problem.slug
    owner = {"owner": shared.other} if shared else {}
    title = "The API key is somebody else's as well" if shared else problem.title
    return Problem(slug, problem.status, title, problem.detail, hint, {**problem.more, **owner})


async def _answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # Never the input itself: it may hold a secret.
    errors = [
        {"where": ".".join(str(step) for step in fault["loc"]), "problem": fault["msg"]}
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['where']}: {fault['problem']}" for fault in errors)
    hint = "docs/control.md shows each request's fields"
    problem = Problem(
        "bad-request", 422, "The request is not as it should be", detail, hint, {"errors": errors}
    )
    return problem.response()


async def _answer_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    slugs = {404: "not-found", 405: "method-not-allowed"}
    problem = Problem(
        slugs.get(error.status_code, "bad-request"),
        error.status_code,
        str(error.detail),
        hint="docs/control.md lists what can be asked",
    )
    return problem.response(error.headers)
