"""The Docker Engine of our own: it starts, and ends with all that it started."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from contract.programs import ROOT
from sandbox.docker.engine import EngineFault, start_engine

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


# In a network namespace of its own: on the machine's network others come and go meanwhile.
STARTED = """
import sys
from pathlib import Path
from sandbox.docker.engine import start_engine

def interfaces():
    return [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]

print(interfaces())
engine = start_engine(Path(sys.argv[1]))
print(interfaces())
engine.stop()
"""


def test_an_engine_leaves_the_network_alone(tmp_path: Path) -> None:
    ran = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", STARTED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    before, after = ran.stdout.splitlines()
    assert before == after == "['lo']"


def test_an_engine_starts_and_is_gone_when_killed(tmp_path: Path) -> None:
    engine = start_engine(tmp_path)
    try:
        networks = engine.ask("network", "ls", "--format", "{{.Name}}").split()
        assert sorted(networks) == ["host", "none"]
        assert not engine.has_image("nothing:here")
        with pytest.raises(EngineFault, match="docker inspect failed"):
            engine.inspect("nothing")
        socket = engine.host.removeprefix("unix://")
        assert processes_of(socket)
    finally:
        engine.kill()
    deadline = time.monotonic() + 30
    while commands := processes_of(str(Path(socket).parent)):
        assert time.monotonic() < deadline, commands
        time.sleep(0.05)


def processes_of(path_in_command: str) -> list[str]:
    """List the command lines of living processes that name a path."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if path_in_command in command:
            commands.append(command)
    return commands
