"""A program for tests: forks processes as the worker does, and prints what each one is like."""

import json
import os
import random
import signal
import socket
import ssl
import sys
import threading
import uuid
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy.random

from worker.forking import fork_server
from worker.forking.rehearsal import rehearse
from worker.forking.warm_up import warm_up


def tell(pipe: Connection) -> None:
    """Send what a fresh process would be like, from inside a forked one."""
    fork_server.renew_randomness()
    pipe.send(
        {
            "pid": os.getpid(),
            "urandom": os.urandom(8).hex(),
            "random": random.random(),
            "uuid": uuid.uuid4().hex,
            "tls": ssl.RAND_bytes(8).hex(),
            "numpy": float(numpy.random.random()),
            "threads": threading.active_count(),
            "native_threads": len(os.listdir("/proc/self/task")),
            "ignored": [
                name
                for name in ("SIGTERM", "SIGINT", "SIGHUP")
                if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN
            ],
            "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
            "wakeup_fd": signal.set_wakeup_fd(-1),
            "files": _files(),
        }
    )
    pipe.close()


def _files() -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(os.readlink(link))
        except OSError:
            continue
    return sorted(found)


def main(count: int) -> None:
    """Warm up and rehearse, fork the fork server, have `count` processes told one after another."""
    warm_up()
    rehearse()
    held = socket.create_server(("127.0.0.1", 0))
    with Path(__file__).open() as kept:
        obstacle = fork_server.fork_call_server(close=[held])
        print(json.dumps({"obstacle": obstacle, "kept": kept.name}), flush=True)
        context = get_context("forkserver")
        for _ in range(count):
            ours, theirs = context.Pipe()
            process: Any = context.Process(target=tell, args=(theirs,))
            process.start()
            theirs.close()
            print(json.dumps(ours.recv()), flush=True)
            process.join()
            if process.exitcode:
                raise SystemExit(process.exitcode)
    server = fork_server.call_server_pid()
    fork_server.end_call_server()
    print(json.dumps({"is_gone": not Path(f"/proc/{server}").exists()}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
