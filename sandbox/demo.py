"""The demo: two tenants, each with its own project and worker, each answering its own caller."""

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
from sandbox import isolation
from sandbox.caller import NothingHeard, call
from sandbox.cast import CAST, Role
from sandbox.child import StartFault, end_all
from sandbox.closing import closing_table, how_to_play, timings
from sandbox.dispatching import account, arrange
from sandbox.isolation import Breach
from sandbox.player import Player
from sandbox.servers import RunningProject, start_project
from sandbox.speech.running import RunningSpeech, start_speech
from sandbox.tenant import start_tenant, tenant_variables, write_env_file

INTERRUPTED = 130
_FAILED = 1


class DemoFault(Exception):
    """A step that did not show what it should; says which and why."""


class Demo:
    """One performance, its progress told line by line."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder, self._console = folder, console
        self._began = time.monotonic()

    async def perform(self, keep: bool) -> None:
        """Start everything, make both calls, show the isolation, close with a table.

        Raises:
            DemoFault, StartFault, ProjectFault, NothingHeard, Breach: what did not work.
        """
        speech = self._start_speech()
        players = self._start_workers(speech)
        # One after the other: the times shown are of a machine that answers one caller.
        players = [await self._call(player, speech) for player in players]
        proofs = await self._show_isolation(*players)
        self._console.print(closing_table(players, proofs))
        if keep:
            self._console.print(how_to_play(players, speech), soft_wrap=True)
            await asyncio.Event().wait()
        for player in players:
            self._stop(player)

    def _say(self, text: str) -> None:
        elapsed = time.monotonic() - self._began
        self._console.print(f"[dim]{elapsed:5.1f} s[/dim]  {text}", soft_wrap=True)

    def _start_speech(self) -> RunningSpeech:
        self._say("speech: loading Whisper and Piper behind an OpenAI-compatible endpoint …")
        return start_speech(folder=self._folder, wait=False)

    def _start_workers(self, speech: RunningSpeech) -> list[Player]:
        projects = [self._start_project(role) for role in CAST]
        speech.wait_until_ready()
        self._say(f"speech: answers at {speech.url}")
        players = [
            self._start_worker(role, project, speech)
            for role, project in zip(CAST, projects, strict=True)
        ]
        for player in players:
            player.worker.wait_until_ready()
            self._introduce(player)
        return players

    def _start_project(self, role: Role) -> RunningProject:
        project = start_project(role.tenant, folder=self._folder)
        self._say(f"{role.tenant}: its LiveKit project is a livekit-server at {project.url}")
        return project

    def _start_worker(self, role: Role, project: RunningProject, speech: RunningSpeech) -> Player:
        env_file = self._folder / f"{role.tenant}.env"
        variables = tenant_variables(role.tenant, project.credentials, speech)
        write_env_file(env_file, variables, role.agent_config)
        self._say(f"{role.tenant}: entrypoint.sh run --env-file {env_file.name} …")
        worker = start_tenant(role.tenant, env_file, folder=self._folder / role.tenant)
        return Player(role, project, account(role.tenant, project.credentials), worker)

    def _introduce(self, player: Player) -> None:
        status = player.worker.status()
        self._say(
            f"{player.role.tenant}: registered as [bold]{status['agent_name']}[/bold]"
            f" (worker {status['worker_id']}) on project {player.account.credentials.host},"
            f" key fingerprint {player.account.credentials.fingerprint}"
        )

    async def _call(self, player: Player, speech: RunningSpeech) -> Player:
        name, role = player.role.tenant, player.role
        arranged = await arrange(player.account)
        self._say(f"{name}: a caller joins {arranged.room} …")
        heard = await call(
            arranged.url,
            arranged.token,
            speech=speech,
            say=role.question,
            since=arranged.at,
            tell=lambda step: self._say(f"{name}: the caller {step}"),
        )
        self._say(f"{name}: the agent said: “{heard.greeting_text}”")
        self._say(f"{name}: the caller asked: “{role.question}”")
        self._say(f"{name}: the agent answered: “{heard.answer_text}”")
        self._say(f"{name}: {timings(heard)}")
        if role.expected not in heard.answer_text.lower():
            raise DemoFault(f"{name}'s agent should have said “{role.expected}” in its answer")
        return replace(player, heard=heard)

    async def _show_isolation(self, acme: Player, globex: Player) -> tuple[str, str]:
        key = await isolation.foreign_key_is_refused(globex.account, acme.account)
        self._say(f"isolation: globex's key at acme's project is refused: {key}")
        room = await isolation.foreign_room_is_refused(globex.account, acme.account, acme.worker)
        self._say(
            "isolation: a dispatch for a globex room, sent to acme's worker, is refused by the"
            f" guard: {room}"
        )
        return key, room

    def _stop(self, player: Player) -> None:
        exit_code = player.worker.stop()
        self._say(f"{player.role.tenant}: its worker stopped with exit code {exit_code}")
        if exit_code != 0:
            raise DemoFault(f"{player.role.tenant}'s worker ended with {exit_code} instead of 0")


def run(keep: bool) -> int:
    """Run the demo and give its exit code; whatever happens, no process stays behind."""
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="livekit-tenant-demo-"))
    with _interruptible(), _cleaned(folder):
        try:
            asyncio.run(Demo(folder, console).perform(keep))
        except (DemoFault, StartFault, ProjectFault, NothingHeard, Breach) as fault:
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
    """Treat a closed terminal and a polite kill like Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    yield


@contextmanager
def _cleaned(folder: Path) -> Iterator[None]:
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
