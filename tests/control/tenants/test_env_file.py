"""A tenant's env file: what bootstrap refuses is refused, and in the same words."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bootstrap.settings import settings as bootstrap
from bootstrap.settings.settings import WorkerSettings
from contract.settings.findings import COMPLETE
from contract.variables import VARIABLES
from control.tenants import settings as tenant_settings
from control.tenants.env_file import TenantEnvFile, read_env_file
from control.tenants.registry import RegistrationRefused
from control.tenants.value_faults import find_value_faults
from tests.control.planes import CANARY
from tests.control.tenants.env_files import ENV, write

_CLAIM_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


def _problems(path: Path, tenant_id: str | None = "acme") -> tuple[str, ...]:
    with pytest.raises(RegistrationRefused) as refused:
        read_env_file(path, tenant_id)
    assert CANARY not in str(refused.value)
    return refused.value.problems


def test_an_env_file_becomes_a_rows_settings(tmp_path: Path) -> None:
    read = read_env_file(write(tmp_path, ENV + "CRM_URL=https://crm.example.com\n"))
    assert read.tenant_id == "acme"
    assert read.settings == {
        "livekit": {
            "server_url": "wss://acme.livekit.cloud",
            "api_key": "APIacme",
            "api_secret": CANARY,
        },
        "openai": {"api_key": f"sk-{CANARY}"},
        "agent": {
            "env": {"TOKEN_RULE": "warn", "CRM_URL": "https://crm.example.com"},
            "room_prefix": "acme--",
            "max_calls": 3,
            "config": {"greeting": "Hello"},
        },
    }
    assert CANARY not in repr(read)


def test_the_id_is_the_one_asked_for_else_the_files_own_else_its_name(tmp_path: Path) -> None:
    assert read_env_file(write(tmp_path)).tenant_id == "acme"
    assert read_env_file(write(tmp_path), "globex").tenant_id == "globex"
    assert read_env_file(write(tmp_path, ENV + "TENANT_ID=globex\n")).tenant_id == "globex"
    stated = write(tmp_path, ENV + "TENANT_ID=globex\n")
    assert _problems(stated, "acme") == ("TENANT_ID: is globex, not acme",)


def test_what_is_not_the_tenants_to_set_is_named_and_left_out(tmp_path: Path) -> None:
    more = f"CLAIM_PUBLIC_KEY={_CLAIM_KEY}\nCONTROL_URL=http://127.0.0.1\nDRAIN_SECONDS=5\n"
    read = read_env_file(write(tmp_path, ENV + more))
    assert read.ignored == ("CLAIM_PUBLIC_KEY", "CONTROL_URL", "DRAIN_SECONDS", "LOG_LEVEL")
    assert read.settings["agent"]["env"] == {"TOKEN_RULE": "warn"}
    assert read.warnings == ()


def test_claims_may_be_asked_for_with_the_key_that_the_control_plane_gives(tmp_path: Path) -> None:
    read = read_env_file(write(tmp_path, ENV + "CLAIM_POLICY=optional\n"))
    assert read.settings["agent"]["env"]["CLAIM_POLICY"] == "optional"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ENV.replace("LIVEKIT_URL", "URL"), "LIVEKIT_URL: is missing; for example "),
        (ENV.replace("OPENAI_API_KEY", "KEY"), "OPENAI_API_KEY: is missing; only an agent "),
        (ENV.replace("=3", "=three"), "MAX_CALLS: is not a whole number; "),
        (ENV.replace("=3", "=5000"), "MAX_CALLS: is not between 1 and 1000; "),
        (ENV.replace("=3", "=3 # or more"), "MAX_CALLS: acme.env line 6: docker "),
        (ENV.replace("MAX_CALLS", "export MAX_CALLS"), "MAX_CALLS: acme.env line 6: docker "),
        (ENV.replace("MAX_CALLS=", "MAX_CALLS = "), "MAX_CALLS: acme.env line 6: docker "),
        (ENV.replace(CANARY, f"'{CANARY}'"), "LIVEKIT_API_SECRET: acme.env line 3: docker "),
        (ENV.replace("APIacme", "your-api-key"), "LIVEKIT_API_KEY: is a placeholder, "),
        (ENV.replace("agent.yaml", "absent.yaml"), "AGENT_CONFIG: the file cannot be read: No "),
        (ENV + "LIVEKIT_API_KEY_FILE=x\n", "LIVEKIT_API_KEY: is given twice, "),
        (ENV.replace("wss://", "ws://"), "LIVEKIT_URL: goes to a public host unencrypted; "),
        (ENV.replace("DEBUG", "LOUD"), "LOG_LEVEL: is none of DEBUG, "),
        (ENV + "USAGE_URL=https://a.example.com\n", "USAGE_SECRET: is missing while USAGE_URL "),
    ],
)
def test_an_env_file_is_refused_in_the_words_of_bootstrap(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = write(tmp_path, text)
    refused = _problems(path)
    assert any(line.startswith(problem) for line in refused), refused
    assert refused == _as_bootstrap(path)


def test_all_faults_are_told_at_once_and_the_warnings_that_explain_them(tmp_path: Path) -> None:
    text = f"""TENANT_ID=acme
export LIVEKIT_URL="wss://acme.livekit.cloud"
LIVEKIT_API_KEY = APIa1B2c3D4e5F6
LIVEKIT_API_SECRET={CANARY}   # the new one
OPENAI_API_KEY=your-api-key
LIVEKIT_AGNET_NAME=acme
MAX_CALLS=5000
"""
    path = write(tmp_path, text)
    refused = _problems(path)
    assert refused == _as_bootstrap(path)
    assert [line.split(":")[0] for line in refused] == [
        *("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "OPENAI_API_KEY", "MAX_CALLS"),
        "warning",
    ]
    assert "LIVEKIT_AGNET_NAME: is not a variable of ours" in refused[-1]
    assert "did you mean LIVEKIT_AGENT_NAME?" in refused[-1]


def test_an_unknown_name_that_begins_like_ours_is_a_warning_and_reaches_no_row(
    tmp_path: Path,
) -> None:
    read = read_env_file(write(tmp_path, ENV + "LIVEKIT_AGNET_NAME=acme\n"))
    (warning,) = read.warnings
    assert "did you mean LIVEKIT_AGENT_NAME?" in warning
    assert "acme" not in str(read.settings["agent"]["env"])


@pytest.mark.parametrize("name", ["LIVEKIT_API_SECRET", "LIVEKIT_URL", "OPENAI_API_KEY"])
def test_a_value_may_stand_in_a_file_beside_the_env_file(name: str, tmp_path: Path) -> None:
    value = next(line for line in ENV.splitlines() if line.startswith(name)).partition("=")[2]
    (tmp_path / "value").write_bytes(b"\xef\xbb\xbf" + value.encode() + b"\r\n")
    path = write(tmp_path, ENV.replace(f"{name}={value}", f"{name}_FILE=value"))
    assert read_env_file(path) == read_env_file(write(tmp_path))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * 70_000, "is longer than 64 KiB"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_variable(
    content: bytes | None, problem: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "value").write_bytes(content)
    assert _problem_of_a_file(tmp_path, "value") == (
        f"LIVEKIT_API_SECRET: the file of LIVEKIT_API_SECRET_FILE {problem}; "
        "for example LIVEKIT_API_SECRET_FILE=/run/secrets/livekit_api_secret"
    )


def test_neither_a_folder_nor_a_pipe_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a plain file" in _problem_of_a_file(tmp_path, "pipe")
    assert "is a folder" in _problem_of_a_file(tmp_path, ".")


def _problem_of_a_file(folder: Path, name: str) -> str:
    text = ENV.replace(f"LIVEKIT_API_SECRET={CANARY}", f"LIVEKIT_API_SECRET_FILE={name}")
    (problem,) = _problems(write(folder, text))
    return problem


def test_what_an_env_file_names_lies_beside_it_for_both_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("sk-of-a-file-0123")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "agent.yaml").write_text("greeting: Not this one\n")
    text = ENV.replace(f"OPENAI_API_KEY=sk-{CANARY}", "OPENAI_API_KEY_FILE=secrets/key")
    path = write(tmp_path, text + "TENANT_ID=acme\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    registered = read_env_file(path).settings
    assert registered["openai"] == {"api_key": "sk-of-a-file-0123"}
    assert registered["agent"]["config"] == {"greeting": "Hello"}
    started = bootstrap.read({}, path)
    assert isinstance(started, WorkerSettings)
    assert started.provider.api_key is not None
    assert started.provider.api_key.get_secret_value() == "sk-of-a-file-0123"
    assert started.agent.config.greeting == "Hello"


def test_an_env_file_that_cannot_be_read_is_refused_in_the_same_words(tmp_path: Path) -> None:
    for path in (tmp_path / "none.env", tmp_path):
        assert _problems(path) == _as_bootstrap(path)


def test_what_yaml_can_say_and_no_row_can_hold_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "agent.yaml").write_text("greeting: 2026-11-30\n")
    (problem,) = _problems(path)
    assert "AGENT_CONFIG: the file holds what JSON cannot" in problem
    assert _as_bootstrap(path) == (problem,)


_names = st.sampled_from([*(variable.name for variable in VARIABLES), "CRM_URL", "LIVEKIT_KEY"])
_values = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                "acme",
                "5",
                "5000",
                "required",
                "wss://acme.example.com",
                "http://a.example.com",
            ),
            *("agent.yaml", "absent", "your-api-key", "a:b", "*", "'quoted'", "two words", "x # y"),
        ]
    ),
    st.text(max_size=20),
)
_lines = st.one_of(
    st.tuples(_names, st.sampled_from(["=", "=", "=", " = ", "_FILE=", ""]), _values).map("".join),
    st.text(max_size=20),
)


@given(st.lists(_lines, max_size=5), st.booleans())
@examples(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_an_env_file_says_both_programs_say_the_same_of_it(
    folder: Path, lines: list[str], begins_well: bool
) -> None:
    path = write(folder, (ENV if begins_well else "") + "\n".join(lines))
    read, problems = _verdict(path)
    assert problems == _as_bootstrap(path)
    assert (read is None) == any(not problem.startswith("warning: ") for problem in problems)
    if read is not None:
        row = tenant_settings.read(read.settings)
        assert row.faults == ()
        assert find_value_faults("acme", row, {}, _CLAIM_KEY) == ()


def _verdict(path: Path) -> tuple[TenantEnvFile | None, tuple[str, ...]]:
    try:
        read = read_env_file(path)
    except RegistrationRefused as refused:
        return None, refused.problems
    return read, tuple(f"warning: {warning}" for warning in read.warnings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each example writes the same file anew."""
    return tmp_path_factory.mktemp("tenants")


def _as_bootstrap(path: Path) -> tuple[str, ...]:
    """Give what bootstrap says of a file, but for what a control plane adds to it."""
    findings = bootstrap.read({}, path)
    kept = [
        finding
        for finding in (findings.findings if isinstance(findings, WorkerSettings) else findings)
        if finding.check_id != COMPLETE or finding.variable not in ("TENANT_ID", "CLAIM_PUBLIC_KEY")
    ]
    return tuple(f"warning: {finding}" if finding.is_warning else str(finding) for finding in kept)
