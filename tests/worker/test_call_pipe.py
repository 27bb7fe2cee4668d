"""The pipe between the main process and a call, and who may join when."""

import asyncio

import pytest

from worker.call_pipe import Finish, Message, PipeToCall, PipeToMain, Up, make_pair
from worker.main.join_queue import JoinQueue


async def test_what_a_call_says_is_heard_in_order_and_to_the_end() -> None:
    ours, theirs = make_pair()
    heard: list[Message] = []
    main, pipe = await PipeToCall.open(ours, heard.append), await PipeToMain.open(theirs)
    pipe.send_usage({"models": ["x" * 100_000]})
    pipe.count("joined_after", 0.5)
    pipe.end("completed")
    await pipe.close()
    await main.ended(30)
    assert [message.kind for message in heard] == [Up.USAGE, Up.COUNT, Up.ENDED]
    assert heard[1].body == {"metric": "joined_after", "value": 0.5}


async def test_the_first_reason_to_finish_stands() -> None:
    ours, theirs = make_pair()
    main, pipe = await PipeToCall.open(ours, lambda _: None), await PipeToMain.open(theirs)
    main.finish(Finish.WITHDRAWN)
    assert await pipe.finished() == Finish.WITHDRAWN
    assert pipe.is_withdrawn
    pipe.ask_to_finish(Finish.TIME_IS_UP)
    assert await pipe.finished() == Finish.WITHDRAWN
    await pipe.close()
    await main.ended(30)


async def test_a_call_waits_for_its_turn_and_a_reason_to_finish_ends_the_wait() -> None:
    ours, theirs = make_pair()
    heard: list[Message] = []
    main, pipe = await PipeToCall.open(ours, heard.append), await PipeToMain.open(theirs)
    waiting = asyncio.create_task(pipe.turn())
    while not heard:
        await asyncio.sleep(0.01)
    assert not waiting.done()
    main.may_join()
    await asyncio.wait_for(waiting, 30)
    await pipe.close()
    await main.ended(30)


async def test_a_line_that_is_cut_in_the_middle_ends_both_ends_quietly() -> None:
    ours, theirs = make_pair()
    main = await PipeToCall.open(ours, lambda _: None)
    theirs.sendall(b'{"kind": "us')
    theirs.close()
    await main.ended(30)
    main.finish(Finish.SHUTDOWN)


async def test_a_line_whose_words_make_trouble_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = make_pair()

    def trouble(_: Message) -> None:
        raise KeyError("reason")

    main, pipe = await PipeToCall.open(ours, trouble), await PipeToMain.open(theirs)
    pipe.end("completed")
    await pipe.close()
    await main.ended(30)
    assert "a call's pipe broke" in caplog.text


async def test_a_few_turns_are_given_at_once_and_the_next_when_one_comes_back() -> None:
    turns, given = JoinQueue(at_once=2), []
    for who in range(4):
        turns.ask(who, lambda who=who: given.append(who))  # type: ignore[misc] # bound early
    assert given == [0, 1]
    turns.give_back(1)
    assert given == [0, 1, 2]
    turns.give_back(3)  # it stops waiting
    turns.give_back(0)
    assert given == [0, 1, 2]


async def test_a_turn_that_is_not_given_back_is_over_by_itself() -> None:
    turns, begun = JoinQueue(at_once=1, longest_seconds=0.01), asyncio.Event()
    turns.ask("stuck", lambda: None)
    turns.ask("next", begun.set)
    await asyncio.wait_for(begun.wait(), 30)
