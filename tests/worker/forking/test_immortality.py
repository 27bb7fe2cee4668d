"""What is loaded before a fork and stays unwritten after it; in processes of their own."""

import subprocess
import sys

import pytest

from worker.forking import immortality

KNOWN = (3, 12) <= sys.version_info < (3, 14)

PAGES = """
import gc, logging, os, types
import livekit.agents
from worker.forking import immortality

logging.basicConfig(level=logging.INFO)

def written_kib():
    rollup = open("/proc/self/smaps_rollup").read()
    return int(rollup.split("Private_Dirty:")[1].split()[0])

functions = [one for one in gc.get_objects() if type(one) is types.FunctionType]
{before}
immortality.freeze()
if os.fork() == 0:
    first = written_kib()
    for function in functions:
        used = function.__code__
    print(written_kib() - first, flush=True)
    os._exit(0)
os.wait()
"""
UNKNOWN = "immortality.is_known = lambda: False"

LIVES = """
import weakref
from worker.forking import immortality

class Thing:
    def __del__(self):
        print("gone")

def use():
    return "used", (1, 2), [len(part) for part in ("a", "bc")]

thing, kept = Thing(), use()
immortality.freeze()
for _ in range(100_000):
    assert use() == kept
seen = weakref.ref(thing)
del thing
print(seen() is None)
"""


def test_this_python_knows_immortal_objects_if_its_version_does() -> None:
    assert immortality.is_known() == KNOWN


def test_functions_that_are_used_after_a_fork_are_written_to_only_where_counts_are() -> None:
    counted, _ = _written_kib(UNKNOWN)
    assert counted > 4_000
    left_alone, _ = _written_kib("")
    assert left_alone < counted / 8 if KNOWN else left_alone > counted / 2


@pytest.mark.parametrize(("before", "is_told"), [(UNKNOWN, True), ("", not KNOWN)])
def test_a_python_that_counts_says_what_it_costs(before: str, is_told: bool) -> None:
    _, log = _written_kib(before)
    assert ("10 MiB more than with Python 3.12 or 3.13" in log) == is_told


def test_an_instance_is_mortal_still_and_code_runs_on() -> None:
    assert _run(LIVES).stdout == "gone\nTrue\n"


def _written_kib(before: str) -> tuple[int, str]:
    ran = _run(PAGES.format(before=before))
    return int(ran.stdout), ran.stderr


def _run(program: str) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran
