"""Gathers what an audit looks at, runs it, and keeps it."""

from collections.abc import Callable

from control.audit import kept
from control.audit.billing import origins
from control.audit.findings import Audit, Finding
from control.audit.run import Evidence, audit
from control.plane import Plane


async def run_and_keep(plane: Plane, on_finding: Callable[[Finding], None] | None = None) -> Audit:
    """Audit all tenants of the registry.

    Raises:
        DatabaseUnreachable: the database stayed away.
    """
    evidence = Evidence(
        tenants=await plane.registry.tenants(),
        workers=plane.workers,
        origins=await origins(plane.database),
        operator_fingerprint=plane.settings.operator_fingerprint,
        claim_key=plane.settings.claim_private_key,
    )
    done = await audit(evidence, on_finding)
    await kept.keep(plane.database, done)
    return done
