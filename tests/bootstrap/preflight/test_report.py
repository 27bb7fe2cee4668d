"""The report: one value, two renderings, both held to golden files."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from bootstrap.preflight.catalogue import CATALOGUE
from bootstrap.preflight.check import failed
from bootstrap.preflight.report import Report, from_dict, render_json
from bootstrap.preflight.report_text import LiveLine, is_colourful, render_text
from contract.exits import ExitCode
from contract.records.report import Mark, ReportLine

_GOLDEN = Path(__file__).parent / "golden"
_SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "report.schema.json"


def _lines(marks: dict[str, tuple[Mark, str]]) -> tuple[ReportLine, ...]:
    return tuple(
        ReportLine(
            id=check.id,
            title=check.title,
            outcome=marks.get(check.id, (Mark.PASS, ""))[0],
            detail=marks.get(check.id, (Mark.PASS, "it holds"))[1],
            hint=f"{check.hint} docs/checks.md#{check.id}" if check.id in marks else "",
            elapsed_ms=at,
        )
        for at, check in enumerate(CATALOGUE)
    )


_PASSED = Report(
    tenant="acme",
    host="acme-1a2b3c4d.livekit.cloud",
    edition="cloud",
    key_fingerprint="0f1e2d3c4b5a6978",
    exit_code=ExitCode.OK,
    elapsed_ms=1834,
    lines=_lines({"network.tls": (Mark.WARN, "the certificate runs out in 10 days")}),
)
_FAILED = Report(
    tenant="acme",
    host="livekit.a-very-long-name-of-a-host-that-nobody-would-want-to-type.example.com:7880",
    edition=None,
    key_fingerprint="0f1e2d3c4b5a6978",
    exit_code=ExitCode.CONFIG,
    elapsed_ms=212,
    lines=_lines(
        {
            "settings.complete": (
                Mark.FAIL,
                "LIVEKIT_API_KEY: is missing; for example APIa1B2c3D4e5F6\n"
                "LIVEKIT_API_SECRET: is missing; for example the 43 or so characters shown beside "
                "the key",
            ),
            "credential.secret": (
                Mark.FAIL,
                "the project knows the API key, but the secret is not this key's",
            ),
            "project.media": (Mark.SKIP, "needs credential.secret, which does not hold"),
        }
    ),
)
_BOTH = pytest.mark.parametrize(
    ("name", "report"), [("pass", _PASSED), ("fail", _FAILED)], ids=["pass", "fail"]
)


@_BOTH
def test_the_text_is_the_golden_one(name: str, report: Report) -> None:
    golden = (_GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert [line.rstrip() for line in render_text(report).split("\n")] == golden.splitlines()


@_BOTH
def test_the_json_is_the_golden_one(name: str, report: Report) -> None:
    assert render_json(report) + "\n" == (_GOLDEN / f"{name}.json").read_text(encoding="utf-8")


@_BOTH
def test_the_json_obeys_the_published_schema(name: str, report: Report) -> None:
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render_json(report)), schema)


def test_the_schema_refuses_what_is_no_report() -> None:
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    fields = _PASSED.as_dict() | {"exit_code": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(fields, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_PASSED.as_dict() | {"api_key": "x"}, schema)


@_BOTH
def test_nothing_wraps_at_80_columns(name: str, report: Report) -> None:
    wide = [line for line in render_text(report).split("\n") if len(line) > 80]
    assert wide == []


@_BOTH
def test_a_report_comes_back_from_its_json_as_it_was(name: str, report: Report) -> None:
    assert from_dict(json.loads(render_json(report))) == report


def test_colour_changes_the_marks_alone() -> None:
    coloured = render_text(_FAILED, in_colour=True)
    assert "\x1b[31m✗\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render_text(_FAILED)


def test_there_is_no_colour_but_on_a_terminal() -> None:
    assert not is_colourful(io.StringIO())
    assert is_colourful(_Terminal())
    assert "\x1b" not in render_text(_FAILED)


def test_a_stream_that_knows_no_check_mark_gets_plain_signs() -> None:
    text = render_text(_FAILED, encoding="ascii")
    assert text.isascii()
    assert "x credential.secret" in text


def test_each_fault_has_its_cause_and_a_hint_that_links_to_the_page() -> None:
    text = render_text(_FAILED)
    assert "LIVEKIT_API_SECRET: is missing" in text
    assert "docs/checks.md#settings.complete" in text
    assert "docs/checks.md#credential.secret" in text


def test_a_terminal_shows_a_live_line_while_checks_run_and_nothing_of_it_stays() -> None:
    terminal = _Terminal()
    live = LiveLine(terminal)
    first, second = CATALOGUE[0], CATALOGUE[1]
    live(first, None)
    live(second, None)
    assert first.title in terminal.getvalue()
    assert second.title in terminal.getvalue()
    live(first, failed("no"))
    live(second, failed("no"))
    assert terminal.getvalue().endswith("\r\x1b[2K")
    assert all(len(part) <= 80 for part in terminal.getvalue().split("\r\x1b[2K"))


def test_a_file_gets_no_live_line() -> None:
    file = io.StringIO()
    LiveLine(file)(CATALOGUE[0], None)
    assert file.getvalue() == ""


def test_the_verdict_is_that_of_the_exit_code() -> None:
    assert _PASSED.verdict == "pass"
    assert replace(_PASSED, exit_code=ExitCode.REFUSED).verdict == "fail"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
