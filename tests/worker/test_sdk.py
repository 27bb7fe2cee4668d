"""What we use of the SDK's and multiprocessing's private names is there; forking is safe."""

import asyncio
import inspect
import json
import os
import subprocess
import sys
from multiprocessing import connection, forkserver, resource_tracker
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import AgentServer, worker
from livekit.agents.ipc import job_proc_executor, job_proc_lazy_main, proc_pool, supervised_proc
from livekit.agents.job import JobContext, RunningJobInfo
from livekit.agents.utils import http_context
from pydantic import SecretStr

from worker import logs
from worker.forking import fork_server

pytestmark = pytest.mark.private_names

ROOT = Path(__file__).parent.parent.parent
PROGRAM = "tests.worker.forked"


def _source(what: Any) -> str:
    return inspect.getsource(what)


def _position(source: str, text: str) -> int:
    assert text in source
    return source.index(text)


def _told(code: str, **variables: str) -> str:
    """Run code in a process of its own; gives what it prints."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize(
    "name",
    [
        "_is_available",
        "_invoke_load_fnc",
        "_run_ws",
        "_handle_termination",
        "_update_worker_status",
        "_queue_msg",
    ],
)
def test_the_worker_has_the_method_that_we_override_or_call(name: str) -> None:
    assert callable(getattr(AgentServer, name))


@pytest.mark.parametrize(
    "assignment",
    ["self._http_session = ", "self._proc_pool = ", "self._draining", "self._closed = "],
)
def test_the_worker_has_the_field_that_we_touch(assignment: str) -> None:
    assert assignment in _source(AgentServer)


def test_the_worker_connects_and_registers_as_we_watch_it() -> None:
    source = _source(AgentServer._connection_task)
    assert "await self._http_session.ws_connect(" in source
    assert "await ws.receive_bytes()" in source
    assert "heartbeat=HEARTBEAT_INTERVAL" in source
    assert "await self._run_ws(ws)" in source
    assert "msg = await ws.receive()" in _source(AgentServer._run_ws)


def test_the_worker_is_started_before_its_connection_task_first_runs() -> None:
    source = _source(AgentServer.run)
    session, connecting, told = (
        _position(source, text)
        for text in (
            "self._http_session = aiohttp",
            "self._connection_task()",
            'self.emit("worker_started")',
        )
    )
    assert session < connecting < told
    assert "await" not in source[connecting:told]


def test_the_modules_constants_that_we_pin_are_read_when_used() -> None:
    assert isinstance(worker.HEARTBEAT_INTERVAL, int | float)
    assert isinstance(worker.UPDATE_LOAD_INTERVAL, int | float)
    assert "interval(UPDATE_LOAD_INTERVAL)" in _source(AgentServer.run)


def test_the_pool_tells_of_its_processes_in_the_order_that_the_line_needs() -> None:
    source = _source(proc_pool.ProcPool._proc_spawn_task)
    created, started, told = (
        _position(source, text)
        for text in (
            'self.emit("process_created", proc)',
            "await proc.start()",
            'self.emit("process_started", proc)',
        )
    )
    assert created < started < told
    assert 'self.emit("process_job_launched", proc)' in _source(proc_pool.ProcPool.launch_job)
    assert 'self.emit("process_closed", proc)' in _source(proc_pool.ProcPool._monitor_process_task)
    assert "user_arguments=self._user_args" in _source(
        job_proc_executor.ProcJobExecutor._create_process
    )
    assert "def pid(" in _source(supervised_proc.SupervisedProc)


def test_a_call_has_the_fields_that_we_read() -> None:
    assert "self._info = info" in _source(JobContext)
    assert {"url", "token", "received_at"} <= set(RunningJobInfo.__dataclass_fields__)
    assert callable(http_context._set_default_cert_env)
    assert callable(http_context._create_ssl_context)
    assert "user_arguments" in _source(job_proc_lazy_main._JobProc.initialize)


def test_the_warning_that_is_left_out_of_the_log_is_the_sdks() -> None:
    assert f'"{logs._EXPECTED}"' in _source(proc_pool)


def test_a_secret_is_emptied_in_place() -> None:
    secret = SecretStr("s")
    secret._secret_value = ""
    assert secret.get_secret_value() == ""


def test_the_standard_library_has_the_fields_that_forking_sets() -> None:
    assert vars(forkserver._forkserver).keys() >= fork_server._FORK_SERVER_FIELDS
    assert callable(forkserver._forkserver._stop)  # type: ignore[attr-defined] # private
    assert "_fd" in vars(resource_tracker._resource_tracker)
    assert callable(connection.arbitrary_address)  # type: ignore[attr-defined] # undocumented
    assert list(inspect.signature(forkserver.main).parameters)[:3] == [
        "listener_fd",
        "alive_r",
        "preload",
    ]


@pytest.mark.integration
def test_a_process_with_threads_is_not_forked_and_says_so() -> None:
    code = (
        "import threading, time; from worker.forking import fork_server, warm_up;"
        "threading.Thread(target=time.sleep, args=(5,), daemon=True, name='busy').start();"
        "print(fork_server.fork_call_server(), fork_server.call_server_pid())"
    )
    obstacle, _, pid = _told(code).rpartition(" ")
    assert obstacle.startswith("threads are running already: busy")
    assert pid == "None\n"


@pytest.mark.integration
def test_of_a_fork_server_that_changed_the_standard_librarys_own_is_used() -> None:
    code = (
        "from multiprocessing import forkserver; from worker.forking import fork_server, warm_up;"
        "del forkserver._forkserver._forkserver_pid;"
        "print(fork_server.fork_call_server()); print(fork_server.call_server_pid())"
    )
    assert _told(code) == "this Python's fork server has no _forkserver_pid\nNone\n"


@pytest.mark.integration
def test_an_sdk_that_changed_is_told_and_calls_are_forked_all_the_same() -> None:
    code = (
        "from livekit.agents.utils import http_context;"
        "from worker.forking import fork_server, warm_up;"
        "del http_context._create_ssl_context;"
        "print(warm_up.warm_up()); print(fork_server.fork_call_server());"
        "fork_server.end_call_server()"
    )
    # numpy has a thread of its own otherwise, and then nothing is forked.
    warmed, forked = _told(code, OPENBLAS_NUM_THREADS="1").splitlines()
    assert warmed.startswith("this SDK is not the one that is known here (")
    assert "_create_ssl_context" in warmed
    assert forked == "None"


def test_a_process_with_a_loop_is_not_forked() -> None:
    async def ask() -> str | None:
        return fork_server._obstacle()

    obstacle = asyncio.run(ask())
    assert obstacle is not None
    assert "running already" in obstacle


@pytest.mark.integration
def test_200_processes_in_a_row_are_as_fresh_ones() -> None:
    told = subprocess.run(
        [sys.executable, "-m", PROGRAM, "200"],
        capture_output=True,
        text=True,
        timeout=110,
        cwd=ROOT,
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )
    assert told.returncode == 0, told.stderr
    first, *processes, last = (json.loads(line) for line in told.stdout.splitlines())
    assert first["obstacle"] is None
    assert last == {"is_gone": True}
    assert len(processes) == 200
    for secret in ("pid", "urandom", "random", "uuid", "tls", "numpy"):
        assert len({one[secret] for one in processes}) == 200, f"two processes share {secret}"
    for one in processes:
        assert one["threads"] == one["native_threads"] == 1
        assert one["ignored"] == ["SIGTERM", "SIGINT", "SIGHUP"]
        assert one["blocked"] == []
        assert one["wakeup_fd"] == -1
        assert first["kept"] not in one["files"]
        assert not any("eventpoll" in name for name in one["files"])
    # As many descriptors at the end as at the beginning: nothing piles up in the fork server.
    assert len(processes[0]["files"]) == len(processes[-1]["files"])
    assert sum("socket:" in name for name in processes[-1]["files"]) <= 1
