"""`status --watch` at a terminal: kept live, and left as it was found."""

import asyncio
import io
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from fcntl import ioctl
from pathlib import Path

import pytest
from rich.console import Console

from contract.programs import ROOT
from control.commands.fleet_watch import watch
from control.fleet.rows import FleetRow
from control.launchers.launcher import LauncherFault
from control.tenants.registry import TenantRegistration
from sandbox.child import plain_environment
from tests.control.planes import livekit, opened, sqlite, variables

pytestmark = pytest.mark.integration

ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"
CURSOR_HIDDEN, CURSOR_SHOWN = "\x1b[?25l", "\x1b[?25h"
CTRL_C = b"\x03"


class Terminal:
    """A pseudo-terminal of 80 by 24 with a command in it, as a person has it before them."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._ours, self._theirs = os.openpty()
        ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.found = termios.tcgetattr(self._theirs)
        self.shown = ""
        # A session of its own with this as its terminal, so that Ctrl-C comes through it.
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            env=environment | {"TERM": "xterm-256color"},
        )

    def read_until(self, is_there: Callable[[str], bool], seconds: float = 60.0) -> None:
        """Read what is shown until it is there."""
        deadline = time.monotonic() + seconds
        while not is_there(self.shown):
            assert time.monotonic() < deadline, self.shown
            if select.select([self._ours], [], [], 0.1)[0]:
                self.shown += os.read(self._ours, 65536).decode(errors="replace")

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._ours, keys)

    def wait(self) -> int:
        """Wait for the command's end; gives its exit code."""
        return self._process.wait(30)

    def attributes(self) -> list[object]:
        """Give how the terminal is set now."""
        return list(termios.tcgetattr(self._theirs))

    def close(self) -> None:
        """End the command, and forget the terminal."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)
        os.close(self._ours)
        os.close(self._theirs)


async def test_the_fleet_is_kept_live_until_ctrl_c_which_leaves_the_terminal_as_it_was(
    tmp_path: Path,
) -> None:
    given = variables(sqlite(tmp_path))
    async with opened(sqlite(tmp_path), CONTROL_SEALING_KEY=given["CONTROL_SEALING_KEY"]) as plane:
        await plane.registry.register(TenantRegistration("acme", settings=livekit("APIacme")))
        terminal = Terminal(
            [sys.executable, "-m", "control", "status", "--watch"],
            plain_environment() | {"PYTHONPATH": str(ROOT)} | given,
        )
        try:
            terminal.read_until(lambda shown: "acme.livekit.cloud" in shown)
            await plane.registry.register(
                TenantRegistration("globex", settings=livekit("APIglobex"))
            )
            terminal.read_until(lambda shown: "globex" in shown and "2 tenants" in shown)
            assert ENTERED in terminal.shown
            assert LEFT not in terminal.shown
            terminal.press(CTRL_C)
            terminal.read_until(lambda shown: LEFT in shown)
            code = terminal.wait()
            assert terminal.attributes() == terminal.found
        finally:
            terminal.close()
    assert code == 0
    assert "Traceback" not in terminal.shown
    assert terminal.shown.rfind(CURSOR_SHOWN) > terminal.shown.rfind(CURSOR_HIDDEN)


async def test_a_fault_is_shown_and_of_a_long_fleet_first_who_needs_a_look() -> None:
    calm = [FleetRow(f"calm-{n}", "a.example", "ready") for n in range(100)]
    ill = [FleetRow("ill", "b.example", "stopped (77)", last_cause="exit 77 refused")]
    looks = [calm + ill]
    faults = [LauncherFault("no Docker Engine answers")]
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=80, height=24)
    is_done = asyncio.Event()

    async def look() -> Sequence[FleetRow]:
        if faults:
            raise faults.pop()
        if not looks:
            is_done.set()
            await asyncio.Event().wait()
        return looks.pop()

    watching = asyncio.create_task(watch(look, console, pause_seconds=0.01), name="watch")
    await asyncio.wait_for(is_done.wait(), 30)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    faulty, _, fine = shown.getvalue().partition("101 tenants")
    assert "no Docker Engine answers" in faulty
    assert "no Docker Engine answers" not in fine
    assert fine.index("ill") < fine.index("calm-0")
    assert "ill: exit 77 refused" in fine.replace("\x1b[1;31m", "").replace("\x1b[0m", "")
    assert "more, 0 of which need a look" in fine
    assert fine.count("\n") < 24
