"""The YAML file that AGENT_CONFIG names, read into an agent's configuration."""

from pathlib import Path
from typing import Any

import yaml

from contract.agent_config import AgentConfig, AgentConfigFault, parse
from contract.settings.examples import EXAMPLES
from contract.settings.findings import WELLFORMED, Finding

_MAX_BYTES = 256 * 1024


def load(path: str | None, findings: list[Finding]) -> AgentConfig:
    """Read the file, and add every fault in it to `findings`; no file is the polite default."""
    if path is None:
        return AgentConfig()
    problems: tuple[str, ...]
    try:
        return parse(_mapping(Path(path)))
    except AgentConfigFault as fault:
        problems = tuple(f"in {Path(path).name}, {problem}" for problem in fault.faults)
    except OSError as error:
        problems = (f"the file cannot be read: {error.strerror}",)
    except ValueError as error:
        problems = (f"the file {error}",)
    findings.extend(
        Finding(WELLFORMED, "AGENT_CONFIG", problem, EXAMPLES["AGENT_CONFIG"])
        for problem in problems
    )
    return AgentConfig()


def _mapping(path: Path) -> dict[str, Any]:
    if path.is_dir():
        raise ValueError("is a folder")
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError("is longer than 256 KiB")
    try:
        document = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1})" if mark else ""
        raise ValueError(f"is not YAML{where}: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ValueError("is not YAML in UTF-8") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ValueError("holds no mapping of keys to values")
    return {str(key): value for key, value in document.items()}
