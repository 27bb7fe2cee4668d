"""An env file, read so that `docker --env-file` would have read the same."""

import io
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from contract.settings.examples import EXAMPLES
from contract.settings.findings import WELLFORMED, Finding

_LINE = "MAX_CALLS=10"


@dataclass(frozen=True)
class EnvFile:
    """The variables of one env file, and what is wrong with its lines."""

    name: str
    values: dict[str, str]
    findings: tuple[Finding, ...] = ()
    is_readable: bool = True


def load(path: Path) -> EnvFile:
    """Read an env file; one that cannot be read is a finding, not an error."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return _unreadable(path, "is not UTF-8 text")
    except OSError as error:
        return _unreadable(path, f"cannot be read: {error.strerror}")
    return _parse(path.name, text.removeprefix("\ufeff"))


def _unreadable(path: Path, why: str) -> EnvFile:
    finding = Finding(WELLFORMED, "--env-file", f"{path} {why}", "acme.env")
    return EnvFile(path.name, {}, (finding,), is_readable=False)


def _parse(name: str, text: str) -> EnvFile:
    values: dict[str, str] = {}
    findings: list[Finding] = []
    for binding in parse_stream(io.StringIO(text)):
        line = binding.original.line + _leading_lines(binding)
        if finding := _fault(binding, f"{name} line {line}", values):
            findings.append(finding)
        if binding.key and binding.value is not None:
            values[binding.key] = binding.value
    return EnvFile(name, values, tuple(findings))


def _leading_lines(binding: Binding) -> int:
    text = binding.original.string
    return text[: len(text) - len(text.lstrip())].count("\n")


def _fault(binding: Binding, where: str, before: dict[str, str]) -> Finding | None:
    if binding.error:
        return Finding(WELLFORMED, where, "is not a line of an env file", _LINE)
    if binding.key is None:
        return None
    if binding.value is None:
        return Finding(WELLFORMED, where, "has a name and no `=`", _LINE)
    if why := _read_otherwise_by_docker(binding):
        example = f"{binding.key}={EXAMPLES.get(binding.key, 'value')}"
        return Finding(WELLFORMED, binding.key, f"{where}: {why}", example)
    if binding.key in before:
        twice = f"{where}: it stands twice, and the last one counts"
        return Finding(WELLFORMED, binding.key, twice, is_warning=True)
    return None


def _read_otherwise_by_docker(binding: Binding) -> str:
    name, _, literal = binding.original.string.strip("\r\n").partition("=")
    if literal == binding.value and name == binding.key:
        return ""
    if literal.lstrip()[:1] in ("'", '"'):
        return "docker --env-file would keep the quotes"
    if name.strip() != binding.key:
        return "docker --env-file knows no `export` and no quoted names"
    if "#" in literal and literal.strip() != binding.value:
        return "docker --env-file would take the comment for a part of the value"
    return "docker --env-file would keep the blanks around the value"
