"""The control plane's own settings: what their files may hold."""

import os
from pathlib import Path

import pytest

from control.settings import ControlSettingsFault, parse
from tests.control.planes import sqlite, variables


def _with_token_in(path: Path) -> dict[str, str]:
    return variables(sqlite(path.parent)) | {"CONTROL_TOKEN": "", "CONTROL_TOKEN_FILE": str(path)}


def test_a_byte_order_mark_is_no_part_of_a_secret_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbfa-token\r\n")
    token = parse(_with_token_in(tmp_path / "token")).token
    assert token is not None
    assert token.get_secret_value() == "a-token"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\n", "is empty"),
        (b"\xff", "is not UTF-8 text"),
        (b"x" * 70_000, "is longer than 64 KiB"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(ControlSettingsFault) as fault:
        parse(_with_token_in(tmp_path / "token"))
    assert fault.value.faults == (f"CONTROL_TOKEN: the file of CONTROL_TOKEN_FILE {problem}",)


def test_a_pipe_that_nobody_writes_to_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    with pytest.raises(ControlSettingsFault, match="is not a plain file"):
        parse(_with_token_in(tmp_path / "token"))
