"""What a launcher that is not root says of a worker's memory; in processes of their own."""

import subprocess
import sys

import pytest

# Without the rights of root. To give them up closes a process to others; 4, 1 opens it again.
PROGRAM = """
import ctypes, os, signal
from control.launchers.process import _group_memory
from worker.forking import privacy

os.setgid(65534)
os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
ready, told = os.pipe()
if (worker := os.fork()) == 0:
    os.setpgid(0, 0)
    {before}
    os.write(told, b"x")
    signal.pause()
os.read(ready, 1)
print(_group_memory(worker) is None)
os.kill(worker, signal.SIGKILL)
os.wait()
"""


@pytest.mark.parametrize(("before", "is_unknown"), [("pass", False), ("privacy.seclude()", True)])
def test_memory_that_is_closed_is_unknown_and_not_less(before: str, is_unknown: bool) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"{is_unknown}\n"
