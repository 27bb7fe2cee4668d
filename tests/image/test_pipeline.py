"""A tenant's own pipeline as docs/ci.md shows it: its image and its steps, on a real project."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.exits import ExitCode
from sandbox.docker.engine import DOCKER, RunningEngine
from sandbox.docker.image import Image
from sandbox.ports import free_port
from sandbox.servers import RunningProject
from sandbox.speech.process import RunningSpeech
from sandbox.tenant import tenant_variables
from tests.workflows import workflow

# The first test to ask for the image waits for its build, apt and debootstrap included.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_PAGE = "docs/ci.md"
_IMAGE = "acme-agent:ci"
_CONTAINER = "worker"
_CODE = "async def talk(ctx, start): ...\n"
Step = Callable[[str], "subprocess.CompletedProcess[str]"]


def _build(engine: RunningEngine, image: Image, folder: Path, code: str) -> None:
    (dockerfile,) = workflow.blocks(_PAGE, "dockerfile")
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "agent").mkdir()
    (folder / "agent" / "acme_agent.py").write_text(code)
    engine.ask(
        *("build", "--network", "host", "--tag", _IMAGE, "--build-arg", f"WORKER={image.name}"),
        str(folder),
        seconds=300,
    )


@pytest.fixture
def step(
    engine: RunningEngine, acme: RunningProject, speech: RunningSpeech, tmp_path: Path
) -> Iterator[Step]:
    """Runs a step of the workflow's second job by its name, with the job's variables."""
    (text,) = workflow.blocks(_PAGE, "yaml")
    shown = workflow.read(text)
    variables = tenant_variables("acme", acme.credentials, speech) | {
        "IMAGE": _IMAGE,
        "HEALTH_PORT": str(free_port()),
    }
    assert shown["jobs"]["prove"]["env"].keys() == variables.keys()
    environment = engine.environment() | variables | {"PATH": f"{Path(DOCKER).parent}:/bin"}

    def run(name: str) -> "subprocess.CompletedProcess[str]":
        own = {"LIVEKIT_AGENT_NAME": "acme-ci"} if name == "Start" else {}
        script = workflow.script(shown, "prove", name)
        done = workflow.run(script, environment | own, tmp_path)
        # On a busy machine an answer may come too late: this code says to try again.
        return run(name) if done.returncode == ExitCode.UNAVAILABLE else done

    yield run
    engine.run("rm", "-f", "-v", _CONTAINER)


def test_it_checks_starts_and_asks_the_worker_and_shows_no_secret(
    engine: RunningEngine, image: Image, acme: RunningProject, step: Step, tmp_path: Path
) -> None:
    _build(engine, image, tmp_path, _CODE)
    names = ("Name what the container may see", "Check", "Start", "Smoke", "Stop")
    done = {name: step(name) for name in names}
    output = {name: each.stdout + each.stderr for name, each in done.items()}
    for name, each in done.items():
        assert each.returncode == 0, f"{name}:\n{output[name]}\n{output['Stop']}"
    assert "ours answered as 'acme-ci'" in output["Smoke"]
    assert "worker" in output["Stop"]
    assert engine.inspect(_CONTAINER)["State"]["ExitCode"] == 0
    assert acme.credentials.api_secret.get_secret_value() not in "".join(output.values())


def test_code_that_cannot_be_imported_ends_it_with_the_cause(
    engine: RunningEngine, image: Image, step: Step, tmp_path: Path
) -> None:
    _build(engine, image, tmp_path, "import no_such_module\n")
    assert step("Name what the container may see").returncode == 0
    checked = step("Check")
    assert checked.returncode == 78
    assert "no_such_module" in checked.stdout
