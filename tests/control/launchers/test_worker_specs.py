"""A worker spec's hash, sizes and files; a container's plan."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from contract.records.worker_status import StateFile
from control.launchers import (
    choice,
    configuration,
    container,
    mounted_files,
    worker_record,
    worker_state,
)
from control.launchers.container import Place
from control.launchers.launcher import LauncherFault, LauncherSettings
from control.launchers.worker_record import WorkerRecord
from control.launchers.worker_spec import WorkerSpec

CANARY = "canary-secret-of-acme"


def spec(**variables: str | SecretStr) -> WorkerSpec:
    mine: dict[str, str | SecretStr] = {
        "TENANT_ID": "acme",
        "LIVEKIT_API_SECRET": SecretStr(CANARY),
        "FOREIGN_KEY_FINGERPRINTS": "0123456789abcdef",
    }
    return WorkerSpec("acme", mine | variables)


def host(**changed: object) -> LauncherSettings:
    made = LauncherSettings(kind="docker", folder=Path("/nowhere"))
    return replace(made, **changed)  # type: ignore[arg-type] # each test names a field


def test_a_new_tenants_fingerprint_does_not_change_the_others_hash() -> None:
    more = spec(FOREIGN_KEY_FINGERPRINTS="0123456789abcdef,fedcba9876543210")
    assert more.hash("image") == spec().hash("image")


@pytest.mark.parametrize(
    "other",
    [
        spec(LIVEKIT_API_SECRET=SecretStr("rotated")),
        spec(MAX_CALLS="3"),
        replace(spec(), files={"AGENT_CONFIG": "{}"}),
    ],
)
def test_every_other_change_is_another_hash(other: WorkerSpec) -> None:
    assert other.hash("image") != spec().hash("image")


def test_another_image_is_another_hash_and_restarts_are_not() -> None:
    assert spec().hash("image 2") != spec().hash("image 1")
    counted = replace(spec(), restarts=3, failures=2, last_cause="exit 69")
    assert counted.hash("image 1") == spec().hash("image 1")


def test_limits_follow_max_calls() -> None:
    assert (spec(MAX_CALLS="2").memory_mib, spec(MAX_CALLS="2").pids) == (448, 160)
    assert (spec().memory_mib, spec().pids) == (1216, 544)


def test_no_secret_is_in_a_specs_representation() -> None:
    assert CANARY not in repr(spec(OPENAI_API_KEY="plain-" + CANARY))


def test_a_containers_plan_is_hardened_and_limited() -> None:
    plan = container.host_config(spec(MAX_CALLS="2"), host(cpus=1.5), {})
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
    shown, mounted = mounted_files.split_credentials(spec(LIVEKIT_API_KEY="API" + CANARY).plain())
    variables = container.environment(spec(), host(), Place(0), shown, set(mounted))
    assert CANARY not in str(variables)
    assert variables["LIVEKIT_API_SECRET_FILE"] == "/run/tenant/livekit_api_secret"
    assert "LIVEKIT_API_SECRET" not in variables
    assert variables["TENANT_ID"] == "acme"


def test_a_file_that_is_a_variable_keeps_the_variables_name() -> None:
    told = replace(spec(), files={"AGENT_CONFIG": "{}"})
    variables = container.environment(told, host(), Place(1), {}, {"AGENT_CONFIG"})
    assert variables["AGENT_CONFIG"] == "/run/tenant/agent_config"
    assert variables["STATE_DIR"] == "/state/1"


def test_written_files_can_be_read_by_any_user_and_reached_by_none(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    path = mounted_files.write(folder, {"LIVEKIT_API_SECRET": CANARY})["LIVEKIT_API_SECRET"]
    assert path.read_text() == CANARY
    assert path.stat().st_mode & 0o777 == 0o444
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_hash_is_the_one_that_running_workers_carry() -> None:
    # Another one would replace the worker of every tenant when the control plane is upgraded.
    assert spec().hash("image") == "6de792214dbfbb638ef0f57188743474"


def test_a_record_of_another_version_is_read_and_known_by_its_old_names(tmp_path: Path) -> None:
    record = WorkerRecord(
        id="acme.1",
        tenant="acme",
        spec_hash="0f1e",
        slot=0,
        started_at=1.0,
        restarts=2,
        failures=1,
        last_cause="exit 69",
        state_dir="/state",
        pid=7,
        process_start_time=1234,
    )
    worker_record.save(tmp_path, record)
    written = json.loads((tmp_path / "worker.json").read_text())
    assert (written["content"], written["born"]) == ("0f1e", 1234)
    (tmp_path / "worker.json").write_text(json.dumps(written | {"added_later": 1}))
    assert worker_record.load(tmp_path) == record
    (tmp_path / "worker.json").write_text('{"id": "acme.1"}')
    assert worker_record.load(tmp_path) is None


def test_a_state_file_that_is_a_link_a_pipe_or_endless_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text('{"pid": 7, "port": 8081}')
    assert (worker_state.read(tmp_path).pid, worker_state.read(tmp_path).port) == (7, 8081)
    real = file.rename(tmp_path / "real.json")
    file.symlink_to(real)
    assert worker_state.read(tmp_path) == StateFile()
    file.unlink()
    os.mkfifo(file)
    assert worker_state.read(tmp_path) == StateFile()
    file.unlink()
    with file.open("wb") as endless:
        endless.truncate(2**40)
    assert worker_state.read(tmp_path) == StateFile()


def test_the_last_line_of_a_log_is_its_message_where_it_is_a_record() -> None:
    assert worker_state.last_line(b'first\n{"message": "no room\\u0000 left"}\n') == "no room  left"
    assert worker_state.last_line(b"killed \x1b[31m") == "killed  [31m"
    assert worker_state.last_line(b"[" * 100_000) == "[" * 300
    assert worker_state.last_line(b"") == ""


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
        await launcher.start(spec(), 0)


def test_an_unknown_launcher_is_named() -> None:
    with pytest.raises(LauncherFault, match="podman"):
        choice.make(host(kind="podman"))
