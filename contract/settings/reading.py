"""One reading of a tenant's settings for every program: the same values, the same faults."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from contract.settings import agent_file, contradictions
from contract.settings.agent_file import AgentFile
from contract.settings.examples import EXAMPLES
from contract.settings.files import ReadFile
from contract.settings.findings import WELLFORMED, Finding
from contract.settings.sources import Gathered, gather
from contract.settings.suspicions import suspicion
from contract.settings.values import Values


@dataclass(frozen=True)
class Reading:
    """What was read of one tenant; what is faulty has its default in `values`.

    `texts` are the variables as they were given, files' contents in place of their names; `others`
    is what an env file holds beside our variables. `findings` begin with the faults.
    """

    values: Values = field(repr=False)
    texts: Mapping[str, str] = field(repr=False)
    others: Mapping[str, str] = field(repr=False)
    agent_file: AgentFile
    findings: tuple[Finding, ...]
    has_all_sources: bool = True

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Leave out the warnings."""
        return tuple(finding for finding in self.findings if not finding.is_warning)


def read(
    environment: Mapping[str, str],
    env_file: PurePath | None,
    read_file: ReadFile,
    *,
    elsewhere: Collection[str] = (),
) -> Reading:
    """Read a tenant's settings from every source, with everything that is wrong at once.

    Args:
        environment: the process's variables, or none.
        env_file: what alone speaks for the tenant, where there is one.
        read_file: reads the files that are named.
        elsewhere: variables that may be missing, since somebody else gives them.
    """
    gathered = gather(environment, env_file, read_file)
    if not gathered.has_all_sources:
        return _reading(Values(), AgentFile(), gathered)
    values = _judge(gathered, elsewhere)
    agent = AgentFile()
    if values.agent_config is not None:
        agent = agent_file.load(gathered.folder / values.agent_config, read_file)
        gathered.findings.extend(agent.findings)
    return _reading(values, agent, gathered)


def find_faults(
    texts: Mapping[str, str], *, elsewhere: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Say what is wrong with variables that come from no file, as `read` would; no warnings."""
    gathered = Gathered(
        values={name: text for name, text in texts.items() if text},
        empty={name for name, text in texts.items() if not text},
    )
    _judge(gathered, elsewhere)
    return tuple(finding for finding in gathered.findings if not finding.is_warning)


def _judge(gathered: Gathered, elsewhere: Collection[str]) -> Values:
    _blame_suspicious(gathered)
    values = _values(gathered)
    for finding in contradictions.find(values, {*gathered.faulty, *elsewhere}):
        gathered.findings.append(_with_emptiness(finding, gathered.empty))
    return values


def _blame_suspicious(gathered: Gathered) -> None:
    for name, text in tuple(gathered.values.items()):
        if problem := suspicion(text):
            gathered.blame(Finding(WELLFORMED, name, problem, EXAMPLES[name]))
            del gathered.values[name]


def _values(gathered: Gathered) -> Values:
    texts: dict[str, Any] = {name.lower(): text for name, text in gathered.values.items()}
    try:
        return Values(**texts)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            name = str(fault["loc"][0])
            problem = fault["msg"].removeprefix("Value error, ")
            gathered.blame(Finding(WELLFORMED, name.upper(), problem, EXAMPLES[name.upper()]))
            texts.pop(name, None)
        return Values(**texts)


def _with_emptiness(finding: Finding, empty: Collection[str]) -> Finding:
    if finding.problem.startswith("is missing") and finding.variable in empty:
        return replace(finding, problem=finding.problem.replace("is missing", "is empty", 1))
    return finding


def _reading(values: Values, agent: AgentFile, gathered: Gathered) -> Reading:
    return Reading(
        values=values,
        texts=gathered.values,
        others=gathered.others,
        agent_file=agent,
        findings=tuple(sorted(gathered.findings, key=lambda finding: finding.is_warning)),
        has_all_sources=gathered.has_all_sources,
    )
