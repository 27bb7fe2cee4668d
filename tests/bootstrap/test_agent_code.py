"""AGENT: code that cannot be used is told with its true cause."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.agent_code import find_fault
from livekit_tenant import _modules


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    _modules.show()
    for name in set(sys.modules) - before:
        if name.startswith("acme_"):
            del sys.modules[name]


def _problem(folder: Path, text: str, agent: str = "acme_agent:answer") -> str:
    (folder / "acme_agent.py").write_text(text)
    fault = find_fault(agent, ("canary-secret",))
    if fault is None:
        return ""
    assert fault.variable == "AGENT"
    assert "\n" not in str(fault)
    return fault.problem


def test_an_async_function_of_context_and_start_is_taken(folder: Path) -> None:
    assert _problem(folder, "async def answer(ctx, start):\n    pass\n") == ""


def test_a_module_that_does_not_exist_is_told_apart_from_one_that_it_imports(folder: Path) -> None:
    assert "there is no module acme_nothing on /agent" in _problem(
        folder, "", "acme_nothing:answer"
    )
    nested = _problem(folder, "import os\nimport acme_missing_library\n")
    assert nested == (
        "cannot be imported: No module named 'acme_missing_library' (acme_agent.py line 2)"
    )


def test_the_true_cause_deep_inside_is_told_with_its_place(folder: Path) -> None:
    (folder / "acme_crm.py").write_text("from json import no_such_name\n")
    problem = _problem(folder, "import acme_crm\n")
    assert "cannot import name 'no_such_name' from 'json'" in problem
    assert "acme_crm.py line 1" in problem


def test_a_missing_submodule_of_a_package_is_named(folder: Path) -> None:
    (folder / "acme_package").mkdir()
    (folder / "acme_package" / "__init__.py").write_text("")
    assert "no module acme_package.voice" in _problem(folder, "", "acme_package.voice:answer")


def test_a_syntax_error_is_told_with_file_and_line(folder: Path) -> None:
    assert "acme_agent.py line 2" in _problem(folder, "x = 1\nasync def answer(:\n")


def test_an_error_while_importing_is_told_without_secrets(folder: Path) -> None:
    problem = _problem(folder, "\nraise RuntimeError('no room for canary-secret\\nhere')\n")
    assert "RuntimeError: no room for" in problem
    assert "acme_agent.py line 2" in problem
    assert "canary-secret" not in problem


def test_code_that_exits_at_import_is_told_and_does_not_end_us(folder: Path) -> None:
    assert "SystemExit: 3" in _problem(folder, "import sys\nsys.exit(3)\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no attribute answer"),
        ("answer = 7\n", "no `async def`"),
        ("def answer(ctx, start):\n    pass\n", "no `async def`"),
        ("async def answer(ctx):\n    pass\n", "does not take (ctx, start)"),
        ("async def answer(ctx, start, more):\n    pass\n", "does not take (ctx, start)"),
    ],
)
def test_an_attribute_of_another_shape_is_refused(text: str, why: str, folder: Path) -> None:
    assert why in _problem(folder, text)


def test_what_the_code_prints_does_not_reach_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _problem(folder, "print('hello')\nasync def answer(ctx, start):\n    pass\n")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "hello\n")
