"""An env file, read so that `docker --env-file` would have read the same."""

import io
import re
from dataclasses import dataclass
from pathlib import PurePath

from dotenv.parser import Binding, parse_stream

from contract.settings import files
from contract.settings.examples import EXAMPLES
from contract.settings.files import FileBounds, ReadFile, UnusableFile
from contract.settings.findings import WELLFORMED, Finding

_LINE = "MAX_CALLS=10"
# `--env-file <(decrypt acme.env)` gives a pipe, and leaves no secret on a disk.
_BOUNDS = FileBounds(256 * 1024, takes_pipe=True)
# A carriage return ends a line only before a line feed, to docker.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n|\Z)|\A\ufeff")


@dataclass(frozen=True)
class EnvFile:
    """The variables of one env file, and what is wrong with its lines."""

    path: PurePath
    values: dict[str, str]
    findings: tuple[Finding, ...] = ()
    is_readable: bool = True


def load(path: PurePath, read_file: ReadFile) -> EnvFile:
    """Have an env file read; one that cannot be read is a finding, not an error."""
    try:
        return _parse(path, files.read_text(path, _BOUNDS, read_file))
    except UnusableFile as fault:
        finding = Finding(WELLFORMED, "--env-file", f"{path} {fault}", "acme.env")
        return EnvFile(path, {}, (finding,), is_readable=False)


def _parse(path: PurePath, text: str) -> EnvFile:
    values: dict[str, str] = {}
    findings: list[Finding] = []
    if control := _CONTROL.search(text):
        where = f"{path.name} line {text.count(chr(10), 0, control.start()) + 1}"
        findings.append(Finding(WELLFORMED, where, "has a control character in it", _LINE))
    for binding in parse_stream(io.StringIO(text)):
        line = binding.original.line + _leading_lines(binding)
        if finding := _fault(binding, f"{path.name} line {line}", values):
            findings.append(finding)
        if binding.key and binding.value is not None:
            values[binding.key] = binding.value
    return EnvFile(path, values, tuple(findings))


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
    # Docker takes the blanks off before a line, and no others.
    line = binding.original.string.lstrip().removesuffix("\n").removesuffix("\r")
    name, _, literal = line.partition("=")
    if literal == binding.value and name == binding.key:
        return ""
    if literal.lstrip()[:1] in ("'", '"'):
        return "docker --env-file would keep the quotes"
    if name.strip() != binding.key:
        return "docker --env-file knows no `export` and no quoted names"
    if "#" in literal and literal.strip() != binding.value:
        return "docker --env-file would take the comment for a part of the value"
    return "docker --env-file would keep the blanks around the value"
