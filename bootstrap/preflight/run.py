"""The preflight: every check as soon as what it needs is proven, all within one limit of time."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from bootstrap.preflight.catalogue import CATALOGUE
from bootstrap.preflight.check import LAST, Check, CheckContext, CheckOutcome, failed, skipped
from bootstrap.preflight.report import Report
from bootstrap.settings.settings import WorkerSettings
from contract.exits import ExitCode, most_permanent
from contract.policies import Strictness
from contract.records.log_record import Mask
from contract.records.report import Mark, ReportLine
from contract.settings.findings import Findings

# With what may be left to do (be let in, leave, remove the room), the worst case stays under 15 s.
_LIMIT_SECONDS = 10.0
DOCS = "docs/checks.md"
_OUR_FAULT = "Please report it with the log."
_log = logging.getLogger("bootstrap.preflight")

# Told when a check begins (None) and when it has its outcome.
OnProgress = Callable[[Check, CheckOutcome | None], None]
# Told what holds so far, once, when all but the look for rivals has answered and none failed.
OnSettled = Callable[[Report], Awaitable[None]]


async def run(
    read_settings: WorkerSettings | Findings,
    *,
    proxy: str | None = None,
    on_progress: OnProgress | None = None,
    on_settled: OnSettled | None = None,
    only: Collection[str] | None = None,
) -> Report:
    """Ask every question of the catalogue, and leave nothing behind, also when cancelled.

    Args:
        read_settings: the settings, or what is wrong with them.
        proxy: the HTTP proxy that the SDK would use.
        on_progress: told when a check begins and when it ends.
        on_settled: told what holds while nothing is left but the look for rivals.
        only: the ids of the checks to ask; what they need is asked as well.
    """
    return await _Run(read_settings, proxy, on_progress).report(_chosen(only), on_settled)


@dataclass(frozen=True)
class _Answer:
    line: ReportLine
    exit_code: ExitCode
    # What the check found before the tenant's choice softened it: what needs it must not be asked.
    is_good: bool


class _Run:
    """One preflight under way."""

    def __init__(
        self,
        read_settings: WorkerSettings | Findings,
        proxy: str | None,
        on_progress: OnProgress | None,
    ) -> None:
        self._context = CheckContext(read_settings, proxy)
        self._on_progress = on_progress or (lambda _check, _outcome: None)
        self._began = time.monotonic()
        self._mask = Mask(
            read_settings.secrets() if isinstance(read_settings, WorkerSettings) else ()
        )

    async def report(self, checks: tuple[Check, ...], on_settled: OnSettled | None) -> Report:
        tasks: dict[str, asyncio.Task[_Answer]] = {}
        async with asyncio.TaskGroup() as group:
            for check in checks:
                needed = {need: tasks[need] for need in check.needs}
                work = self._answer(check, needed)
                tasks[check.id] = group.create_task(work, name=f"check {check.id}")
            if on_settled is not None:
                group.create_task(self._settle(tasks, on_settled), name="settle")
        return self._sum_up([task.result() for task in tasks.values()])

    async def _settle(
        self, tasks: Mapping[str, "asyncio.Task[_Answer]"], on_settled: OnSettled
    ) -> None:
        others = [await task for check_id, task in tasks.items() if check_id != LAST]
        if tasks[LAST].done() or any(other.exit_code is not ExitCode.OK for other in others):
            return
        (last,) = (check for check in CATALOGUE if check.id == LAST)
        under_way = self._written(last, skipped("still being looked for"), self._elapsed_ms())
        await on_settled(
            self._sum_up([task.result() if task.done() else under_way for task in tasks.values()])
        )

    async def _answer(self, check: Check, needed: Mapping[str, "asyncio.Task[_Answer]"]) -> _Answer:
        missing = [need for need, task in needed.items() if not (await task).is_good]
        began = time.monotonic()
        if self._choice(check) is Strictness.OFF:
            outcome = skipped(f"{check.choice.upper()} is off")
        elif missing:
            outcome = skipped(f"needs {missing[0]}, which does not hold")
        else:
            self._on_progress(check, None)
            outcome = await self._ask(check)
        self._on_progress(check, outcome)
        return self._written(check, outcome, round((time.monotonic() - began) * 1000))

    async def _ask(self, check: Check) -> CheckOutcome:
        left = self._began + _LIMIT_SECONDS - time.monotonic()
        seconds = max(0.0, min(check.deadline_seconds, left))
        try:
            async with asyncio.timeout(seconds):
                return await check.ask(self._context)
        except TimeoutError:
            # Whoever is late has refused nothing, and no setting is proven wrong by it.
            return failed("no answer in time", exit_code=ExitCode.UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - the edge of a check: the others answer
            _log.exception("check %s broke", check.id)
            return failed(f"a fault of ours: {type(error).__name__}", _OUR_FAULT, ExitCode.SOFTWARE)

    def _choice(self, check: Check) -> Strictness:
        read_settings = self._context.read_settings
        if not check.choice or isinstance(read_settings, Findings):
            return Strictness.REQUIRED
        return (
            read_settings.checks.rivals
            if check.choice == "rival_check"
            else read_settings.checks.provider
        )

    def _written(self, check: Check, outcome: CheckOutcome, elapsed_ms: int) -> _Answer:
        mark = outcome.mark
        if mark is Mark.FAIL and self._choice(check) is Strictness.WARN:
            mark = Mark.WARN
        has_hint = mark in (Mark.FAIL, Mark.WARN)
        line = ReportLine(
            id=check.id,
            title=check.title,
            outcome=mark,
            detail=self._mask(outcome.detail),
            hint=f"{outcome.hint or check.hint} {DOCS}#{check.id}" if has_hint else "",
            elapsed_ms=elapsed_ms,
        )
        code = (outcome.exit_code or check.exit_code) if mark is Mark.FAIL else ExitCode.OK
        return _Answer(line, code, is_good=outcome.mark in (Mark.PASS, Mark.WARN))

    def _sum_up(self, answers: list[_Answer]) -> Report:
        tenant, host, fingerprint = _who(self._context.read_settings)
        return Report(
            tenant=tenant,
            host=host,
            edition=self._context.facts.edition,
            key_fingerprint=fingerprint,
            exit_code=most_permanent({answer.exit_code for answer in answers}),
            elapsed_ms=self._elapsed_ms(),
            lines=tuple(answer.line for answer in answers),
        )

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)


def _chosen(only: Collection[str] | None) -> tuple[Check, ...]:
    if only is None:
        return CATALOGUE
    wanted = set(only)
    for check in reversed(CATALOGUE):
        if check.id in wanted:
            wanted.update(check.needs)
    return tuple(check for check in CATALOGUE if check.id in wanted)


def _who(read_settings: WorkerSettings | Findings) -> tuple[str | None, str | None, str | None]:
    if isinstance(read_settings, Findings):
        return read_settings.tenant, read_settings.host, read_settings.key_fingerprint
    credentials = read_settings.credentials
    return read_settings.identity.tenant, credentials.host, credentials.fingerprint
