"""The docker launcher and the loop over it, on a real Docker Engine with the real image."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.limits import memory_mib, pids
from contract.tenant import call_room, new_nonce
from control.fleet.rows import rows
from control.launchers import choice
from control.launchers.launcher import LauncherFault, LauncherSettings, Worker
from control.launchers.worker_spec import WorkerSpec
from control.workers.workers import Workers
from project.connection import Project
from project.participants import agents_in
from project.rooms import create_room, delete_room
from sandbox.docker.engine import RunningEngine
from sandbox.docker.image import Image
from sandbox.servers import RunningProject
from tests.control.fleet.fleets import DRAIN_SECONDS, RunningFleet, running_fleet, secret, until

# The first test to ask for the image waits for its build, apt and debootstrap included.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

# The image holds no tests: its workers run the built-in agent, and nobody asks its provider.
IN_THE_IMAGE = {"AGENT": "", "CALL_MEMORY_LIMIT_MB": "300"}
# Stands in for a worker on a network of its own, from where no server on this machine's loopback
# can be reached: it answers at the health port, and takes SIGTERM as an idle worker does.
STAND_IN = """
import http.server, json, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"tenant": os.environ["TENANT_ID"], "state": "ready", "calls": 0})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())
open(os.environ["STATE_DIR"].rpartition("/")[0] + "/written", "w").close()
http.server.HTTPServer(("0.0.0.0", int(os.environ["HEALTH_PORT"])), Answer).serve_forever()
"""


@pytest.fixture
async def fleet(tmp_path: Path, engine: RunningEngine, image: Image) -> AsyncIterator[RunningFleet]:
    """A fleet of containers on the host's network, with their credentials mounted as files."""
    forget(engine, "acme")
    async with running_fleet(
        tmp_path,
        LAUNCHER="docker",
        DOCKER_HOST=engine.host,
        WORKER_IMAGE=image.name,
        LAUNCHER_DOCKER_NETWORK="host",
        LAUNCHER_CREDENTIALS="files",
    ) as running:
        yield running
    forget(engine, "acme")


def forget(engine: RunningEngine, *tenants: str) -> None:
    """Remove what outlives a container on purpose, and what a failed test has left."""
    engine.remove_containers()
    for tenant in tenants:
        engine.run("network", "rm", f"tenant-worker-{tenant}")
        engine.run("volume", "rm", f"tenant-worker-{tenant}-state")


async def test_a_container_serves_is_found_again_and_is_drained(
    fleet: RunningFleet, engine: RunningEngine, acme: RunningProject
) -> None:
    config = {"greeting": "Hello from acme."}
    await fleet.put("acme", acme.credentials, env=IN_THE_IMAGE, config=config)
    worker = await fleet.ready("acme")
    found = engine.inspect(worker.id)
    assert_hardened(found)
    assert_labelled(found, worker)
    for value in (acme.credentials.api_secret.get_secret_value(), acme.credentials.api_key):
        assert value not in json.dumps(found)
    assert config["greeting"] in engine.ask("exec", worker.id, "cat", "/run/tenant/agent_config")

    room = call_room("acme--", new_nonce())
    async with Project(acme.credentials) as project:
        await create_room(project, room, agent_name="acme-agent")
        await until(lambda: has_agent(project, room), "an agent in the room")
        # SIGKILL to the control plane: nothing changes for the call, and the next one finds it.
        await fleet.crash()
        successor = RunningFleet(fleet.variables)
        await successor.begin()
        try:
            await successor.fleet.reconcile()
            assert await successor.of("acme") == (worker,)
            await assert_shown(successor, acme)
            assert len(await agents_in(project, room)) == 1
            await successor.put("acme", acme.credentials, enabled=False)
            await until(lambda: is_draining(successor), "asked to drain")
            assert len(await agents_in(project, room)) == 1
            await delete_room(project, room)
            await until(lambda: is_forgotten(successor), "the container drained and removed")
        finally:
            await successor.close()
    assert engine.run("volume", "inspect", "tenant-worker-acme-state").returncode == 0
    assert not list((fleet.host.folder / "files").iterdir())


def assert_hardened(found: dict[str, Any]) -> None:
    host = found["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == memory_mib(2) * 2**20
    assert host["PidsLimit"] == pids(2)
    assert host["CpuQuota"] == 2 * host["CpuPeriod"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert found["Config"]["StopTimeout"] == DRAIN_SECONDS + 30
    assert found["Config"]["User"] == "10001:10001"


def assert_labelled(found: dict[str, Any], worker: Worker) -> None:
    labels = found["Config"]["Labels"]
    assert labels["tenant-worker.tenant"] == "acme"
    assert labels["tenant-worker.content"] == worker.spec_hash
    mounts = {mount["Destination"]: mount for mount in found["Mounts"]}
    assert mounts["/state"]["Name"] == "tenant-worker-acme-state"
    assert mounts["/run/tenant/livekit_api_secret"]["RW"] is False


async def assert_shown(fleet: RunningFleet, acme: RunningProject) -> None:
    (row,) = await rows(await fleet.registry.tenants(), fleet.launcher, fleet.workers)
    assert (row.tenant, row.project, row.calls) == ("acme", acme.credentials.host, 1)
    assert row.memory_bytes is not None
    assert row.memory_bytes > 50 * 2**20


async def has_agent(project: Project, room: str) -> bool:
    return bool(await agents_in(project, room))


async def is_draining(fleet: RunningFleet) -> bool:
    return all(worker.draining_since is not None for worker in await fleet.of("acme"))


async def is_forgotten(fleet: RunningFleet) -> bool:
    return not await fleet.of("acme")


async def test_exit_codes_are_told_apart_where_docker_cannot(
    fleet: RunningFleet, engine: RunningEngine, acme: RunningProject
) -> None:
    await fleet.put("acme", secret(acme.credentials, "canary-" + "x" * 40), env=IN_THE_IMAGE)
    await until(lambda: has_ended(fleet), "the container ended")
    (refused,) = await fleet.of("acme")
    assert refused.ending is not None
    assert refused.ending.code == 77
    assert "credential.secret" in refused.ending.cause
    assert "canary-" not in engine.run("logs", refused.id).stderr
    await fleet.fleet.reconcile()
    assert [worker.id for worker in await fleet.of("acme")] == [refused.id]

    # Mended, then killed from outside: replaced at once, restarted after a wait, counted.
    await fleet.put("acme", acme.credentials, env=IN_THE_IMAGE)
    first = await fleet.ready("acme")
    engine.ask("kill", first.id)
    second = await fleet.ready("acme", but=first.id)
    assert (second.restarts, second.last_cause[:8]) == (1, "exit 137")


async def has_ended(fleet: RunningFleet) -> bool:
    return any(not worker.is_live for worker in await fleet.of("acme"))


async def test_every_tenant_has_a_network_of_its_own_and_a_health_port_on_loopback(
    tmp_path: Path, engine: RunningEngine, image: Image
) -> None:
    stand_in = build_stand_in(engine, image, tmp_path)
    launcher = choice.make(
        LauncherSettings(
            kind="docker", folder=tmp_path, image=stand_in, docker_host=engine.host, fleet="own"
        )
    )
    asking = Workers(launcher)
    try:
        workers = [
            await launcher.start(WorkerSpec(tenant, {"TENANT_ID": tenant}), 0)
            for tenant in ("initech", "umbrella")
        ]
        for worker in workers:
            found = engine.inspect(worker.id)
            assert list(found["NetworkSettings"]["Networks"]) == [f"tenant-worker-{worker.tenant}"]
            (published,) = found["NetworkSettings"]["Ports"]["8081/tcp"]
            assert published["HostIp"] == "127.0.0.1"
            assert worker.health_url == f"http://127.0.0.1:{published['HostPort']}"
            await until(lambda worker=worker: answers(asking, worker), "answering")  # type: ignore[misc] # mypy does not see a lambda's default
        assert engine.ask("exec", workers[0].id, "ls", "/state") == "written"
        for worker in workers:
            await launcher.drain(worker)
        await until(lambda: are_ended(launcher), "both ended")
        for worker in await launcher.workers():
            assert worker.ending is not None
            assert worker.ending.code == 0
            await launcher.remove(worker)
        networks = engine.ask("network", "ls", "--format", "{{.Name}}").split()
        assert not {f"tenant-worker-{worker.tenant}" for worker in workers} & set(networks)
    finally:
        await asking.close()
        await launcher.close()
        forget(engine, "initech", "umbrella")


def build_stand_in(engine: RunningEngine, image: Image, folder: Path) -> str:
    (folder / "stand_in.py").write_text(STAND_IN)
    (folder / "Dockerfile").write_text(
        f"FROM {image.name}\nCOPY --chmod=0444 stand_in.py /stand_in.py\n"
        'ENTRYPOINT ["python", "/stand_in.py"]\n'
    )
    name = "livekit-tenant-worker:stand-in"
    engine.ask("build", "--network", "none", "--tag", name, str(folder), seconds=120)
    return name


async def answers(asking: Workers, worker: Worker) -> bool:
    (status,), (readiness,) = await asking.statuses([worker]), await asking.readiness([worker])
    return status is not None and readiness.takes_calls


async def are_ended(launcher: Any) -> bool:
    return not any(worker.is_live for worker in await launcher.workers())


@pytest.mark.parametrize(
    ("container", "problem"),
    [("nobody", "LAUNCHER_DOCKER_CONTAINER"), ("without-volumes", "is on no volume")],
)
def test_a_container_of_its_own_that_cannot_be_meant_is_a_fault_at_once(
    tmp_path: Path, engine: RunningEngine, image: Image, container: str, problem: str
) -> None:
    engine.ask("create", "--name", "without-volumes", "--network", "none", image.name)
    try:
        with pytest.raises(LauncherFault, match=problem):
            choice.make(
                LauncherSettings(
                    kind="docker",
                    folder=tmp_path,
                    image=image.name,
                    docker_host=engine.host,
                    docker_container=container,
                )
            )
    finally:
        engine.run("rm", "without-volumes")
