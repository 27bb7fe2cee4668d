"""Env files: read only where `docker --env-file` would read the same."""

from pathlib import PurePath

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from contract.settings.env_file import EnvFile, load
from tests.contract.settings.stored_files import StoredFiles

# What Go's unicode.IsSpace says of; docker takes them off before a line.
_DOCKERS_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def _load(text: str | bytes) -> EnvFile:
    content = text.encode() if isinstance(text, str) else text
    return load(PurePath("acme.env"), StoredFiles({"acme.env": content}))


def test_names_values_comments_and_empty_lines_are_read() -> None:
    file = _load(
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


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    file = _load(b"\xef\xbb\xbfTENANT_ID=acme\r\nMAX_CALLS=2\r\n")
    assert file.findings == ()
    assert file.values == {"TENANT_ID": "acme", "MAX_CALLS": "2"}


def test_nothing_is_interpolated() -> None:
    assert _load("A=1\nB=${A}\n").values["B"] == "${A}"


@pytest.mark.parametrize(
    "line", ["=value", "two words=1", "'unclosed=1", "NAME='unclosed", "€ = 1 ="]
)
def test_a_syntax_error_is_told_with_file_and_line(line: str) -> None:
    (finding, *_) = _load(f"TENANT_ID=acme\n\n{line}\n").findings
    assert "acme.env line 3" in str(finding)
    assert not finding.is_warning


def test_a_name_without_a_value_is_told_with_file_and_line() -> None:
    (finding,) = _load("A=1\nLIVEKIT_API_KEY\n").findings
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
    line: str, why: str
) -> None:
    (finding,) = _load(f"# one\n{line}\n").findings
    assert finding.variable == "LIVEKIT_API_KEY"
    assert "acme.env line 2" in finding.problem
    assert why in finding.problem
    assert "canary" not in str(finding)


def test_a_value_over_two_lines_is_refused() -> None:
    (finding,) = _load('A="one\ntwo"\n').findings
    assert "acme.env line 1" in str(finding)


def test_a_variable_that_stands_twice_is_a_warning_and_the_last_one_counts() -> None:
    file = _load("MAX_CALLS=1\nMAX_CALLS=2\n")
    (finding,) = file.findings
    assert finding.is_warning
    assert file.values["MAX_CALLS"] == "2"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (FileNotFoundError(2, "No such file or directory"), "cannot be read: No such file"),
        (IsADirectoryError(21, "Is a directory"), "is a folder"),
        (b"A=\xff\n", "is not UTF-8 text"),
        (b"A=1\n" * 70_000, "is longer than 256 KiB"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes | OSError, why: str) -> None:
    file = load(PurePath("acme.env"), StoredFiles({"acme.env": content}))
    assert not file.is_readable
    assert str(file.findings[0]).startswith(f"--env-file: acme.env {why}")


def test_blanks_before_a_name_are_taken_off_as_docker_does() -> None:
    file = _load("   \n \t\nTENANT_ID=acme\n  MAX_CALLS=2\n\t# a comment\n\u00a0LAST=1\n")
    assert file.findings == ()
    assert file.values == {"TENANT_ID": "acme", "MAX_CALLS": "2", "LAST": "1"}


def test_an_indented_line_with_a_fault_is_told_with_its_own_number() -> None:
    (finding,) = _load("  \n\n  A='x'\n").findings
    assert "acme.env line 3" in finding.problem


@pytest.mark.parametrize("text", ["A=1\rB=2\n", "A=\x00\n", "\x1cA=1\n", "\ufeff\ufeffA=1\n"])
def test_a_control_character_is_told_with_file_and_line(text: str) -> None:
    problems = [str(finding) for finding in _load(text).findings]
    assert "acme.env line 1: has a control character in it; for example MAX_CALLS=10" in problems


_noise = st.text(st.sampled_from("A#'\" \t\r\x0b\x1c\x85\u2003\ufeff\\$x"), max_size=3)
_assignments = st.tuples(_noise, st.sampled_from(["A", "B"]), _noise, st.just("="), _noise)


@given(st.lists(st.one_of(_assignments.map("".join), _noise), max_size=3))
@examples(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_read_without_a_fault_is_what_docker_reads(lines: list[str]) -> None:
    text = "\n".join(lines)
    file = _load(text)
    if all(finding.is_warning for finding in file.findings):
        assert file.values == _as_docker(text)


def _as_docker(text: str) -> dict[str, str]:
    # As docker's own command line was seen to read such files, in its versions 20.10 and 28.2.
    values = {}
    for line in text.removeprefix("\ufeff").split("\n"):
        variable = line.removesuffix("\r").lstrip(_DOCKERS_BLANKS)
        if variable and not variable.startswith("#"):
            name, _, value = variable.partition("=")
            values[name] = value
    return values
