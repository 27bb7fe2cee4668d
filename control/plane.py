"""All that a running control plane holds, put together in one place."""

from dataclasses import dataclass

from control.calls.desk import Desk
from control.calls.step import OnStep, tell_nobody
from control.checking import Checker
from control.database import Database
from control.measures import Measures
from control.registry import Registry
from control.settings import Settings
from control.standing import AsksWorkers, NobodyToAsk
from control.usage_receipt import UsageReceipt


@dataclass(frozen=True)
class Plane:
    """The parts that routes and commands work with."""

    settings: Settings
    database: Database
    registry: Registry
    workers: AsksWorkers
    desk: Desk
    checker: Checker
    usage: UsageReceipt
    measures: Measures


def open_plane(
    settings: Settings,
    workers: AsksWorkers | None = None,
    *,
    on_step: OnStep = tell_nobody,
) -> Plane:
    """Put the parts together; nothing is connected before its first use."""
    database, measures = Database(settings.database_url), Measures()
    registry = Registry(database, settings)
    workers = workers or NobodyToAsk()
    return Plane(
        settings=settings,
        database=database,
        registry=registry,
        workers=workers,
        desk=Desk(
            database,
            registry,
            settings,
            workers,
            on_step=on_step,
            on_dispatch=measures.dispatch_sent,
        ),
        checker=Checker(database, registry, settings),
        usage=UsageReceipt(database, registry),
        measures=measures,
    )
