"""Reads a workflow, and runs a step of it as GitHub's runner does."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from contract.programs import ROOT

FOLDER = ROOT / ".github" / "workflows"


def blocks(page: str, language: str) -> list[str]:
    """Give a page's blocks of code in a language; the page's path is that from the top."""
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def read(text: str) -> dict[str, Any]:
    """Give a workflow's jobs and what else it says."""
    return dict(yaml.safe_load(text))


def script(workflow: Mapping[str, Any], job: str, step: str) -> str:
    """Give the script of a job's step by the step's name."""
    (found,) = (each for each in workflow["jobs"][job]["steps"] if each.get("name") == step)
    return str(found["run"])


def run(
    script: str, variables: Mapping[str, str], folder: Path
) -> "subprocess.CompletedProcess[str]":
    """Run a step's script in a folder, output captured."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=os.environ | variables,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
