"""Who may look into the main process: nobody of its user; in processes of their own."""

import subprocess
import sys

import pytest

# Without the rights of root, as in a container. To give them up closes a process; 4, 1 opens it.
PROGRAM = """
import ctypes, os
from worker.forking import privacy

os.setgid(65534)
os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
waiting, go = os.pipe()
if os.fork() == 0:
    os.read(waiting, 1)
    for name in ("mem", "environ", "maps"):
        try:
            os.close(os.open(f"/proc/{{os.getppid()}}/{{name}}", os.O_RDONLY))
            print(name, "open", flush=True)
        except PermissionError:
            print(name, "closed", flush=True)
    os._exit(0)
{before}
os.write(go, b"x")
os.wait()
print(len(os.listdir("/proc/self/fd")) > 0)
"""


@pytest.mark.parametrize(("before", "found"), [("", "open"), ("privacy.seclude()", "closed")])
def test_a_secluded_process_is_closed_to_its_own_user_but_not_to_itself(
    before: str, found: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        f"mem {found}",
        f"environ {found}",
        f"maps {found}",
        "True",
    ]
