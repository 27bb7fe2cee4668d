"""The settings process: a child that reads the settings for the main process.

Calls are forked from all that the main process has ever held by then. So it is told everything but
the usage secret, whichever source that came from, and reads that one only after the fork.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import NoReturn

from pydantic import SecretStr

from bootstrap import environment, exit_messages
from bootstrap.settings.settings import WorkerSettings, read
from contract.settings.findings import Findings

_Reading = Callable[[], WorkerSettings | Findings]


class SettingsProcessFault(Exception):
    """The child ended without the settings: a fault of ours."""


@dataclass(frozen=True)
class UnreadSecret:
    """The usage secret in a file without a name, which no process's memory holds."""

    descriptor: int

    def keep(self, settings: WorkerSettings) -> WorkerSettings:
        """Write the settings' secret into the file; gives the settings without it."""
        if settings.host.usage_secret is not None:
            os.write(self.descriptor, settings.host.usage_secret.get_secret_value().encode())
        return replace(settings, host=replace(settings.host, usage_secret=None))

    def complete(self, settings: WorkerSettings) -> WorkerSettings:
        """Read the secret, once, into this process; gives the settings with it."""
        with open(self.descriptor, "rb") as file:
            file.seek(0)
            text = file.read().decode()
        if not text:
            return settings
        return replace(settings, host=replace(settings.host, usage_secret=SecretStr(text)))


def read_apart(
    env_file: Path | None, *, is_terminal: bool
) -> tuple[WorkerSettings | Findings, UnreadSecret | None]:
    """Read all settings, or say what is wrong with them; the usage secret stays unread.

    To be called while this process has a single thread. Off Linux, where calls are not forked from
    it, the settings are complete and there is no second thing.

    Raises:
        SettingsProcessFault: the child ended without them.
    """
    reading = partial(_read, env_file, is_terminal=is_terminal)
    if sys.platform != "linux":
        return reading(), None
    secret = UnreadSecret(os.memfd_create("usage secret"))
    ours, theirs = Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        _send(reading, secret, theirs)
    theirs.close()
    environment.forget_set_apart()
    try:
        settings: WorkerSettings | Findings = ours.recv()
    except EOFError:
        raise SettingsProcessFault("the settings were not read; the line above says why") from None
    finally:
        ours.close()
        os.waitpid(pid, 0)
    return settings, secret


def _read(env_file: Path | None, *, is_terminal: bool) -> WorkerSettings | Findings:
    return read(environment.as_started(), env_file, is_terminal=is_terminal)


def _send(reading: _Reading, secret: UnreadSecret, theirs: Connection) -> NoReturn:
    code = 1
    try:
        settings = reading()
        theirs.send(secret.keep(settings) if isinstance(settings, WorkerSettings) else settings)
        code = 0
    except Exception as error:  # noqa: BLE001 - the edge of the child: nothing may unwind into the parent's frames
        exit_messages.tell(exit_messages.of_error(error))
    finally:
        os._exit(code)
