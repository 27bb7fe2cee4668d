"""`run`: hold what is this process's alone, prove the tenant, hand over to the worker."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from socket import socket
from typing import Any

from bootstrap import agent_code, environment, exit_messages, interruptions, logs, memory, scrubbing
from bootstrap.commands import check
from bootstrap.exit_messages import Interrupted, UnusableSetting
from bootstrap.interruptions import StartWatch
from bootstrap.listening import listen
from bootstrap.preflight import process
from bootstrap.preflight.check import LAST
from bootstrap.preflight.process import PreflightProcess
from bootstrap.preflight.report import Report
from bootstrap.settings.settings import WorkerSettings
from bootstrap.settings_process import UnreadSecret
from bootstrap.state_dir import StateDir, StateDirFault, acquire
from contract.exits import ExitCode
from contract.records.worker_status import WorkerState
from contract.settings.examples import EXAMPLES
from contract.settings.findings import WELLFORMED, Finding

_log = logging.getLogger("bootstrap")


@dataclass(frozen=True)
class _Held:
    state_dir: StateDir
    listener: socket


def run(settings: WorkerSettings, usage_secret: UnreadSecret | None) -> ExitCode:
    """Run one tenant's worker from settings to exit code.

    A signal before it serves ends it as one does that comes later while no call is there: with 0.

    Args:
        settings: the tenant's and the host's.
        usage_secret: what the settings are still without, if anything.

    Raises:
        UnusableSetting: STATE_DIR, HEALTH_PORT or AGENT turn out unusable.
    """
    logs.begin(settings)
    if warning := memory.warning(settings.limits.max_calls, memory.limit_mib()):
        _log.warning("%s", warning)
    watch = StartWatch()
    try:
        with _holding(settings) as held:
            scrubbing.scrub(settings)
            with process.begin(held.listener, settings, proxy=environment.proxy()) as preflight:
                return _serve(settings, usage_secret, held, preflight, watch)
    except Interrupted as interrupted:
        _log.info("told to stop by %s before anything was served", interrupted)
        return ExitCode.OK


def _serve(
    settings: WorkerSettings,
    usage_secret: UnreadSecret | None,
    held: _Held,
    preflight: PreflightProcess,
    watch: StartWatch,
) -> ExitCode:
    # Late: this import is the runtime, most of a start, and reads the environment as it is by now.
    from bootstrap import handover  # noqa: PLC0415 - see above

    if settings.agent.code and (
        fault := agent_code.find_fault(settings.agent.code, settings.secrets())
    ):
        raise UnusableSetting(fault)
    watch.check()
    handover.prepare(settings, held.listener)
    if usage_secret:  # only now: what calls are forked from never held it
        settings = usage_secret.complete(settings)
    sent = watch.wait(preflight.next_report)
    check.record(sent.report, settings, but="" if sent.is_final else LAST)
    held.state_dir.write(report=sent.report.as_dict())
    if sent.report.verdict == "fail":
        held.state_dir.write(exit_code=int(sent.report.exit_code))
        return sent.report.exit_code
    if sent.is_final:
        preflight.close()
    else:
        preflight.relieve()

    def on_state(state: WorkerState, exit_code: int | None) -> None:
        held.state_dir.write(state=state, exit_code=exit_code)
        # The worker's loop runs and has the signals by now.
        watch.pass_on()

    final_report = partial(_final_report, preflight, sent.report, settings, held.state_dir)
    code = handover.serve(
        settings,
        report=sent.report.as_dict(),
        final_report=None if sent.is_final else final_report,
        health_socket=held.listener,
        on_state=on_state,
    )
    interruptions.ignore_from_now_on()
    held.state_dir.write(exit_code=int(code))
    return code


async def _final_report(
    preflight: PreflightProcess, recorded: Report, settings: WorkerSettings, state_dir: StateDir
) -> tuple[dict[str, Any], ExitCode]:
    """Wait for the end of the look for rivals, during which the worker registers."""
    report = (await preflight.final_report()).report
    preflight.close()
    check.record_rest(report, recorded, settings)
    state_dir.write(report=report.as_dict())
    return report.as_dict(), report.exit_code


@contextmanager
def _holding(settings: WorkerSettings) -> Iterator[_Held]:
    try:
        state_dir = acquire(settings.host.state_dir)
    except StateDirFault as fault:
        example = EXAMPLES["STATE_DIR"]
        raise UnusableSetting(Finding(WELLFORMED, "STATE_DIR", str(fault), example)) from None
    try:
        with listen(settings.host.health_host, settings.host.health_port) as listener:
            state_dir.write(port=listener.getsockname()[1])
            yield _Held(state_dir, listener)
    except Interrupted:
        state_dir.write(exit_code=int(ExitCode.OK))
        raise
    except Exception as error:  # noted in state.json, whatever it is, and raised again
        state_dir.write(exit_code=int(exit_messages.of_error(error).code))
        raise
    finally:
        state_dir.release()
