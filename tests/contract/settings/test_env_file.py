"""Env files: read only where `docker --env-file` would read the same."""

from pathlib import Path

import pytest

from contract.settings.env_file import EnvFile, load


def _load(folder: Path, text: str | bytes) -> EnvFile:
    path = folder / "acme.env"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path)


def test_names_values_comments_and_empty_lines_are_read(tmp_path: Path) -> None:
    file = _load(
        tmp_path,
        '# a comment\n\nTENANT_ID=acme\nEMPTY=\nJSON={"a": "b"}\nURL=https://x/?a=b#c\nLAST=1',
    )
    assert file.findings == ()
    assert file.values == {
        "TENANT_ID": "acme",
        "EMPTY": "",
        "JSON": '{"a": "b"}',
        "URL": "https://x/?a=b#c",
        "LAST": "1",
    }


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    file = _load(tmp_path, b"\xef\xbb\xbfTENANT_ID=acme\r\nMAX_CALLS=2\r\n")
    assert file.findings == ()
    assert file.values == {"TENANT_ID": "acme", "MAX_CALLS": "2"}


def test_nothing_is_interpolated(tmp_path: Path) -> None:
    assert _load(tmp_path, "A=1\nB=${A}\n").values["B"] == "${A}"


@pytest.mark.parametrize(
    "line", ["=value", "two words=1", "'unclosed=1", "NAME='unclosed", "€ = 1 ="]
)
def test_a_syntax_error_is_told_with_file_and_line(line: str, tmp_path: Path) -> None:
    (finding, *_) = _load(tmp_path, f"TENANT_ID=acme\n\n{line}\n").findings
    assert "acme.env line 3" in str(finding)
    assert not finding.is_warning


def test_a_name_without_a_value_is_told_with_file_and_line(tmp_path: Path) -> None:
    (finding,) = _load(tmp_path, "A=1\nLIVEKIT_API_KEY\n").findings
    assert str(finding).startswith("acme.env line 2: has a name and no `=`")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('LIVEKIT_API_KEY="APIcanary"', "keep the quotes"),
        ("LIVEKIT_API_KEY='APIcanary'", "keep the quotes"),
        ('LIVEKIT_API_KEY=""', "keep the quotes"),
        ("export LIVEKIT_API_KEY=APIcanary", "no `export`"),
        ("'LIVEKIT_API_KEY'=APIcanary", "no quoted names"),
        ("LIVEKIT_API_KEY=APIcanary # of production", "take the comment"),
        ("LIVEKIT_API_KEY= APIcanary", "keep the blanks"),
        ("LIVEKIT_API_KEY=APIcanary  ", "keep the blanks"),
    ],
)
def test_what_docker_would_read_otherwise_is_told_with_variable_file_and_line(
    line: str, why: str, tmp_path: Path
) -> None:
    (finding,) = _load(tmp_path, f"# one\n{line}\n").findings
    assert finding.variable == "LIVEKIT_API_KEY"
    assert "acme.env line 2" in finding.problem
    assert why in finding.problem
    assert "canary" not in str(finding)


def test_a_value_over_two_lines_is_refused(tmp_path: Path) -> None:
    (finding,) = _load(tmp_path, 'A="one\ntwo"\n').findings
    assert "acme.env line 1" in str(finding)


def test_a_variable_that_stands_twice_is_a_warning_and_the_last_one_counts(tmp_path: Path) -> None:
    file = _load(tmp_path, "MAX_CALLS=1\nMAX_CALLS=2\n")
    (finding,) = file.findings
    assert finding.is_warning
    assert file.values["MAX_CALLS"] == "2"


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.env", "No such file"), (tmp_path, "Is a directory")):
        file = load(path)
        assert not file.is_readable
        assert why in str(file.findings[0])
    assert "not UTF-8" in str(_load(tmp_path, b"A=\xff\n").findings[0])
