"""A running worker finds whoever else takes its tenant's dispatches."""

from dataclasses import replace
from pathlib import Path

import pytest

from contract.settings.groups import Host, Identity
from project.connection import Project
from project.rooms import list_rooms
from sandbox.servers import RunningProject
from tests.worker.dispatching import stock_worker
from worker.configuration import Configuration
from worker.main.rivals import RivalWatch
from worker.metrics import WorkerMetrics

pytestmark = pytest.mark.integration


async def test_a_rival_under_the_same_name_is_seen_counted_and_logged_and_gone_again(
    globex: RunningProject, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = Configuration(
        identity=Identity("globex", "watched", "globex--"),
        credentials=globex.credentials,
        host=Host(tmp_path),
        # A cold rival on a busy machine takes longer than the six seconds of a real look.
        rival_patience_seconds=15.0,
    )
    metrics = WorkerMetrics("globex")
    watch = RivalWatch(configuration, metrics, lambda: True)
    with stock_worker(globex.credentials, tmp_path, "watched"):
        await watch.look()
        assert len(watch.seen) == 1
        assert 'tenant_worker_rivals{tenant="globex"} 1.0' in metrics.render().decode()
        assert "somebody else takes this tenant's dispatches" in caplog.text
    quick = replace(configuration, rival_patience_seconds=0.5)
    watch = RivalWatch(quick, metrics, lambda: True)
    await watch.look()
    assert watch.seen == ()
    assert 'tenant_worker_rivals{tenant="globex"} 0.0' in metrics.render().decode()
    async with Project(globex.credentials) as project:
        assert not [room for room in await list_rooms(project) if "probe" in str(room)]
