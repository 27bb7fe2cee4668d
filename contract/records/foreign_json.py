"""Reads JSON of another program: what is missing, malformed or too large counts as absent."""

import json
from collections.abc import Mapping
from typing import Any

_LONGEST_NAME = 256
_LONGEST_SENTENCE = 300
_LARGEST = 2**53 - 1  # what every reader of JSON holds exactly


def read_object(text: bytes, longest: int) -> Mapping[str, Any]:
    """Read a JSON object of at most `longest` bytes; an empty one for any other text."""
    if len(text) > longest:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return as_object(value)


def as_object(value: object) -> Mapping[str, Any]:
    """Take an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object, most: int) -> list[Any]:
    """Take the last `most` items of a list; no items for anything else."""
    return value[-most:] if isinstance(value, list) else []


def as_name(value: object) -> str | None:
    """Take a text of 1 to 256 characters, each of which can be shown and stored."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        return None
    return value if value.isprintable() else None


def as_sentence(value: object, longest: int = _LONGEST_SENTENCE) -> str:
    """Take a text for people, cut at `longest`; a character that cannot be shown is a blank."""
    if not isinstance(value, str):
        return ""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else " " for letter in value[:longest]
    )


def as_whole(value: object, least: int = 0, most: int = _LARGEST) -> int | None:
    """Take a whole number between two bounds."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if least <= value <= most else None
