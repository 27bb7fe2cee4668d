"""The wheel in an empty environment: what it brings, and that its programs work far from here."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contract.version import VERSION
from sandbox.child import plain_environment, start_child
from sandbox.ports import free_port
from sandbox.servers import RunningProject
from tests.install.environment import Installed, build_wheel, install
from tests.livekit_tenant.programs import write
from tests.workers import variables_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

OURS = ("contract", "project", "bootstrap", "worker", "control", "sandbox")
WHAT_IS_FOUND = f"""
import importlib.util, json, livekit_tenant
from importlib import metadata
print(json.dumps({{
    "found": [name for name in {OURS!r} if importlib.util.find_spec(name)],
    "tops": sorted({{path.parts[0] for path in metadata.files("livekit-tenant-worker")}}),
    "version": metadata.version("livekit-tenant-worker"),
}}))
"""
AGENT = """
import asyncio
import project
from livekit_tenant import Start
from livekit.agents import JobContext

async def answer(ctx: JobContext, start: Start) -> None:
    gone = asyncio.Event()
    ctx.room.on("disconnected", lambda *_: gone.set())
    await ctx.connect()
    await gone.wait()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, in an environment of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    return install(build_wheel(folder), folder)


@pytest.fixture(scope="module")
def env_file(installed: Installed, acme: RunningProject) -> Path:
    """A tenant's, with code of its own in modules that are called as our packages are."""
    code = installed.folder / "code"
    code.mkdir()
    write(code, worker=AGENT, project="")
    values = variables_for(acme.credentials, installed.folder, AGENT="worker:answer")
    return _write(installed.folder / "code.env", values | {"PYTHONPATH": str(code)})


def _write(path: Path, values: dict[str, str]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return path


@pytest.fixture
def control(installed: Installed, acme: RunningProject) -> Iterator[dict[str, str]]:
    """A control plane that serves one tenant; gives the variables for its commands."""
    values = variables_for(acme.credentials, installed.folder, AGENT="", CLAIM_POLICY="off")
    env_file = _write(installed.folder / "acme.env", values)
    port = free_port()
    variables = {"CONTROL_URL": f"http://127.0.0.1:{port}", "LAUNCHER": "process"}
    added = installed.run(
        "livekit-tenant-control", "tenants", "add", "acme", "--env-file", str(env_file), **variables
    )
    assert added.returncode == 0, added.stderr
    serve = [installed.script("livekit-tenant-control"), "serve", "--port", str(port)]
    serving = start_child(
        "control",
        ["env", "-C", str(installed.folder), *serve],
        log=installed.folder / "control.log",
        environment=plain_environment() | variables,
    )
    try:
        serving.wait_until(lambda: _is_ready(port), "ready", 60)
        yield variables
    finally:
        serving.kill()
        # Its workers outlive it, as they should.
        installed.run("livekit-tenant-control", "stop", "--now", **variables)


def _is_ready(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        url = f"http://127.0.0.1:{port}/readyz"
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    return False


def test_it_brings_one_package_and_no_other_name_is_taken(installed: Installed) -> None:
    ran = installed.run("python", "-c", WHAT_IS_FOUND)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["found"] == []
    ours = {"livekit_tenant", f"livekit_tenant_worker-{VERSION}.dist-info", ".."}
    assert (set(told["tops"]), told["version"]) == (ours, VERSION)


@pytest.mark.parametrize("name", ["livekit-tenant-worker", "livekit-tenant-control"])
def test_each_program_shows_its_help_under_the_name_it_was_called_by(
    name: str, installed: Installed
) -> None:
    ran = installed.run(name, "--help")
    assert ran.returncode == 0, ran.stderr
    assert f"usage: {name} " in ran.stdout.lower()


def test_without_its_extra_the_control_plane_names_it(installed: Installed) -> None:
    bare = (
        "import sys; sys.modules['sqlalchemy'] = None; from livekit_tenant._commands import control"
    )
    ran = installed.run("python", "-c", f"{bare}; control()")
    assert ran.returncode == 78
    assert "livekit-tenant-worker[control]" in ran.stderr


def test_the_check_passes_with_code_whose_modules_are_called_as_ours(
    installed: Installed, env_file: Path
) -> None:
    ran = installed.run("livekit-tenant-worker", "check", "--json", "--env-file", str(env_file))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout)["verdict"] == "pass"


def test_the_control_plane_serves_checks_and_launches_and_a_call_is_answered(
    installed: Installed, control: dict[str, str]
) -> None:
    program = "livekit-tenant-control"
    checked = installed.run(program, "tenants", "check", "acme", **control)
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, "acme: pass")
    called = installed.run(program, "call", "acme", **control)
    assert called.returncode == 0, called.stdout + called.stderr
    assert json.loads(called.stdout)["agent"]["state"] == "joined"


def test_a_talk_without_the_sandbox_names_the_extra_and_makes_no_call(
    installed: Installed, env_file: Path
) -> None:
    ran = installed.run("livekit-tenant-control", "call", "acme", "--talk", LAUNCHER="none")
    assert ran.returncode == 78
    assert "livekit-tenant-worker[sandbox]" in ran.stderr
