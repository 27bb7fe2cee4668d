"""All that a running control plane holds, put together in one place."""

from dataclasses import dataclass

from control.calls.service import CallService
from control.calls.step import OnStep, tell_nobody
from control.metrics import ControlMetrics
from control.settings import ControlSettings
from control.storage.database import Database
from control.tenants.preflight import PreflightRunner
from control.tenants.registry import Registry
from control.usage.receipt import UsageReceipt
from control.workers.tenant_workers import AsksWorkers, NobodyToAsk


@dataclass(frozen=True)
class Plane:
    """The parts that routes and commands work with."""

    settings: ControlSettings
    database: Database
    registry: Registry
    workers: AsksWorkers
    calls: CallService
    checker: PreflightRunner
    usage: UsageReceipt
    metrics: ControlMetrics


def open_plane(
    settings: ControlSettings,
    workers: AsksWorkers | None = None,
    *,
    on_step: OnStep = tell_nobody,
) -> Plane:
    """Put the parts together; nothing is connected before its first use."""
    database, metrics = Database(settings.database_url), ControlMetrics()
    registry = Registry(database, settings)
    workers = workers or NobodyToAsk()
    return Plane(
        settings=settings,
        database=database,
        registry=registry,
        workers=workers,
        calls=CallService(
            database,
            registry,
            settings,
            workers,
            on_step=on_step,
            on_dispatch=metrics.dispatch_sent,
        ),
        checker=PreflightRunner(database, registry, settings),
        usage=UsageReceipt(database, registry),
        metrics=metrics,
    )
