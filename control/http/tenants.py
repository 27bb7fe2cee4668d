"""Routes of the registry."""

from typing import Any

from fastapi import APIRouter, Request, Response

from control.http.schemas import TenantBody, plane_of, show_tenant
from control.tenants.registry import TenantRegistration

router = APIRouter(prefix="/v1/tenants")


@router.get("")
async def list_tenants(request: Request) -> dict[str, Any]:
    """List all tenants with what is wrong with them."""
    plane = plane_of(request)
    last = await plane.checker.last()
    tenants = await plane.registry.tenants()
    return {"tenants": [show_tenant(tenant, last.get(tenant.id)) for tenant in tenants]}


@router.get("/{tenant_id}")
async def show(request: Request, tenant_id: str) -> dict[str, Any]:
    """Show one tenant."""
    plane = plane_of(request)
    tenant = await plane.registry.tenant(tenant_id)
    return show_tenant(tenant, (await plane.checker.last()).get(tenant_id))


@router.put("/{tenant_id}")
async def register(
    request: Request, response: Response, tenant_id: str, body: TenantBody
) -> dict[str, Any]:
    """Register a tenant (201), or change it (200)."""
    plane = plane_of(request)
    wanted = TenantRegistration(tenant_id, body.name, body.enabled, body.settings)
    tenant, is_new = await plane.registry.register(wanted)
    response.status_code = 201 if is_new else 200
    return show_tenant(tenant, (await plane.checker.last()).get(tenant_id))


@router.delete("/{tenant_id}", status_code=204)
async def remove(request: Request, tenant_id: str) -> None:
    """Forget a tenant; its worker is drained."""
    await plane_of(request).registry.remove(tenant_id)


@router.post("/{tenant_id}/check")
async def check(request: Request, tenant_id: str) -> dict[str, Any]:
    """Run the preflight and give its report."""
    return dict((await plane_of(request).checker.check(tenant_id)).report)
