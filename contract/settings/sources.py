"""Where each setting comes from: the environment, an env file, or a file that one of them names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from contract.settings import env_file as env_files
from contract.settings import files
from contract.settings.files import ReadFile, UnusableFile
from contract.settings.findings import ONE_SOURCE, WELLFORMED, Finding
from contract.settings.unknown_names import unknown_names
from contract.variables import PROJECT_VARIABLES, VARIABLES, Variable

_FILE_EXAMPLE = "/run/secrets/livekit_api_secret"

NAMES = frozenset(variable.name for variable in VARIABLES)
FILE_NAMES = frozenset(f"{variable.name}_FILE" for variable in VARIABLES if variable.takes_file)


@dataclass(frozen=True)
class _Source:
    """Variables from one place; relative paths in them begin at `folder`."""

    values: Mapping[str, str]
    folder: PurePath


@dataclass
class Gathered:
    """What the sources hold: one text for each variable that is set, and what was wrong.

    Relative paths in the tenant's variables begin at `folder`; an empty one is the current folder.
    """

    values: dict[str, str] = field(default_factory=dict)
    folder: PurePath = field(default_factory=PurePath)
    empty: set[str] = field(default_factory=set)
    faulty: set[str] = field(default_factory=set)
    ignored: tuple[str, ...] = ()
    others: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    has_all_sources: bool = True

    def blame(self, finding: Finding) -> None:
        """Take up a fault; its variable is not reported as missing as well."""
        self.findings.append(finding)
        self.faulty.add(finding.variable)


def gather(
    environment: Mapping[str, str], env_file: PurePath | None, read_file: ReadFile
) -> Gathered:
    """Choose each variable's source: with an env file it alone speaks for the tenant's."""
    host = _Source(environment, PurePath())
    sources: dict[bool, tuple[_Source, ...]]
    if env_file is None:
        gathered = Gathered()
        sources = {True: (host,), False: (host,)}
        names = set(environment)
    else:
        file = env_files.load(env_file, read_file)
        gathered = _from_file(file, environment)
        tenant = _Source(file.values, gathered.folder)
        sources = {True: (tenant,), False: (tenant, host)}
        names = set(environment) | set(file.values)
    for variable in VARIABLES:
        _take(gathered, variable, sources[variable.tenants], read_file)
    has_own_agent = "AGENT" in gathered.values
    gathered.findings.extend(unknown_names(names, NAMES | FILE_NAMES, has_own_agent=has_own_agent))
    return gathered


def _from_file(file: env_files.EnvFile, environment: Mapping[str, str]) -> Gathered:
    gathered = Gathered(folder=file.path.parent, has_all_sources=file.is_readable)
    gathered.findings.extend(file.findings)
    gathered.others = {
        name: value for name, value in file.values.items() if name not in NAMES | FILE_NAMES
    }
    gathered.ignored = _tenants_names(environment)
    if gathered.ignored and file.is_readable:
        problem = f"ignored of the environment: {file.path.name} alone speaks for the tenant"
        names = ", ".join(gathered.ignored)
        gathered.findings.append(Finding(ONE_SOURCE, names, problem, is_warning=True))
    if file.is_readable:
        _blame_split_project(gathered, file)
    return gathered


def _tenants_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        name
        for variable in VARIABLES
        if variable.tenants
        for name in (variable.name, f"{variable.name}_FILE")
        if environment.get(name) and (name in NAMES or name in FILE_NAMES)
    )


def _blame_split_project(gathered: Gathered, file: env_files.EnvFile) -> None:
    def is_named(name: str, names: Mapping[str, str] | tuple[str, ...]) -> bool:
        return name in names or f"{name}_FILE" in names

    in_file = [name for name in PROJECT_VARIABLES if is_named(name, file.values)]
    for name in PROJECT_VARIABLES:
        if in_file and name not in in_file and is_named(name, gathered.ignored):
            problem = (
                f"is in the environment while {', '.join(in_file)} come from {file.path.name}; "
                "all three come from one source"
            )
            gathered.blame(Finding(ONE_SOURCE, name, problem, f"{name}=… in {file.path.name}"))


def _take(
    gathered: Gathered, variable: Variable, sources: tuple[_Source, ...], read_file: ReadFile
) -> None:
    name, file_name = variable.name, f"{variable.name}_FILE"
    for source in sources:
        text = source.values.get(name, "")
        path = source.values.get(file_name, "") if variable.takes_file else ""
        if text and path:
            problem = f"is given twice, as {name} and as {file_name}"
            gathered.blame(Finding(ONE_SOURCE, name, problem, f"only {file_name}={_FILE_EXAMPLE}"))
            return
        if path:
            _take_file(gathered, name, source.folder / path, read_file)
            return
        if text:
            gathered.values[name] = text
            return
        if name in source.values:
            gathered.empty.add(name)


def _take_file(gathered: Gathered, name: str, path: PurePath, read_file: ReadFile) -> None:
    try:
        gathered.values[name] = files.read_value(path, read_file)
    except UnusableFile as fault:
        example = f"{name}_FILE={_FILE_EXAMPLE}"
        gathered.blame(Finding(WELLFORMED, name, f"the file of {name}_FILE {fault}", example))
