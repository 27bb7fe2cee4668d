"""All that a running control plane holds: settings, database, registry, and who can ask workers."""

from dataclasses import dataclass

from control.database import Database
from control.registry import Registry
from control.settings import Settings
from control.standing import AsksWorkers, NobodyToAsk


@dataclass(frozen=True)
class Plane:
    """The parts that routes and commands work with; made once by `open_plane`."""

    settings: Settings
    database: Database
    registry: Registry
    workers: AsksWorkers


def open_plane(settings: Settings, workers: AsksWorkers | None = None) -> Plane:
    """Put the parts together; nothing is connected before its first use."""
    database = Database(settings.database_url)
    registry = Registry(database, settings)
    return Plane(settings, database, registry, workers or NobodyToAsk())
