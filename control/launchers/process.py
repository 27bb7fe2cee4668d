"""The launcher for development: every tenant's worker is a child process of this machine."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from contract.programs import ROOT
from contract.records.worker_status import StateFile
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
        self._records = settings.folder / "workers"
        self._states = settings.folder / "state"
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    async def runtime(self) -> str:
        """Name the command that is run."""
        return " ".join(self._command)

    @property
    def _command(self) -> tuple[str, ...]:
        return self._settings.worker_command or (sys.executable, "-m", "bootstrap", "run")

    async def workers(self) -> tuple[Worker, ...]:
        """List what was started and not yet removed, whoever started it."""
        folders = sorted(self._records.iterdir()) if self._records.is_dir() else []
        records = [worker_record.load(folder) for folder in folders]
        return tuple(_worker(self._look(record)) for record in records if record is not None)

    def _look(self, record: WorkerRecord) -> WorkerRecord:
        """Hold a record against the process; an ending is written down where it is first seen."""
        child = self._children.get(record.id)
        code = _exit_code(child.poll()) if child else None
        is_known = record.ended_at is not None and (code is None or code == record.exit_code)
        if is_known or (code is None and _is_running(record)):
            return record
        state = _own_state(record)
        code = state.exit_code if code is None else code
        record = record.ended(code, time.time(), state.cause or self._last_line(record))
        worker_record.save(self._records / record.id, record)
        return record

    def _last_line(self, record: WorkerRecord) -> str:
        try:
            with (self._records / record.id / "log").open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                return worker_state.last_line(log.read())
        except OSError:
            return ""

    async def start(self, spec: WorkerSpec, slot: int) -> Worker:
        """Start a child with this tenant's variables alone; its output goes to its own log."""
        name = f"{spec.tenant}.{new_nonce()[:8]}"
        folder, state_dir = self._records / name, self._states / spec.tenant / str(slot)
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = mounted_files.write(folder / "files", spec.files)
        environment = self._environment(spec, state_dir, files)
        try:
            child = self._spawn(folder, environment)
        except OSError as error:
            mounted_files.remove(folder)
            raise LauncherFault(f"cannot run {self._command[0]}: {error.strerror}") from error
        self._children[name] = child
        record = WorkerRecord(
            id=name,
            tenant=spec.tenant,
            spec_hash=spec.hash(await self.runtime()),
            slot=slot,
            started_at=time.time(),
            restarts=spec.restarts,
            failures=spec.failures,
            last_cause=spec.last_cause,
            state_dir=str(state_dir),
            pid=child.pid,
            process_start_time=process_start_time(child.pid) or 0,
        )
        worker_record.save(folder, record)
        return _worker(record)

    def _environment(
        self, spec: WorkerSpec, state_dir: Path, files: dict[str, Path]
    ) -> dict[str, str]:
        """Compose a whole environment: a little of the host, the tenant's, and where it lives."""
        return {
            **dict(self._settings.host_environment),
            "PYTHONPATH": str(ROOT),
            "HEALTH_HOST": "127.0.0.1",
            "HEALTH_PORT": "0",
            "DRAIN_SECONDS": str(self._settings.drain_seconds),
            **dict(self._settings.host_variables),
            **spec.plain(),
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
        record = worker_record.load(self._records / worker.id)
        if record is None or record.draining_since is not None:
            return
        # Written first: a control plane that dies in between has asked at most once.
        worker_record.save(self._records / worker.id, record.draining(time.time()))
        if _is_running(record):
            os.kill(record.pid, signal.SIGTERM)

    async def kill(self, worker: Worker) -> None:
        """Send SIGKILL to the worker and the calls it has forked."""
        record = worker_record.load(self._records / worker.id)
        if record is not None and _is_running(record):
            os.killpg(record.pid, signal.SIGKILL)

    async def remove(self, worker: Worker) -> None:
        """Forget an ended worker and its log; STATE_DIR stays."""
        self._children.pop(worker.id, None)
        await asyncio.to_thread(mounted_files.remove, self._records / worker.id)

    async def memory_bytes(self, worker: Worker) -> int | None:
        """Sum the proportional memory (PSS) of the worker's process group."""
        record = worker_record.load(self._records / worker.id)
        return await asyncio.to_thread(_group_memory, record.pid) if record else None

    async def close(self) -> None:
        """Let go; the children go on."""


def _exit_code(returned: int | None) -> int | None:
    """Write death by a signal as shells and Docker do: 128 + its number."""
    return 128 - returned if returned is not None and returned < 0 else returned


def _is_running(record: WorkerRecord) -> bool:
    return process_start_time(record.pid) == record.process_start_time


def _own_state(record: WorkerRecord) -> StateFile:
    """Read what this worker has written of itself, and no former one in its slot."""
    state = worker_state.read(Path(record.state_dir))
    return state if state.pid == record.pid else StateFile()


def _worker(record: WorkerRecord) -> Worker:
    ending = health_url = None
    if record.ended_at is not None:
        ending = WorkerExit(record.exit_code, record.ended_at, record.cause)
    elif (port := _own_state(record).port) is not None:
        health_url = f"http://127.0.0.1:{port}"
    return Worker(
        id=record.id,
        tenant=record.tenant,
        spec_hash=record.spec_hash,
        slot=record.slot,
        started_at=record.started_at,
        restarts=record.restarts,
        failures=record.failures,
        last_cause=record.last_cause,
        health_url=health_url,
        draining_since=record.draining_since,
        ending=ending,
    )


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
