"""What is played before the fork leaves nothing behind but what calls would have built."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]

PROGRAM = """
import asyncio, json, os, sys, threading
from worker.forking.rehearsal import rehearse
from worker.forking.warm_up import warm_up

def seen():
    return {
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "native_threads": len(os.listdir("/proc/self/task")),
        "modules": sorted(sys.modules),
    }

warm_up()
told = [seen()]
for _ in range(2):
    rehearse()
    told.append(seen())
print(json.dumps(told))
"""

# Each of these was imported in every call, while its caller waited for the first answer.
OF_EVERY_CALL = {
    "anyio._backends._asyncio",
    "jiter.jiter",
    "livekit.agents.llm.async_toolset",
    "multiprocessing.popen_forkserver",
    "numpy.fft",
    "openai.resources.audio.speech",
    "openai.resources.audio.transcriptions",
    "openai.resources.chat.completions.completions",
    "openai.resources.models",
}


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stderr == ""
    seen: list[dict[str, Any]] = json.loads(ran.stdout)
    return seen


@pytest.mark.parametrize(
    "fault", ["def fault(request): raise OSError", "def fault(request): 1 / 0"]
)
def test_one_that_is_broken_off_says_so_and_stops_no_start(fault: str) -> None:
    program = f"""
from worker.forking import fork_server, rehearsal
from worker.forking.warm_up import warm_up
{fault}
rehearsal._answer = fault
rehearsal._LONGEST_SECONDS = 0.5
warm_up()
print(rehearsal.rehearse())
print(fork_server.fork_call_server())
fork_server.end_call_server()
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        # numpy has a thread of its own otherwise, and then nothing is forked.
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    first, second = ran.stdout.splitlines()
    assert first.startswith("the rehearsal was broken off (")
    assert second == "None"


def test_it_loads_what_every_call_would_load(told: list[dict[str, Any]]) -> None:
    _, after, _ = told
    assert set(after["modules"]) >= OF_EVERY_CALL


def test_a_second_exchange_finds_everything_there(told: list[dict[str, Any]]) -> None:
    _, first, second = told
    assert second["modules"] == first["modules"]


@pytest.mark.parametrize("left", ["files", "threads", "native_threads"])
def test_it_leaves_no_thread_and_no_file(told: list[dict[str, Any]], left: str) -> None:
    before, first, second = told
    assert before[left] == first[left] == second[left]
