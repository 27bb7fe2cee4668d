"""Re-exports by need: fewer modules, the same names."""

import ast
import json
import subprocess
import sys
from typing import Any

import pytest

from worker.forking.deferral import read_reexports

_COUNT = "import sys, livekit.plugins.openai; print(len(sys.modules))"
_DEFER = "from worker.forking.deferral import defer_reexports; defer_reexports(); "
_NAMES = """
import json, openai.types, openai.types.responses, openai.types.realtime
packages = (openai.types, openai.types.responses, openai.types.realtime)
print(json.dumps({
    f"{package.__name__}.{name}": repr(getattr(package, name))
    for package in packages for name in dir(package) if name[0].isupper()
}))
"""


def run(program: str) -> Any:
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


@pytest.mark.integration
def test_far_fewer_modules_are_imported() -> None:
    assert run(_DEFER + _COUNT) < run(_COUNT) - 1_000


@pytest.mark.integration
def test_every_name_is_what_it_is_without_deferral() -> None:
    assert run(_DEFER + _NAMES) == run(_NAMES)


@pytest.mark.integration
def test_a_name_that_is_nowhere_is_an_attribute_error() -> None:
    program = _DEFER + "import openai.types; print(int(hasattr(openai.types, 'NoSuchName')))"
    assert run(program) == 0


@pytest.mark.integration
def test_a_module_of_a_package_is_an_attribute_of_it() -> None:
    asked = "import openai.types.responses as r; print(int(hasattr(r.web_search_tool, 'Filters')))"
    assert run(_DEFER + asked) == 1


@pytest.mark.integration
def test_another_pipeline_is_loaded_when_it_is_asked_for_and_not_before() -> None:
    program = """
import json, sys
from livekit.plugins import openai
from worker.forking.deferral import load_decoders, load_other_pipelines
inner = {"livekit.plugins.openai.responses.llm", "av._core", "av.container.core"}
told = [len(inner & set(sys.modules))]
load_other_pipelines()
load_decoders()
told += [len(inner & set(sys.modules)), callable(openai.realtime.RealtimeModel)]
print(json.dumps(told))
"""
    assert run(_DEFER + program) == [0, 3, True]


def test_a_list_of_reexports_is_read() -> None:
    tree = ast.parse(
        '"""Docs."""\nfrom __future__ import annotations\n'
        "from .a import B as B\nfrom ..c import D as E"
    )
    assert read_reexports(tree) == {"B": (".a", "B"), "E": ("..c", "D")}


@pytest.mark.parametrize(
    "statement",
    [
        "import os",
        "x = 1",
        "from os import path",
        "from .a import *",
        "from . import a",
        "from .a import a",
    ],
)
def test_a_package_that_does_anything_else_is_left_alone(statement: str) -> None:
    assert read_reexports(ast.parse(f"from .b import C\n{statement}")) is None
