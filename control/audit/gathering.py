"""Gathers what an audit looks at, runs it, and keeps it."""

from collections.abc import Callable

from control.audit import store
from control.audit.billing import origins
from control.audit.findings import Audit, AuditFinding
from control.audit.run import AuditEvidence, audit
from control.plane import Plane


async def run_and_keep(
    plane: Plane, on_finding: Callable[[AuditFinding], None] | None = None
) -> Audit:
    """Audit all tenants of the registry.

    Raises:
        DatabaseUnreachable: the database stayed away.
    """
    evidence = AuditEvidence(
        tenants=await plane.registry.tenants(),
        workers=plane.workers,
        origins=await origins(plane.database),
        operator_fingerprint=plane.settings.operator_fingerprint,
        claim_key=plane.settings.claim_private_key,
    )
    done = await audit(evidence, on_finding)
    await store.keep(plane.database, done)
    return done
