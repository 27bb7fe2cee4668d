"""Ours are found where we say so, and others' of the same names where we do not."""

from pathlib import Path

import pytest

from tests.livekit_tenant.programs import printed, write

HIDDEN = """
import sys
from livekit_tenant import _modules
_modules.show()
from contract.records.usage import CallOutcome
from contract.tenant import new_nonce
_modules.hide()
"""
OURS = f"{HIDDEN}ours = _modules.find('contract.records.usage', 'CallOutcome')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tenant's, whose modules bear the names of our packages."""
    write(
        tmp_path,
        contract="NAME = 'my contract'\n",
        project__prompts="NAME = 'my prompts'\n",
        worker="import contract\nNAME = contract.NAME\n",
    )
    return tmp_path


@pytest.mark.parametrize(
    ("theirs", "name"),
    [
        ("contract", "my contract"),
        ("project.prompts", "my prompts"),  # a folder without __init__.py
        ("worker", "my contract"),  # what a module of theirs imports is theirs as well
    ],
)
def test_hidden_packages_let_others_of_the_same_name_be_found(
    folder: Path, theirs: str, name: str
) -> None:
    program = f"{HIDDEN}import {theirs}\nprint({theirs}.NAME)"
    assert printed(folder, program) == name


def test_hiding_twice_leaves_others_in_place(folder: Path) -> None:
    program = f"{HIDDEN}import contract\n_modules.hide()\nprint(sys.modules['contract'].NAME)"
    assert printed(folder, program) == "my contract"


def test_hidden_modules_go_on_working(folder: Path) -> None:
    program = f"{HIDDEN}import contract\nprint(CallOutcome('failed').name, new_nonce().isalnum())"
    assert printed(folder, program) == "FAILED True"


def test_a_hidden_name_is_found_and_is_the_same(folder: Path) -> None:
    assert printed(folder, f"{OURS}import contract\nprint(ours is CallOutcome)") == "True"


def test_what_was_never_loaded_is_found_and_hidden_at_once(folder: Path) -> None:
    program = """
import sys, contract
from livekit_tenant import _modules
path, finders = sys.path[:], sys.meta_path[:]
ours = _modules.find("contract.records.usage", "CallOutcome")
print(ours.FAILED.value, contract.NAME, sys.modules["contract"] is contract)
assert _modules.find("contract.records.usage", "CallOutcome") is ours
assert (sys.path, sys.meta_path) == (path, finders)
"""
    assert printed(folder, program, folder) == "failed my contract True"


def test_shown_again_they_are_the_same_modules(folder: Path) -> None:
    program = f"""{HIDDEN}
_modules.show()
import contract.records.usage
print(contract.records.usage.CallOutcome is CallOutcome)
"""
    assert printed(folder, program) == "True"


def test_a_module_that_a_tenant_does_not_have_is_none(folder: Path) -> None:
    program = f"{HIDDEN}\nimport importlib.util\nprint(importlib.util.find_spec('project.rooms'))"
    assert printed(folder, program) == "None"
