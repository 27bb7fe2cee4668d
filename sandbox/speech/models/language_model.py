"""The language model, a script: answers with the fitting sentence of its instructions, or a tool.

A small model from a package would invent facts. With a script a test knows the right answer, and
each tenant's own instructions give each tenant's own answers.
"""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = "I am sorry, I do not know that."

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_QUOTED = re.compile(r"[\"“]([^\"“”]+)[\"”]")
_WORD = re.compile(r"[a-z]+|\d+")
_ENDINGS = re.compile(r"(?<=[a-z]{3})(?:ing|ed|es|s)$")
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a an and any are as at be but by can could do does for from get give has have hello hi how"
        " i if in is it its like me my of on or our please say tell than that the their them there"
        " these they this to us was we were what when where which who will with would you your"
    )
)
_NUMBERS = _WORD.findall("zero one two three four five six seven eight nine ten eleven twelve")
_FITS_TOOL = 2  # words that a question and a tool's description must share


@dataclass(frozen=True)
class ToolCall:
    """A tool that the model wants called; arguments as JSON text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """What the model says, or the tool that it calls instead."""

    text: str
    tool_call: ToolCall | None = None


Message = Mapping[str, Any]


def reply(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> Reply:
    """Answer a conversation in the form of OpenAI's chat completions.

    A tool's result is said. A question is answered with a tool that fits, else with the sentence of
    the instructions that shares most words with it. Without a question, the text that the
    instructions quote last is said.
    """
    instructions = "\n".join(
        _text(message) for message in messages if message["role"] in ("system", "developer")
    )
    turns = [message for message in messages if message["role"] in ("user", "tool", "assistant")]
    last = turns[-1] if turns else None
    if last is not None and last["role"] == "tool":
        return Reply(_spell_out(_text(last)))
    if last is None or last["role"] == "assistant":
        return Reply(_opening(instructions))
    question = _text(last)
    if (tool_call := _tool_call(question, tools)) is not None:
        return Reply("", tool_call)
    return Reply(_best_sentence(question, instructions))


def prompt_text(messages: Sequence[Message]) -> str:
    """Give the text of all messages, for counting its tokens."""
    return "\n".join(_text(message) for message in messages)


def _text(message: Message) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text") or part.get("transcript") or "" for part in content)


def _opening(instructions: str) -> str:
    if quotes := _QUOTED.findall(instructions):
        return str(quotes[-1])
    return next(iter(_sentences(instructions)), "Hello.")


def _best_sentence(question: str, instructions: str) -> str:
    question_stems = _stems(question)
    ranked_sentences = [
        (len(question_stems & _stems(sentence)), -len(_stems(sentence)), sentence)
        for sentence in _sentences(instructions)
    ]
    shared, _, sentence = max(ranked_sentences, key=lambda rank: rank[:2], default=(0, 0, ""))
    return sentence if shared else UNKNOWN


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in _SENTENCE.split(text) if sentence.strip()]


def _words(text: str) -> list[str]:
    words = _WORD.findall(text.lower().replace("'s", ""))
    return [str(_NUMBERS.index(word)) if word in _NUMBERS else word for word in words]


def _stems(text: str) -> frozenset[str]:
    return frozenset(_ENDINGS.sub("", word) for word in _words(text) if word not in _STOP_WORDS)


def _tool_call(question: str, tools: Sequence[Mapping[str, Any]]) -> ToolCall | None:
    question_stems = _stems(question)
    for tool in tools:
        function = tool.get("function", tool)  # the realtime API has it one level up
        description = f"{function['name'].replace('_', ' ')} {function.get('description', '')}"
        if len(question_stems & _stems(description)) >= _FITS_TOOL:
            schema = function.get("parameters") or {}
            arguments = _arguments(question, description, schema)
            call_id = f"call_{secrets.token_hex(8)}"
            return ToolCall(call_id, function["name"], json.dumps(arguments))
    return None


def _arguments(question: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    description_stems = _stems(description)
    further_words = [
        word
        for word in _words(question)
        if word not in _STOP_WORDS and _ENDINGS.sub("", word) not in description_stems
    ]
    properties = schema.get("properties") or {}
    return {
        name: _argument(argument_schema, question, further_words)
        for name, argument_schema in properties.items()
    }


def _argument(schema: Mapping[str, Any], question: str, further_words: Sequence[str]) -> Any:
    if choices := schema.get("enum"):
        text = question.lower()
        return next((choice for choice in choices if str(choice).lower() in text), choices[0])
    kind = schema.get("type")
    numbers = [word for word in _words(question) if word.isdigit()]
    if kind in ("integer", "number"):
        return int(numbers[0]) if numbers else 0
    if kind == "boolean":
        return True
    return " ".join(further_words)


def _spell_out(result: str) -> str:
    try:
        value = json.loads(result)
    except ValueError:
        return result
    if isinstance(value, dict):
        sentences = [f"The {name.replace('_', ' ')} is {field}." for name, field in value.items()]
        return " ".join(sentences)
    return str(value)
