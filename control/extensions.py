"""The routers of the parts beside registry and calls, for the application to include."""

from control.audit.routes import router as audit_router

ROUTERS = (audit_router,)
