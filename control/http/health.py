"""Routes for whoever watches the control plane itself."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from control.http.schemas import plane_of
from control.storage.database import DatabaseUnreachable

router = APIRouter()
_DATABASE_SECONDS = 3.0


@router.get("/livez")
async def livez() -> dict[str, str]:
    """Say that the process serves."""
    return {"state": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Say whether calls can be made: the database must answer.

    Raises:
        DatabaseUnreachable: it did not within seconds, for whatever reason.
    """
    engine = plane_of(request).database.engine
    try:
        async with asyncio.timeout(_DATABASE_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception as error:  # raised again by its name: whatever it is, the database is away
        raise DatabaseUnreachable("the database does not answer") from error
    return JSONResponse({"state": "ready"})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Give the metrics."""
    return Response(plane_of(request).metrics.render(), media_type=CONTENT_TYPE_LATEST)
