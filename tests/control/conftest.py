"""What the control plane's tests share: a PostgreSQL, and silent workers at two projects."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.servers import RunningProject
from tests.control.planes import sqlite
from tests.control.postgres import RunningPostgres
from tests.control.running import Serving, Worker


@pytest.fixture(scope="session")
def postgres() -> Iterator[RunningPostgres]:
    """A real server; each test makes its own database in it."""
    server = RunningPostgres()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def serving(
    postgres: RunningPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """A control plane that serves on PostgreSQL and launches nobody."""
    given = {"CONTROL_DATABASE_URL": postgres.empty_database()}
    with Serving(tmp_path_factory.mktemp("control"), given) as control:
        yield control


@pytest.fixture(scope="module")
def acme_worker(acme: RunningProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A silent worker of acme's."""
    yield from _worker(acme, "acme-agent", tmp_path_factory)


@pytest.fixture(scope="module")
def globex_worker(
    globex: RunningProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    """A silent worker of globex's."""
    yield from _worker(globex, "globex-agent", tmp_path_factory)


def _worker(
    project: RunningProject, agent_name: str, folders: pytest.TempPathFactory
) -> Iterator[Worker]:
    worker = Worker(project.credentials, agent_name, folders.mktemp(agent_name))
    try:
        worker.wait_until_registered()
        yield worker
    finally:
        worker.kill()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty database of each kind."""
    if request.param == "sqlite":
        return sqlite(tmp_path)
    server: RunningPostgres = request.getfixturevalue("postgres")
    return server.empty_database()
