"""The routers of the parts beside registry and calls, for the application to include."""

from fastapi import APIRouter

from control.audit import routes as audit

ROUTERS: tuple[APIRouter, ...] = (audit.router,)
