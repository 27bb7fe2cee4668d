"""The scripted language model."""

import json
from typing import Any

import pytest

from sandbox.speech.models.language_model import UNKNOWN, reply

SYSTEM = {
    "role": "system",
    "content": "You are the assistant of Acme. We are open from nine to five on Saturdays. "
    "Parking is free behind the building.",
}
ORDER_TOOL = {
    "type": "function",
    "function": {
        "name": "order_state",
        "description": "Look up the state of an order by its number.",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}},
    },
}


def _ask(question: str, *tools: dict[str, Any]) -> Any:
    return reply([SYSTEM, {"role": "user", "content": question}], tools)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When do you open on a Saturday?", "We are open from nine to five on Saturdays."),
        ("Where can I park? Is parking free?", "Parking is free behind the building."),
        ("What is the capital of France?", UNKNOWN),
    ],
)
def test_it_answers_with_the_sentence_that_shares_most_words(question: str, answer: str) -> None:
    assert _ask(question).text == answer


def test_it_says_what_the_instructions_quote_when_nobody_has_asked() -> None:
    instructions = {"role": "system", "content": 'You help. Say exactly: "Good morning."'}
    assert reply([instructions]).text == "Good morning."


def test_it_calls_the_tool_that_fits_with_arguments_from_the_question() -> None:
    tool_call = _ask("What is the state of my order number 42?", ORDER_TOOL).tool_call
    assert tool_call.name == "order_state"
    assert json.loads(tool_call.arguments) == {"number": 42}


def test_it_answers_itself_when_no_tool_fits() -> None:
    assert _ask("Is parking free?", ORDER_TOOL).tool_call is None


def test_it_says_what_a_tool_has_found() -> None:
    result = {"role": "tool", "content": '{"state": "shipped"}'}
    assert reply([SYSTEM, {"role": "user", "content": "My order?"}, result]).text == (
        "The state is shipped."
    )


def test_it_takes_an_argument_with_choices_from_the_words_that_were_said() -> None:
    tool = {
        "name": "book_table",
        "description": "Book a table for a day.",
        "parameters": {"properties": {"day": {"type": "string", "enum": ["Monday", "Friday"]}}},
    }
    tool_call = _ask("Please book a table on Friday.", tool).tool_call
    assert json.loads(tool_call.arguments) == {"day": "Friday"}
