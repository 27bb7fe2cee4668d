"""Tenants with projects and light workers of their own, and what may be planted among them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.policies import ClaimPolicy
from contract.tenant import default_agent_name, default_room_prefix
from control.tenants.tenant import Tenant
from project.credentials import Credentials
from sandbox.servers import RunningProject, start_project
from tests.control.audit.light import LightWorker, by_guard
from worker.guard.rules import GuardPolicy

CLAIM_KEY = Ed25519PrivateKey.generate()


@dataclass(frozen=True)
class Scene:
    """Projects by tenant, and the tenants themselves."""

    projects: dict[str, RunningProject]
    tenants: tuple[Tenant, ...]

    def tenant(self, tenant_id: str) -> Tenant:
        """Give one tenant."""
        return next(tenant for tenant in self.tenants if tenant.id == tenant_id)


def make_tenant(tenant_id: str, credentials: Credentials, *, enabled: bool = True) -> Tenant:
    """Make a tenant as the registry would."""
    return Tenant(
        id=tenant_id,
        name=tenant_id,
        enabled=enabled,
        livekit=credentials,
        agent_name=default_agent_name(tenant_id),
        room_prefix=default_room_prefix(tenant_id),
        openai_api_key=None,
        openai_base_url=None,
        max_calls=10,
        env={},
        agent_config=None,
        content_hash="",
    )


def light_worker(
    tenant: Tenant, *, room_prefix: str | None = None, policy: ClaimPolicy = ClaimPolicy.REQUIRED
) -> LightWorker:
    """Make a tenant's own worker, which judges by the guard."""
    door = GuardPolicy(
        tenant=tenant.id,
        agent_name=tenant.agent_name,
        room_prefix=room_prefix or tenant.room_prefix,
        max_calls=tenant.max_calls,
        claim_policy=policy,
        claim_keys=(CLAIM_KEY.public_key(),),
    )
    return LightWorker(tenant.credentials, tenant.agent_name, tenant.id, by_guard(door))


def start_projects(names: Sequence[str], folder: Path) -> dict[str, RunningProject]:
    """Start a real server for each; all at once, since each only waits to be ready."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        started = pool.map(lambda name: start_project(name, folder=folder / name), names)
        return dict(zip(names, started, strict=True))
