"""The command line: what it teaches, and how it ends on bad input."""

import os
import re
from pathlib import Path

import pytest

from bootstrap.command_line import main
from contract.exits import ExitCode
from tests.bootstrap.tenants import SECRET, env_file


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name not in ("PATH", "HOME", "TMPDIR"):
            monkeypatch.delenv(name)


def _help(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_teaches_commands_settings_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    text = _help(capsys)
    for word in ("check", "run", "smoke", "TENANT_ID", "LIVEKIT_URL", "docs/settings.md"):
        assert word in text
    listed = {int(code) for code in re.findall(r"^ +(\d+)  ", text, re.MULTILINE)}
    assert listed == {int(code) for code in ExitCode}
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command", ["check", "run", "smoke"])
def test_each_command_says_what_it_does_and_takes_an_env_file(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _help(capsys, command)
    assert "--env-file" in text
    assert "exit codes:" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [[], ["serve"], ["run", "--fast"], ["check", "--env-file"]])
def test_an_unknown_command_line_is_78_and_points_to_the_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert "--help" in err


@pytest.mark.parametrize("command", ["run", "smoke"])
def test_bad_settings_are_78_with_one_line_for_each_fault(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = env_file(
        tmp_path, TENANT_ID="Acme", LIVEKIT_API_KEY="<key>", MAX_CALLS="many", OPENAI_API_KEY=""
    )
    assert main([command, "--env-file", str(path)]) == 78
    out, err = capsys.readouterr()
    assert out == ""
    names = [line.partition(":")[0] for line in err.splitlines()]
    assert sorted(names) == ["LIVEKIT_API_KEY", "MAX_CALLS", "OPENAI_API_KEY", "TENANT_ID"]
    assert all("; for example " in line for line in err.splitlines())


def test_an_env_file_that_is_not_there_is_78(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--env-file", "/nowhere/acme.env"]) == 78
    assert "/nowhere/acme.env cannot be read: No such file" in capsys.readouterr().err


def test_a_fault_of_ours_is_70_without_a_traceback_but_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"broken with {SECRET[:3]}")

    # No input makes it break, so one of its own functions has to.
    monkeypatch.setattr("bootstrap.settings_process.read", broken)
    assert main(["run"]) == 70
    err = capfd.readouterr().err
    assert "RuntimeError: broken" in err
    assert "fault of ours" in err
    assert "Traceback" not in err
