"""The reference and the example name every variable, and nothing else."""

import re
from pathlib import Path

from bootstrap.settings.settings import read
from contract.settings.examples import EXAMPLES
from contract.settings.findings import Findings
from contract.settings.values import Values
from contract.variables import VARIABLES

_ROOT = Path(__file__).parents[3]
_NAMES = [variable.name for variable in VARIABLES]


def _rows(heading: str) -> list[str]:
    text = (_ROOT / "docs" / "settings.md").read_text()
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE)


def test_the_reference_lists_every_variable_in_its_table() -> None:
    assert _rows("The tenant's variables") == [one.name for one in VARIABLES if one.tenants]
    assert _rows("The host's variables") == [one.name for one in VARIABLES if not one.tenants]


def test_the_example_names_every_variable_once() -> None:
    lines = (_ROOT / ".env.example").read_text().splitlines()
    named = [found[1] for line in lines if (found := re.match(r"#?([A-Z_]+)=", line))]
    assert sorted(named) == sorted(_NAMES)


def test_the_example_copied_as_it_is_names_what_has_to_be_filled_in() -> None:
    findings = read({}, _ROOT / ".env.example")
    assert isinstance(findings, Findings)
    assert {(fault.variable, fault.problem) for fault in findings.faults} == {
        (name, "is a placeholder, not a value")
        for name in (
            *("TENANT_ID", "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"),
            "OPENAI_API_KEY",
        )
    }


def test_every_variable_has_a_value_and_an_example() -> None:
    assert sorted(name.upper() for name in Values.model_fields) == sorted(_NAMES)
    assert sorted(EXAMPLES) == sorted(_NAMES)
