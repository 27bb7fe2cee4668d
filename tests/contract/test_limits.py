"""A container's sizes: as the functions give them, so the pages say."""

import re

import pytest

from contract.limits import calls_within, memory_mib, pids
from contract.programs import ROOT

_FORMULA = re.compile(
    r"[Mm]emory (\d+) \+ (\d+) × `?MAX_CALLS`? MiB.*?pids (\d+) \+ (\d+) × `?MAX_CALLS`?", re.DOTALL
)
_PAGES = ("README.md", "docs/launchers.md")


@pytest.mark.parametrize("page", _PAGES)
def test_the_pages_size_a_container_as_the_launcher_does(page: str) -> None:
    text = (ROOT / page).read_text().replace("Memory is ", "Memory ")
    match = _FORMULA.search(text)
    assert match is not None
    base, per_call, pids_base, pids_per_call = (int(number) for number in match.groups())
    for calls in (1, 10, 1000):
        assert memory_mib(calls) == base + per_call * calls
        assert pids(calls) == pids_base + pids_per_call * calls


def test_the_example_of_a_container_is_sized_for_the_default_number_of_calls() -> None:
    text = (ROOT / "README.md").read_text()
    assert f"--memory {memory_mib(10)}m --pids-limit {pids(10)} " in text


def test_the_calls_that_fit_into_a_limit_are_those_that_need_no_more() -> None:
    for calls in (1, 2, 10, 1000):
        assert calls_within(memory_mib(calls)) == calls
        assert calls_within(memory_mib(calls) - 1) == calls - 1
    assert calls_within(0) < 1
