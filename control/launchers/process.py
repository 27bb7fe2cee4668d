"""The launcher for development: every tenant's worker is a child process of this machine."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from contract.programs import ROOT
from contract.tenant import new_nonce
from control.launchers import mounted_files, worker_record, worker_state
from control.launchers.launcher import LauncherFault, LauncherSettings, Worker, WorkerExit
from control.launchers.worker_record import WorkerRecord
from control.launchers.worker_spec import WorkerSpec
from control.process_start_time import process_start_time

_TAIL_BYTES = 8192


class ProcessLauncher:
    """Starts `python -m bootstrap run` in a process group of its own, and finds it again."""

    kind = "process"

    def __init__(self, settings: LauncherSettings) -> None:
        self._settings = settings
        self._entries = settings.folder / "workers"
        self._states = settings.folder / "state"
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    async def edition(self) -> str:
        """Name the command that is run."""
        return " ".join(self._command)

    @property
    def _command(self) -> tuple[str, ...]:
        return self._settings.worker_command or (sys.executable, "-m", "bootstrap", "run")

    async def workers(self) -> tuple[Worker, ...]:
        """List what was started and not yet removed, whoever started it."""
        folders = sorted(self._entries.iterdir()) if self._entries.is_dir() else []
        entries = [worker_record.load(folder) for folder in folders]
        return tuple(_worker(self._look(entry)) for entry in entries if entry is not None)

    def _look(self, entry: WorkerRecord) -> WorkerRecord:
        """Hold an entry against the process; an ending is written down where it is first seen."""
        child = self._children.get(entry.id)
        code = _exit_code(child.poll()) if child else None
        is_known = entry.ended_at is not None and (code is None or code == entry.exit_code)
        if is_known or (code is None and process_start_time(entry.pid) == entry.born):
            return entry
        said = worker_state.read(Path(entry.state_dir))
        if said.pid != entry.pid:
            said = worker_state.WorkerState()
        code = said.exit_code if code is None else code
        entry = entry.ended(code, time.time(), said.cause or self._last_words(entry))
        worker_record.save(self._entries / entry.id, entry)
        return entry

    def _last_words(self, entry: WorkerRecord) -> str:
        try:
            with (self._entries / entry.id / "log").open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                return worker_state.last_words(log.read())
        except OSError:
            return ""

    async def start(self, order: WorkerSpec, slot: int) -> Worker:
        """Start a child with this tenant's variables alone; its output goes to its own log."""
        name = f"{order.tenant}.{new_nonce()[:8]}"
        folder, state_dir = self._entries / name, self._states / order.tenant / str(slot)
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = mounted_files.write(folder / "files", order.files)
        environment = self._environment(order, state_dir, files)
        try:
            child = self._spawn(folder, environment)
        except OSError as error:
            mounted_files.remove(folder)
            raise LauncherFault(f"cannot run {self._command[0]}: {error.strerror}") from error
        self._children[name] = child
        entry = WorkerRecord(
            id=name,
            tenant=order.tenant,
            content=order.content(await self.edition()),
            slot=slot,
            started_at=time.time(),
            restarts=order.restarts,
            failures=order.failures,
            last_cause=order.last_cause,
            state_dir=str(state_dir),
            pid=child.pid,
            born=process_start_time(child.pid) or 0,
        )
        worker_record.save(folder, entry)
        return _worker(entry)

    def _environment(
        self, order: WorkerSpec, state_dir: Path, files: dict[str, Path]
    ) -> dict[str, str]:
        """Compose a whole environment: a little of the host, the tenant's, and where it lives."""
        return {
            **dict(self._settings.host_environment),
            "PYTHONPATH": str(ROOT),
            "HEALTH_HOST": "127.0.0.1",
            "HEALTH_PORT": "0",
            "DRAIN_SECONDS": str(self._settings.drain_seconds),
            **dict(self._settings.host_variables),
            **order.plain(),
            "STATE_DIR": str(state_dir),
            **{name: str(path) for name, path in files.items()},
        }

    def _spawn(self, folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        # A session of its own: neither the control plane's end nor a Ctrl-C reaches the calls.
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def drain(self, worker: Worker) -> None:
        """Send SIGTERM, once: a second one would hurry the calls."""
        entry = worker_record.load(self._entries / worker.id)
        if entry is None or entry.draining_since is not None:
            return
        # Written first: a control plane that dies in between has asked at most once.
        worker_record.save(self._entries / worker.id, _draining(entry))
        _signal(entry, signal.SIGTERM)

    async def kill(self, worker: Worker) -> None:
        """Send SIGKILL to the worker and the calls it has forked."""
        entry = worker_record.load(self._entries / worker.id)
        if entry is not None and process_start_time(entry.pid) == entry.born:
            os.killpg(entry.pid, signal.SIGKILL)

    async def remove(self, worker: Worker) -> None:
        """Forget an ended worker and its log; STATE_DIR stays."""
        self._children.pop(worker.id, None)
        await asyncio.to_thread(mounted_files.remove, self._entries / worker.id)

    async def memory_bytes(self, worker: Worker) -> int | None:
        """Sum the proportional memory (PSS) of the worker's process group."""
        entry = worker_record.load(self._entries / worker.id)
        return await asyncio.to_thread(_group_memory, entry.pid) if entry else None

    async def close(self) -> None:
        """Let go; the children go on."""


def _exit_code(returned: int | None) -> int | None:
    """Write death by a signal as shells and Docker do: 128 + its number."""
    return 128 - returned if returned is not None and returned < 0 else returned


def _draining(entry: WorkerRecord) -> WorkerRecord:
    return WorkerRecord(**{**vars(entry), "draining_since": time.time()})


def _worker(entry: WorkerRecord) -> Worker:
    said = worker_state.read(Path(entry.state_dir))
    is_its_own = said.pid == entry.pid and said.port is not None
    ending = None
    if entry.ended_at is not None:
        ending = WorkerExit(entry.exit_code, entry.ended_at, entry.cause)
    return Worker(
        id=entry.id,
        tenant=entry.tenant,
        content=entry.content,
        slot=entry.slot,
        started_at=entry.started_at,
        restarts=entry.restarts,
        failures=entry.failures,
        last_cause=entry.last_cause,
        health_url=f"http://127.0.0.1:{said.port}" if is_its_own and ending is None else None,
        draining_since=entry.draining_since,
        ending=ending,
    )


def _signal(entry: WorkerRecord, number: signal.Signals) -> None:
    if process_start_time(entry.pid) == entry.born:
        os.kill(entry.pid, number)


def _group_memory(leader: int) -> int | None:
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(path.name)) == leader:
                lines = (path / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except PermissionError:
            return None  # a worker's main process is closed to all but root
        except (OSError, ValueError):
            continue  # it ended while we looked
    return total * 1024 or None
