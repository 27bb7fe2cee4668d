"""Where settings come from: one source at a time, and files that a source names."""

import os
from pathlib import Path

import pytest

from bootstrap.settings.settings import WorkerSettings, read
from contract.settings.findings import COMPLETE, ONE_SOURCE, WELLFORMED, Finding, Findings
from contract.variables import VARIABLES
from tests.bootstrap.tenants import GOOD, SECRET, env_file, faults_of, settings_of, variables


def _faults(environment: dict[str, str], path: Path) -> tuple[Finding, ...]:
    findings = read(environment, path)
    assert isinstance(findings, Findings)
    return findings.faults


@pytest.mark.parametrize(
    "name", [one.name for one in VARIABLES if one.takes_file and one.name in GOOD]
)
def test_a_file_may_give_what_its_variable_would(name: str, tmp_path: Path) -> None:
    (tmp_path / "value").write_text(f"{GOOD[name]}\n")
    assert settings_of(**{name: "", f"{name}_FILE": str(tmp_path / "value")}) == settings_of()


def test_a_variable_and_its_file_at_once_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "value").write_text(SECRET)
    (fault,) = faults_of(LIVEKIT_API_SECRET_FILE=str(tmp_path / "value"))
    assert (fault.variable, fault.check_id) == ("LIVEKIT_API_SECRET", ONE_SOURCE)
    assert "given twice" in fault.problem


def test_an_empty_variable_beside_its_file_is_unset(tmp_path: Path) -> None:
    (tmp_path / "value").write_text(SECRET)
    given = {**GOOD, "LIVEKIT_API_SECRET": "", "LIVEKIT_API_SECRET_FILE": str(tmp_path / "value")}
    assert read(given) == settings_of()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * 70_000, "is longer than 64 KiB"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_variable(
    content: bytes | None, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "value"
    if content is not None:
        path.write_bytes(content)
    (fault,) = faults_of(LIVEKIT_API_SECRET="", LIVEKIT_API_SECRET_FILE=str(path))
    assert (fault.variable, fault.check_id) == ("LIVEKIT_API_SECRET", WELLFORMED)
    assert problem in fault.problem


@pytest.mark.parametrize("name", ["LIVEKIT_API_SECRET", "LIVEKIT_URL", "OPENAI_API_KEY"])
def test_a_byte_order_mark_is_no_part_of_a_value_in_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(b"\xef\xbb\xbf" + GOOD[name].encode() + b"\r\n")
    assert settings_of(**{name: "", f"{name}_FILE": str(tmp_path / "value")}) == settings_of()


def test_a_relative_path_in_the_environment_begins_at_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "agent.yaml").write_text("greeting: Hello\n")
    monkeypatch.chdir(tmp_path)
    settings = settings_of(
        LIVEKIT_API_SECRET="", LIVEKIT_API_SECRET_FILE="secret", AGENT_CONFIG="agent.yaml"
    )
    assert settings.credentials == settings_of().credentials
    assert settings.agent.config.greeting == "Hello"


def test_a_relative_path_in_an_env_file_begins_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "agent.yaml").write_text("greeting: Hello\n")
    path = env_file(
        tmp_path, LIVEKIT_API_SECRET="", LIVEKIT_API_SECRET_FILE="secret", AGENT_CONFIG="agent.yaml"
    )
    for folder, named in ((Path("/"), path), (tmp_path, Path(path.name))):
        monkeypatch.chdir(folder)
        settings = read({}, named)
        assert isinstance(settings, WorkerSettings)
        assert settings.credentials == settings_of().credentials
        assert settings.agent.config.greeting == "Hello"


def test_the_hosts_file_of_the_environment_is_not_looked_for_beside_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "usage").write_text("t" * 32)
    monkeypatch.chdir(tmp_path / "host")
    environment = {"USAGE_URL": "https://a.example.com", "USAGE_SECRET_FILE": "usage"}
    settings = read(environment, env_file(tmp_path))
    assert isinstance(settings, WorkerSettings)
    assert settings.host.usage_secret is not None
    assert settings.host.usage_secret.get_secret_value() == "t" * 32


def test_an_env_file_may_come_through_a_pipe(tmp_path: Path) -> None:
    content = env_file(tmp_path).read_bytes()
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:
        pipe.write(content)
    settings = read({}, Path(f"/dev/fd/{reading}"))
    os.close(reading)
    assert isinstance(settings, WorkerSettings)
    assert settings.credentials == settings_of().credentials


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (fault,) = faults_of(LIVEKIT_API_SECRET="", LIVEKIT_API_SECRET_FILE=str(tmp_path))
    assert "is a folder" in fault.problem


def test_a_pipe_that_nobody_writes_to_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (fault,) = faults_of(LIVEKIT_API_SECRET="", LIVEKIT_API_SECRET_FILE=str(tmp_path / "pipe"))
    assert "is not a plain file" in fault.problem


def test_what_a_file_holds_is_checked_like_any_value(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("changeme\n")
    (fault,) = faults_of(LIVEKIT_API_SECRET="", LIVEKIT_API_SECRET_FILE=str(tmp_path / "value"))
    assert "placeholder" in fault.problem


def test_an_env_file_gives_the_same_settings_as_the_environment(tmp_path: Path) -> None:
    settings = read({}, env_file(tmp_path))
    assert isinstance(settings, WorkerSettings)
    assert settings.credentials == settings_of().credentials


def test_no_env_file_is_read_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file(tmp_path).rename(tmp_path / ".env")
    monkeypatch.chdir(tmp_path)
    assert isinstance(read({}), Findings)


def test_with_an_env_file_the_environments_tenant_is_ignored_in_one_line(tmp_path: Path) -> None:
    environment = {
        "TENANT_ID": "globex",
        "OPENAI_API_KEY": "sk-of-globex-0123",
        "MAX_CALLS": "3",
        "LIVEKIT_API_KEY_FILE": "/nowhere",
        "PATH": "/bin",
    }
    settings = read(environment, env_file(tmp_path))
    assert isinstance(settings, WorkerSettings)
    assert (settings.identity.tenant, settings.limits.max_calls) == ("acme", 10)
    (warning,) = settings.findings
    assert str(warning) == (
        "TENANT_ID, LIVEKIT_API_KEY_FILE, OPENAI_API_KEY, MAX_CALLS: "
        "ignored of the environment: acme.env alone speaks for the tenant"
    )


def test_the_hosts_variables_come_from_both_and_the_env_file_first(tmp_path: Path) -> None:
    environment = {"HEALTH_PORT": "1", "LOG_LEVEL": "debug", "USAGE_SECRET": "s" * 32}
    path = env_file(
        tmp_path, HEALTH_PORT="2", USAGE_URL="https://a.example.com", USAGE_SECRET="t" * 32
    )
    settings = read(environment, path)
    assert isinstance(settings, WorkerSettings)
    assert (settings.host.health_port, settings.host.log_level) == (2, "DEBUG")
    assert settings.host.usage_secret is not None
    assert settings.host.usage_secret.get_secret_value() == "t" * 32
    assert settings.findings == ()


def test_a_file_named_by_an_env_file_belongs_to_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    path = env_file(
        tmp_path, LIVEKIT_API_SECRET="", LIVEKIT_API_SECRET_FILE=str(tmp_path / "secret")
    )
    settings = read({"LIVEKIT_API_SECRET": "s" * 32}, path)
    assert isinstance(settings, WorkerSettings)
    assert settings.credentials == settings_of().credentials


@pytest.mark.parametrize("name", ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
def test_a_project_split_over_two_sources_is_refused(name: str, tmp_path: Path) -> None:
    (fault,) = _faults(variables(), env_file(tmp_path, **{name: ""}))
    assert (fault.variable, fault.check_id) == (name, ONE_SOURCE)
    assert "all three come from one source" in fault.problem


def test_what_neither_source_has_is_missing(tmp_path: Path) -> None:
    (fault,) = _faults({}, env_file(tmp_path, LIVEKIT_API_SECRET=""))
    assert (fault.variable, fault.check_id) == ("LIVEKIT_API_SECRET", COMPLETE)


def test_an_env_files_other_variables_are_kept_for_the_tenants_code(tmp_path: Path) -> None:
    settings = read({}, env_file(tmp_path, "CRM_TOKEN=canary-crm"))
    assert isinstance(settings, WorkerSettings)
    assert settings.others["CRM_TOKEN"].get_secret_value() == "canary-crm"
    assert "canary-crm" not in repr(settings)
    assert "canary-crm" in settings.secrets()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("LIVEKIT_API_SECERT", "LIVEKIT_API_SECRET"),
        ("LIVEKIT_SECRET", "LIVEKIT_API_SECRET"),
        ("TENANT", "TENANT_ID"),
        ("TENANT_NAME", "TENANT_ID"),
        ("MAX_CALL", "MAX_CALLS"),
        ("OPENAI_BASEURL", "OPENAI_BASE_URL"),
        ("ROOM_PREFX", "ROOM_PREFIX"),
        ("AGENT_CONFIG_FILE", "AGENT_CONFIG"),
        ("HEALTHPORT", "HEALTH_PORT"),
        ("CLAIM_PRIVATE_KEY", "CLAIM_PUBLIC_KEY"),
        ("OPENAI_KEY", "OPENAI_API_KEY"),
    ],
)
def test_a_name_that_begins_like_ours_is_reported_with_the_nearest_known_one(
    name: str, nearest: str
) -> None:
    (warning,) = settings_of(**{name: "canary-value"}).findings
    assert (warning.variable, warning.is_warning) == (name, True)
    assert f"did you mean {nearest}?" in warning.problem
    assert "canary-value" not in str(warning)


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "LOGNAME", "MAX_THREADS", "PYTHONPATH", "AGENT_X"]
)
def test_names_of_others_are_not_reported(name: str) -> None:
    assert settings_of(**{name: "x"}).findings == ()
