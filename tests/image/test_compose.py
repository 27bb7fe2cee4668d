"""compose.yaml as it stands, on a real Docker Engine: up, a tenant, its call, an update, down."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.docker.engine import RunningEngine
from sandbox.docker.image import Image
from sandbox.servers import RunningProject, start_project
from tests.control.running import eventually, settings_of
from tests.image.composing import CONTROL, Composition

# The first test to ask for an image waits for its build, apt and debootstrap included.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

WORKERS_NETWORK = "tenant-worker-acme"
WORKERS_VOLUME = "tenant-worker-acme-state"


@pytest.fixture
def composition(engine: RunningEngine, image: Image, control_image: Image) -> Iterator[Composition]:
    """What `docker compose up` has started."""
    forget(engine)
    composed = Composition(engine, image, control_image)
    try:
        composed.run("up", "--detach")
        yield composed
    finally:
        composed.clear()
        forget(engine)


def forget(engine: RunningEngine) -> None:
    """Remove what outlives a container on purpose, and what a test that was killed has left."""
    engine.remove_containers()
    engine.run("network", "rm", WORKERS_NETWORK, CONTROL)
    engine.run("volume", "rm", WORKERS_VOLUME)


@pytest.fixture
def acme(
    composition: Composition, engine: RunningEngine, tmp_path: Path
) -> Iterator[RunningProject]:
    """A project of this machine at an address that containers reach, as the Internet would be."""
    network = engine.inspect(CONTROL)["NetworkSettings"]["Networks"][CONTROL]
    project = start_project("acme", folder=tmp_path, address=network["Gateway"])
    try:
        yield project
    finally:
        project.kill()


@pytest.fixture
async def client(composition: Composition) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has read the first token in the log."""
    headers = {"Authorization": f"Bearer {told_tokens(composition)[0]}"}
    async with httpx.AsyncClient(
        base_url=composition.url, headers=headers, timeout=60, trust_env=False
    ) as asking:
        yield asking


def told_tokens(composition: Composition) -> list[str]:
    return re.findall(r"first token: (\S+)", composition.logs())


async def test_one_command_brings_all_up_and_a_tenant_is_served(
    composition: Composition, client: httpx.AsyncClient, engine: RunningEngine, acme: RunningProject
) -> None:
    await eventually(lambda: is_healthy(engine), 120)
    assert (await client.get("/readyz")).status_code == 200
    await register(client, acme)
    worker = await eventually(lambda: ready_worker(engine), 120)
    assert networks_of(engine, worker) == {WORKERS_NETWORK}
    assert acme.credentials.api_secret.get_secret_value() not in json.dumps(engine.inspect(worker))

    await call(client)
    # The worker posts its record by the name that the control plane has on the worker's network.
    await eventually(lambda: has_usage(composition), 120)
    assert state_of_acme(composition) == "ready"
    assert engine.ask("exec", CONTROL, "cat", "/proc/sys/net/ipv4/ip_forward") == "0"
    (token,) = told_tokens(composition)
    assert composition.logs().count(token) == 1

    # Another container goes on in its place: with the same keys, beside the same worker.
    composition.run("up", "--detach", "--force-recreate")
    await eventually(lambda: is_healthy(engine), 120)
    await eventually(lambda: is_beside_workers(engine), 60)
    assert told_tokens(composition) == []
    assert (await client.get("/v1/tenants/acme")).status_code == 200
    assert state_of_acme(composition) == "ready"
    assert workers(engine) == [worker]

    assert (await client.put("/v1/tenants/acme", json={"enabled": False})).status_code == 200
    await eventually(lambda: is_left_to_none(engine), 120)
    composition.run("down", "--volumes")
    assert composition.things() == []


async def register(client: httpx.AsyncClient, acme: RunningProject) -> None:
    settings = settings_of(acme.credentials) | {
        "openai": {"api_key": "sk-test-0123456789"},
        # A file that is mounted from the control plane's own volume; no provider is reached.
        "agent": {
            "max_calls": 2,
            "config": {"greeting": "Hello from acme."},
            "env": {"PROVIDER_CHECK": "off"},
        },
    }
    answer = await client.put("/v1/tenants/acme", json={"settings": settings})
    assert answer.status_code == 201, answer.text


async def call(client: httpx.AsyncClient) -> None:
    """Start a call, see the agent join, and end it."""
    calls = "/v1/tenants/acme/calls"
    answer = await client.post(calls, json={"identity": "caller", "wait_seconds": 30})
    assert answer.status_code == 201, answer.text
    assert answer.json()["agent"]["state"] == "joined"
    ended = await client.delete(f"{calls}/{answer.json()['call_id']}")
    assert ended.status_code in (200, 202), ended.text


def workers(engine: RunningEngine) -> list[str]:
    label = "label=tenant-worker.tenant=acme"
    return engine.ask("ps", "--all", "--quiet", "--no-trunc", "--filter", label).split()


def networks_of(engine: RunningEngine, container: str) -> set[str]:
    return set(engine.inspect(container)["NetworkSettings"]["Networks"])


def state_of_acme(composition: Composition) -> str:
    (row,) = json.loads(composition.control("status", "--json"))
    return str(row["state"])


async def is_healthy(engine: RunningEngine) -> bool:
    return bool(engine.inspect(CONTROL)["State"]["Health"]["Status"] == "healthy")


async def ready_worker(engine: RunningEngine) -> str | None:
    asked = ("python", "-I", "-S", "/app/healthcheck.py", "8081", "/readyz")
    ready = [one for one in workers(engine) if engine.run("exec", one, *asked).returncode == 0]
    return ready[0] if ready else None


async def has_usage(composition: Composition) -> bool:
    sums = json.loads(composition.control("usage", "--since", "1d", "--json"))
    return [(one["tenant"], one["calls"]) for one in sums] == [("acme", 1)]


async def is_beside_workers(engine: RunningEngine) -> bool:
    return WORKERS_NETWORK in networks_of(engine, CONTROL)


async def is_left_to_none(engine: RunningEngine) -> bool:
    """Tell whether the worker has drained, and its network went with it."""
    networks = engine.ask("network", "ls", "--format", "{{.Name}}").split()
    return not workers(engine) and WORKERS_NETWORK not in networks
