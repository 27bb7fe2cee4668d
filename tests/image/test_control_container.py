"""The control plane's container, hardened: it serves, checks a tenant, says what is wrong."""

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from control.first_keys import new_keys
from sandbox.docker.engine import RunningEngine
from sandbox.docker.image import Image
from sandbox.servers import RunningProject
from tests.image.containers import HARDENED, RunningContainer

# The first test to ask for the image waits for its build, apt and debootstrap included.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CANARY = "canary-secret-of-more-than-32-characters"


@pytest.fixture(scope="module")
def volume(engine: RunningEngine) -> Iterator[str]:
    """A new volume for the database: it takes over the owner of the image's folder."""
    name = f"control-{secrets.token_hex(4)}"
    engine.ask("volume", "create", name)
    try:
        yield name
    finally:
        engine.run("volume", "rm", "--force", name)


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    database = {"CONTROL_DATABASE_URL": "sqlite:////state/control.db", "LAUNCHER": "none"}
    return new_keys() | database


@pytest.fixture(scope="module")
def serving(
    engine: RunningEngine, control_image: Image, variables: dict[str, str], volume: str
) -> Iterator[RunningContainer]:
    """A control plane that serves, told nothing but its settings; the last test ends it."""
    alone = ("--network", "none", "--health-interval", "2s")
    with started(engine, control_image, variables, volume, options=alone) as container:
        container.wait_until(lambda: health(container) == "healthy", "healthy")
        yield container


@contextlib.contextmanager
def started(
    engine: RunningEngine,
    image: Image,
    variables: Mapping[str, str],
    volume: str | None = None,
    *command: str,
    options: tuple[str, ...] = ("--network", "none"),
) -> Iterator[RunningContainer]:
    """Start a hardened container, with a volume for its state or without; it is removed."""
    name = f"control-{secrets.token_hex(4)}"
    told = [f"--env={variable}={value}" for variable, value in variables.items()]
    state = ("--volume", f"{volume}:/state") if volume else ()
    engine.ask(
        *("run", "--detach", "--name", name, *HARDENED, *told, *state, *options),
        *(image.name, *command),
    )
    try:
        yield RunningContainer(engine, name)
    finally:
        engine.run("rm", "-f", "-v", name)


def health(container: RunningContainer) -> str:
    return str(container.inspect()["State"]["Health"]["Status"])


def test_it_becomes_healthy_and_ready_by_its_default_command(serving: RunningContainer) -> None:
    assert serving.inspect()["Config"]["Cmd"] == ["serve", "--host", "0.0.0.0"]
    said = serving.inspect()["State"]["Health"]["Log"][-1]["Output"]
    assert '"ready"' in said
    serving.run("python", "-I", "-S", "/app/healthcheck.py", "8080", "/readyz")


def test_it_runs_as_nobody_special_and_can_write_its_state_alone(serving: RunningContainer) -> None:
    assert serving.run("id", "-u") == "10002"
    for path in ("/app/new", "/opt/venv/new", "/new"):
        assert serving.fails_at("touch", path)
    for path in ("/state/new", "/tmp/new"):
        serving.run("touch", path)
    assert serving.run("stat", "-c", "%a %u", "/state") == "700 10002"


def test_code_in_the_folder_of_its_state_is_not_run(serving: RunningContainer) -> None:
    serving.run("sh", "-c", "echo 'raise SystemExit(3)' > /state/typer.py")
    assert "Usage" in serving.run("python", "-m", "control", "--help")
    serving.run("rm", "/state/typer.py")


def test_docker_stop_ends_it_with_0_and_its_log_holds_no_secret(
    serving: RunningContainer, variables: dict[str, str]
) -> None:
    # The last test of this container.
    serving.stop()
    assert serving.inspect()["State"]["ExitCode"] == 0, serving.logs()
    for name in ("CONTROL_TOKEN", "CONTROL_SEALING_KEY", "CLAIM_PRIVATE_KEY"):
        assert variables[name] not in serving.logs()


def test_it_registers_a_tenant_and_proves_it_at_its_project(
    engine: RunningEngine,
    control_image: Image,
    variables: dict[str, str],
    volume: str,
    acme: RunningProject,
    tmp_path: Path,
) -> None:
    key = acme.credentials
    (tmp_path / "acme.env").write_text(
        f"LIVEKIT_URL={key.url}\nLIVEKIT_API_KEY={key.api_key}\n"
        f"LIVEKIT_API_SECRET={key.api_secret.get_secret_value()}\n"
        "OPENAI_API_KEY=sk-test-0123456789\nPROVIDER_CHECK=off\n"
    )
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)  # the container's user is another
    there = ("--network", "host", "--volume", f"{tmp_path}:/config:ro")
    for command in (("add", "acme", "--env-file", "/config/acme.env"), ("check", "acme")):
        arguments = ("tenants", *command)
        with started(
            engine, control_image, variables, volume, *arguments, options=there
        ) as container:
            assert container.wait() == 0, container.logs()
            said = container.logs()
    assert "a packet moves" in said
    assert key.api_secret.get_secret_value() not in said


def test_a_malformed_key_ends_it_with_78_and_a_line_that_names_it(
    engine: RunningEngine, control_image: Image, variables: dict[str, str]
) -> None:
    wrong = variables | {"CONTROL_SEALING_KEY": CANARY}
    logs = ended_by_a_setting(engine, control_image, wrong)
    assert "CONTROL_SEALING_KEY" in logs
    assert CANARY not in logs


def test_a_first_try_without_a_volume_is_told_what_to_do(
    engine: RunningEngine, control_image: Image
) -> None:
    logs = ended_by_a_setting(engine, control_image, {})
    assert "/state/control.db.keys" in logs
    assert "CONTROL_DATABASE_URL" in logs


def test_an_engines_socket_of_another_group_is_told_as_that(
    engine: RunningEngine, control_image: Image, variables: dict[str, str]
) -> None:
    socket = engine.host.removeprefix("unix://")
    mounted = ("--network", "none", "--volume", f"{socket}:/var/run/docker.sock")
    logs = ended_by_a_setting(
        engine, control_image, variables | {"LAUNCHER": "docker"}, options=mounted
    )
    assert "may not open" in logs
    assert "group" in logs.splitlines()[-1]


def ended_by_a_setting(
    engine: RunningEngine,
    image: Image,
    variables: Mapping[str, str],
    options: tuple[str, ...] = ("--network", "none"),
) -> str:
    """Run a container that ends with 78 by itself; gives its output."""
    with started(engine, image, variables, options=options) as container:
        assert container.wait() == 78, container.logs()
        logs = container.logs()
    assert "Traceback" not in logs
    return logs
