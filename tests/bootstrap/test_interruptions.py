"""Ctrl-C and SIGTERM: noted between steps, acted upon while waiting, passed on to the worker."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from bootstrap.exit_messages import Interrupted
from bootstrap.interruptions import StartWatch, run


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _send(number: int) -> None:
    os.kill(os.getpid(), number)


def test_a_signal_during_a_step_is_acted_upon_after_it() -> None:
    watch = StartWatch()
    watch.check()
    _send(signal.SIGTERM)
    _send(signal.SIGINT)
    with pytest.raises(Interrupted, match="SIGTERM"):
        watch.check()
    with pytest.raises(Interrupted):
        watch.wait(lambda: None)


def test_a_signal_ends_a_wait_and_a_second_one_disturbs_nothing() -> None:
    watch = StartWatch()
    with pytest.raises(Interrupted, match="SIGINT"):
        watch.wait(lambda: _send(signal.SIGINT))
    _send(signal.SIGINT)


def test_a_signal_that_came_too_early_reaches_whoever_takes_over() -> None:
    watch, came = StartWatch(), []
    watch.pass_on()
    _send(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda number, _frame: came.append(number))
    watch.pass_on()
    watch.pass_on()
    assert came == [signal.SIGTERM]


def test_an_interrupted_command_puts_its_things_away_first() -> None:
    steps = []

    async def work() -> None:
        try:
            _send(signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("put away")

    with pytest.raises(Interrupted, match="SIGTERM"):
        run(work())
    assert steps == ["put away"]


def test_a_command_that_is_not_interrupted_gives_its_result() -> None:
    async def work() -> int:
        return 7

    assert run(work()) == 7
