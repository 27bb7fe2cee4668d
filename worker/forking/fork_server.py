"""The process that calls are forked from, by private names of multiprocessing; tests pin each.

Where forking cannot work, `fork_call_server` says why, and the SDK's own forkserver, which imports
everything again, does its work.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from multiprocessing import connection, forkserver, resource_tracker
from typing import Any, NoReturn, cast

from worker.forking import arena, immortality

# The standard library's own objects, whose fields no stub knows.
_fork_server: Any = forkserver._forkserver
_tracker: Any = resource_tracker._resource_tracker
_FORK_SERVER_FIELDS = {"_forkserver_address", "_forkserver_alive_fd", "_forkserver_pid"}
_address: Callable[[str], str] = connection.arbitrary_address  # type: ignore[attr-defined] # undocumented


def fork_call_server(close: Iterable[socket.socket] = ()) -> str | None:
    """Fork the process that call processes are forked from, from this one as it is now.

    It shares this process's memory, so this has to be single-threaded and without a loop. Gives
    None, or why it was not done; the SDK then starts the forkserver of the standard library.

    Args:
        close: sockets that only the main process may hold.
    """
    if obstacle := _obstacle():
        return obstacle
    immortality.freeze()
    address = _address("AF_UNIX")
    alive_r, alive_w = os.pipe()
    # Nothing of ours needs the resource tracker, a process of 7 MiB: its pipe leads nowhere.
    _tracker._fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        os.chmod(address, 0o600)
        listener.listen()
        pid = os.fork()
        if pid == 0:
            _serve_forks(listener, alive_r, close)
    os.close(alive_r)
    _fork_server._forkserver_address = address
    _fork_server._forkserver_alive_fd = alive_w
    _fork_server._forkserver_pid = pid
    return None


def renew_randomness() -> None:
    """Give a forked process random numbers of its own; Python does it by itself, numpy does not."""
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def call_server_pid() -> int | None:
    """Give the process id of the fork server, forked by us or by the standard library."""
    return cast(int | None, vars(_fork_server).get("_forkserver_pid"))


def end_call_server() -> None:
    """End the fork server; its calls are over by now, so nothing is lost by SIGKILL."""
    if (pid := call_server_pid()) is not None:
        kill(pid)
        _fork_server._stop()


def kill(pid: int) -> None:
    """Send SIGKILL; a process that is gone already is fine."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _obstacle() -> str | None:
    if not sys.platform.startswith("linux"):
        return f"forking after these imports is not safe on {sys.platform}"
    if unknown := _FORK_SERVER_FIELDS - vars(_fork_server).keys():
        return f"this Python's fork server has no {', '.join(sorted(unknown))}"
    if threads := _other_threads():
        return f"threads are running already: {threads}"
    if call_server_pid() is not None:
        return "a fork server is running already"
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return "an event loop is running already"


def _other_threads() -> str:
    others = [
        thread.name for thread in threading.enumerate() if thread.ident != threading.get_ident()
    ]
    native = len(os.listdir("/proc/self/task")) - 1 - len(others)
    return ", ".join(others + ([f"{native} native"] if native > 0 else []))


def _serve_forks(
    listener: socket.socket,
    alive_r: int,
    close: Iterable[socket.socket],
) -> NoReturn:
    try:
        # A signal to the group must cut no call; calls inherit this from here.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for held in close:
            held.detach()
        arena.use_one()
        _close_all_but({0, 1, 2, listener.fileno(), alive_r, _tracker._fd})
        forkserver.main(listener.detach(), alive_r, [])
    finally:
        # Also after an exception: no frame of the main process below may ever run on here.
        os._exit(0)


def _close_all_but(kept: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:
                continue  # the listing's own descriptor
