"""A real PostgreSQL of Debian's package on loopback, run as a user that is not root."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from sandbox.ports import free_port

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_USER = "postgres"
_READY_SECONDS = 60.0


class RunningPostgres:
    """One server with databases of its own; it ends with the process that started it."""

    def __init__(self) -> None:
        _install_if_absent()
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=_fast_folder()))
        if os.geteuid() == 0:
            shutil.chown(self._folder, _USER, _USER)
        self._data = self._folder / "data"
        program = str(_PROGRAMS / "initdb")
        options = ["-A", "trust", "-U", _USER, "-N", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run(
            [*_as_user(), program, "-D", str(self._data), *options],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
        )
        self._process = self._started()

    def empty_database(self) -> str:
        """Empty the one database, which is much quicker than another, and give its URL."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/postgres"

    @property
    def dsn(self) -> str:
        """Say where psql finds it."""
        return f"host=127.0.0.1 port={self.port} user={_USER} dbname=postgres"

    def psql(self, statement: str) -> str:
        """Run a statement the way the operator does."""
        server = ["-h", "127.0.0.1", "-p", str(self.port), "-U", _USER, "-d", "postgres"]
        done = subprocess.run(
            ["psql", "-X", "-v", "ON_ERROR_STOP=1", *server, "-c", statement],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def stop(self) -> None:
        """Cut every connection and end."""
        self._process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
        self._process.wait(30)

    def start(self) -> None:
        """Start again on the same port with the same data."""
        self._process = self._started()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be stopped for as long as the context lasts."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        """End, and leave nothing behind."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _started(self) -> subprocess.Popen[bytes]:
        program = str(_PROGRAMS / "postgres")
        where = ["-p", str(self.port), "-h", "127.0.0.1", "-k", str(self._folder)]
        quick = ["-c", "fsync=off", "-c", "max_connections=60"]
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*_as_user(pdeathsig=True), program, "-D", str(self._data), *where, *quick],
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
        self._wait_until_ready(process)
        return process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                psycopg.connect(self.dsn, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(0.05)


def _fast_folder() -> str:
    # Hundreds of small files: in memory where there is some.
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"


def _as_user(*, pdeathsig: bool = False) -> list[str]:
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam(_USER)
    command = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [*command, *(["--pdeathsig=QUIT"] if pdeathsig else [])]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def _install_if_absent() -> None:
    if (_PROGRAMS / "postgres").exists():
        return
    for command in (["update"], ["install", "-y", "--no-install-recommends", "postgresql"]):
        subprocess.run(
            ["apt-get", "-q", *command],
            check=True,
            stdout=subprocess.DEVNULL,
            env=dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"},
        )
