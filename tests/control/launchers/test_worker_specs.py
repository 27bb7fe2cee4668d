"""An order's content, sizes and files; a container's plan."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from control.launchers import choice, configuration, container, mounted_files, worker_state
from control.launchers.container import Place
from control.launchers.launcher import LauncherFault, LauncherSettings
from control.launchers.worker_spec import WorkerSpec

CANARY = "canary-secret-of-acme"


def order(**variables: str | SecretStr) -> WorkerSpec:
    mine: dict[str, str | SecretStr] = {
        "TENANT_ID": "acme",
        "LIVEKIT_API_SECRET": SecretStr(CANARY),
        "FOREIGN_KEY_FINGERPRINTS": "0123456789abcdef",
    }
    return WorkerSpec("acme", mine | variables)


def host(**changed: object) -> LauncherSettings:
    made = LauncherSettings(kind="docker", folder=Path("/nowhere"))
    return replace(made, **changed)  # type: ignore[arg-type] # each test names a field


def test_a_new_tenants_fingerprint_does_not_change_the_others_content() -> None:
    more = order(FOREIGN_KEY_FINGERPRINTS="0123456789abcdef,fedcba9876543210")
    assert more.content("image") == order().content("image")


@pytest.mark.parametrize(
    "other",
    [
        order(LIVEKIT_API_SECRET=SecretStr("rotated")),
        order(MAX_CALLS="3"),
        replace(order(), files={"AGENT_CONFIG": "{}"}),
    ],
)
def test_every_other_change_is_another_content(other: WorkerSpec) -> None:
    assert other.content("image") != order().content("image")


def test_another_image_is_another_content_and_restarts_are_not() -> None:
    assert order().content("image 2") != order().content("image 1")
    counted = replace(order(), restarts=3, failures=2, last_cause="exit 69")
    assert counted.content("image 1") == order().content("image 1")


def test_limits_follow_max_calls() -> None:
    assert (order(MAX_CALLS="2").memory_mib, order(MAX_CALLS="2").pids) == (448, 160)
    assert (order().memory_mib, order().pids) == (1216, 544)


def test_no_secret_is_in_an_orders_representation() -> None:
    assert CANARY not in repr(order(OPENAI_API_KEY="plain-" + CANARY))


def test_a_containers_plan_is_hardened_and_limited() -> None:
    plan = container.host_config(order(MAX_CALLS="2"), host(cpus=1.5), {})
    assert plan["mem_limit"] == plan["memswap_limit"] == "448m"
    assert plan["pids_limit"] == 160
    assert plan["cpu_quota"] / plan["cpu_period"] == 1.5
    assert plan["read_only"] is True
    assert plan["cap_drop"] == ["ALL"]
    assert plan["security_opt"] == ["no-new-privileges"]
    assert plan["restart_policy"] == {"Name": "no"}
    assert plan["network_mode"] == "tenant-worker-acme"
    assert plan["port_bindings"] == {8081: ("127.0.0.1", None)}
    assert plan["log_config"]["Config"]["max-size"]


def test_mounted_credentials_leave_no_secret_in_the_containers_environment() -> None:
    shown, mounted = mounted_files.split_credentials(order(LIVEKIT_API_KEY="API" + CANARY).plain())
    variables = container.environment(order(), host(), Place(0), shown, set(mounted))
    assert CANARY not in str(variables)
    assert variables["LIVEKIT_API_SECRET_FILE"] == "/run/tenant/livekit_api_secret"
    assert "LIVEKIT_API_SECRET" not in variables
    assert variables["TENANT_ID"] == "acme"


def test_a_file_that_is_a_variable_keeps_the_variables_name() -> None:
    told = replace(order(), files={"AGENT_CONFIG": "{}"})
    variables = container.environment(told, host(), Place(1), {}, {"AGENT_CONFIG"})
    assert variables["AGENT_CONFIG"] == "/run/tenant/agent_config"
    assert variables["STATE_DIR"] == "/state/1"


def test_written_files_can_be_read_by_any_user_and_reached_by_none(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    path = mounted_files.write(folder, {"LIVEKIT_API_SECRET": CANARY})["LIVEKIT_API_SECRET"]
    assert path.read_text() == CANARY
    assert path.stat().st_mode & 0o777 == 0o444
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_workers_own_words_are_read_and_anything_else_counts_as_not_said() -> None:
    said = worker_state.parse(
        b'{"pid": 7, "port": 8081, "state": "checking", "exit_code": 77, "report": {"checks": ['
        b'{"id": "credential.known", "outcome": "pass", "detail": ""},'
        b'{"id": "credential.secret", "outcome": "fail", "detail": "it is not the key\'s"}]}}'
    )
    assert (said.pid, said.port, said.exit_code) == (7, 8081, 77)
    assert said.cause == "credential.secret: it is not the key's"
    for text in (b"", b"{", b"[]", b'{"pid": true, "report": {"checks": 3}}', b'{"report": []}'):
        assert worker_state.parse(text) == worker_state.WorkerState()


def test_launcher_settings_are_read_and_a_bad_one_is_named() -> None:
    read = configuration.read(
        "docker",
        "image:1",
        {"LAUNCHER_CREDENTIALS": "files", "DRAIN_SECONDS": "60", "LOG_LEVEL": "DEBUG", "PATH": "/"},
    )
    assert (read.has_credentials_as_files, read.drain_seconds) == (True, 60)
    assert read.host_variables == (("LOG_LEVEL", "DEBUG"),)
    assert read.host_environment == (("PATH", "/"),)
    for name, text in (("LAUNCHER_CREDENTIALS", "mail"), ("LAUNCHER_CPUS", "-1")):
        with pytest.raises(LauncherFault, match=name):
            configuration.read("docker", "image", {name: text})


async def test_the_none_launcher_sees_and_starts_nothing() -> None:
    launcher = choice.make(host(kind="none"))
    assert await launcher.workers() == ()
    with pytest.raises(LauncherFault, match="LAUNCHER=none"):
        await launcher.start(order(), 0)


def test_an_unknown_launcher_is_named() -> None:
    with pytest.raises(LauncherFault, match="podman"):
        choice.make(host(kind="podman"))
