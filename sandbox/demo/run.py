"""The steps of the demo: start two tenants, call each, try to cross over, show the result."""

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from project.faults import ProjectFault
from sandbox.callers.backend import default_tenant_project, dispatch_by_room
from sandbox.callers.caller import NothingHeard, call
from sandbox.child import StartFault, end_all
from sandbox.demo import isolation
from sandbox.demo.isolation import IsolationFault
from sandbox.demo.summary import commands_to_try, summary_table, timings
from sandbox.demo.tenants import TENANTS, DemoTenant, StartedTenant
from sandbox.servers import RunningProject, start_project
from sandbox.speech.process import RunningSpeech, start_speech
from sandbox.tenant import start_tenant, tenant_variables, write_env_file

INTERRUPTED = 130
_FAILED = 1


class DemoFault(Exception):
    """A step that did not show what it should; says which and why."""


class Demo:
    """One run of the demo; it prints each step with the seconds since its start."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder, self._console = folder, console
        self._began_at = time.monotonic()

    async def run(self, keep: bool) -> None:
        """Start everything, make both calls, show the isolation, print the summary.

        Raises:
            DemoFault, StartFault, ProjectFault, NothingHeard, IsolationFault: what did not work.
        """
        speech = self._start_speech()
        tenants = self._start_tenants(speech)
        # One after the other: the times shown are of a machine that answers one caller.
        tenants = [await self._call(started, speech) for started in tenants]
        refusals = await self._show_isolation(*tenants)
        self._console.print(summary_table(tenants, refusals))
        if keep:
            self._console.print(commands_to_try(tenants, speech), soft_wrap=True)
            await asyncio.Event().wait()
        for started in tenants:
            self._stop(started)

    def _print(self, text: str) -> None:
        elapsed = time.monotonic() - self._began_at
        self._console.print(f"[dim]{elapsed:5.1f} s[/dim]  {text}", soft_wrap=True)

    def _start_speech(self) -> RunningSpeech:
        self._print("speech: loading Whisper and Piper behind an OpenAI-compatible endpoint …")
        return start_speech(folder=self._folder, wait=False)

    def _start_tenants(self, speech: RunningSpeech) -> list[StartedTenant]:
        projects = [self._start_project(tenant) for tenant in TENANTS]
        speech.wait_until_ready()
        self._print(f"speech: answers at {speech.url}")
        tenants = [
            self._start_worker(tenant, project, speech)
            for tenant, project in zip(TENANTS, projects, strict=True)
        ]
        for started in tenants:
            started.worker.wait_until_ready()
            self._print_registration(started)
        return tenants

    def _start_project(self, tenant: DemoTenant) -> RunningProject:
        project = start_project(tenant.id, folder=self._folder)
        self._print(f"{tenant.id}: its LiveKit project is a livekit-server at {project.url}")
        return project

    def _start_worker(
        self, tenant: DemoTenant, project: RunningProject, speech: RunningSpeech
    ) -> StartedTenant:
        env_file = self._folder / f"{tenant.id}.env"
        variables = tenant_variables(tenant.id, project.credentials, speech)
        write_env_file(env_file, variables, tenant.agent_config)
        self._print(f"{tenant.id}: entrypoint.sh run --env-file {env_file.name} …")
        worker = start_tenant(tenant.id, env_file, folder=self._folder / tenant.id)
        tenant_project = default_tenant_project(tenant.id, project.credentials)
        return StartedTenant(tenant, tenant_project, worker)

    def _print_registration(self, started: StartedTenant) -> None:
        status, credentials = started.worker.status(), started.project.credentials
        self._print(
            f"{started.tenant.id}: registered as [bold]{status['agent_name']}[/bold]"
            f" (worker {status['worker_id']}) on project {credentials.host},"
            f" key fingerprint {credentials.fingerprint}"
        )

    async def _call(self, started: StartedTenant, speech: RunningSpeech) -> StartedTenant:
        tenant, name = started.tenant, started.tenant.id
        details = await dispatch_by_room(started.project)
        self._print(f"{name}: a caller joins {details.room} …")
        result = await call(
            details.url,
            details.token,
            speech=speech,
            say=tenant.question,
            since=details.at,
            on_step=lambda step: self._print(f"{name}: the caller {step}"),
        )
        self._print(f"{name}: the agent said: “{result.greeting_text}”")
        self._print(f"{name}: the caller asked: “{tenant.question}”")
        self._print(f"{name}: the agent answered: “{result.answer_text}”")
        self._print(f"{name}: {timings(result)}")
        if tenant.expected not in result.answer_text.lower():
            raise DemoFault(f"{name}'s agent should have said “{tenant.expected}” in its answer")
        return replace(started, call=result)

    async def _show_isolation(self, acme: StartedTenant, globex: StartedTenant) -> tuple[str, str]:
        key_refusal = await isolation.foreign_key_is_refused(globex.project, acme.project)
        self._print(f"isolation: globex's key at acme's project is refused: {key_refusal}")
        room_refusal = await isolation.foreign_room_is_refused(
            globex.project, acme.project, acme.worker
        )
        self._print(
            "isolation: a dispatch for a globex room, sent to acme's worker, is refused by the"
            f" guard: {room_refusal}"
        )
        return key_refusal, room_refusal

    def _stop(self, started: StartedTenant) -> None:
        name, exit_code = started.tenant.id, started.worker.stop()
        self._print(f"{name}: its worker stopped with exit code {exit_code}")
        if exit_code != 0:
            raise DemoFault(f"{name}'s worker ended with {exit_code} instead of 0")


def run(keep: bool) -> int:
    """Run the demo and give its exit code; no process is left, whatever happens."""
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="livekit-tenant-demo-"))
    with _interruptible(), _removed_at_end(folder):
        try:
            asyncio.run(Demo(folder, console).run(keep))
        except (DemoFault, StartFault, ProjectFault, NothingHeard, IsolationFault) as fault:
            console.print(f"\n[bold red]FAILED[/bold red] {fault}", soft_wrap=True)
            _show_logs(folder, console)
            return _FAILED
        except (KeyboardInterrupt, asyncio.CancelledError):
            console.print("\ninterrupted; all that was started is ended")
            return 0 if keep else INTERRUPTED
    console.print("[bold green]done[/bold green]: nothing was left running")
    return 0


@contextmanager
def _interruptible() -> Iterator[None]:
    """Treat SIGTERM and a closed terminal like Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    yield


@contextmanager
def _removed_at_end(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        # A second Ctrl-C must not interrupt the end of the first.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end_all()
        shutil.rmtree(folder, ignore_errors=True)


def _show_logs(folder: Path, console: Console) -> None:
    for log in sorted(folder.rglob("*.log")):
        console.print(f"\n[bold]the end of {log.name}[/bold]")
        console.print(log.read_text(errors="replace")[-1500:], markup=False, soft_wrap=True)
