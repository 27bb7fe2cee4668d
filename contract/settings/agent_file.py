"""The YAML file that AGENT_CONFIG names: the mapping that it holds, and what is wrong with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import yaml

from contract.agent_config import AgentConfig, AgentConfigFault, parse
from contract.settings import files
from contract.settings.examples import EXAMPLES
from contract.settings.files import FileBounds, ReadFile, UnusableFile
from contract.settings.findings import WELLFORMED, Finding

_BOUNDS = FileBounds(256 * 1024)


@dataclass(frozen=True)
class AgentFile:
    """What the file says: as the mapping that stands in it, and as the agent that it makes."""

    mapping: Mapping[str, Any] = field(default_factory=dict, repr=False)
    config: AgentConfig = field(default_factory=AgentConfig)
    findings: tuple[Finding, ...] = ()


def load(path: PurePath, read_file: ReadFile) -> AgentFile:
    """Have the file read; every fault in it is a finding, and the agent then the default."""
    try:
        mapping = _mapping(files.read_content(path, _BOUNDS, read_file))
        return AgentFile(mapping, parse(mapping))
    except AgentConfigFault as fault:
        return _faulty(*(f"in {path.name}, {problem}" for problem in fault.faults))
    except UnusableFile as fault:
        return _faulty(f"the file {fault}")


def _faulty(*problems: str) -> AgentFile:
    findings = (
        Finding(WELLFORMED, "AGENT_CONFIG", problem, EXAMPLES["AGENT_CONFIG"])
        for problem in problems
    )
    return AgentFile(findings=tuple(findings))


def _mapping(content: bytes) -> dict[str, Any]:
    document = _document(content)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise UnusableFile("holds no mapping of keys to values")
    mapping = {str(key): value for key, value in document.items()}
    try:
        # As JSON it is kept by the control plane, and a tool's parameters go to the model.
        json.dumps(mapping, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise UnusableFile("holds what JSON cannot; a date, say, belongs in quotes") from None
    return mapping


def _document(content: bytes) -> Any:
    try:
        return yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1})" if mark else ""
        raise UnusableFile(f"is not YAML{where}: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UnusableFile("is not YAML in UTF-8") from None
    except (ValueError, LookupError, AttributeError, RecursionError):
        # What yaml's own constructors let through: 2026-13-45, `!!bool x`, a thousand brackets.
        raise UnusableFile("holds a value that cannot be read; a text belongs in quotes") from None
