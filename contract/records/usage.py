"""A call's usage record."""

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

SCHEMA: Literal[1] = 1
_LONGEST_TEXT = 256
_MOST_MODELS = 100
_LARGEST = 2**53 - 1  # what every reader of JSON holds exactly
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,9})?(Z|\+00:00)")
# A reader may convert a time into another zone, which fails in the first and the last year.
_YEARS = range(1970, 9999)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a character that no database stores")
    return text


def _utc(text: str) -> str:
    if not _is_utc(text):
        raise ValueError("no UTC time in ISO 8601 between 1970 and 9998")
    return text


def _is_utc(text: str) -> bool:
    try:
        year = datetime.fromisoformat(text).year
    except ValueError:  # its message would repeat the text
        return False
    return year in _YEARS and _TIME.fullmatch(text) is not None


# What a receiver checks of a record; our own worker's records always pass.
Text = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_without_nul)]
Name = Annotated[str, Field(min_length=1, max_length=_LONGEST_TEXT), AfterValidator(_without_nul)]
UtcTime = Annotated[str, AfterValidator(_utc)]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Seconds = Annotated[float, Field(ge=0, le=_LARGEST, allow_inf_nan=False)]


class CallOutcome(StrEnum):
    """How a call ended."""

    COMPLETED = "completed"
    CALLER_LEFT = "caller-left"
    NO_CALLER = "no-caller"
    FAILED = "failed"
    CUT_OFF = "cut-off"


@dataclass(frozen=True)
class ModelUsage:
    """What one model did in one call; `kind` is stt, llm, tts or realtime."""

    kind: Text
    name: Text
    tokens_in: Count = 0
    tokens_out: Count = 0
    characters: Count = 0
    audio_seconds: Seconds = 0.0


@dataclass(frozen=True)
class UsageRecord:
    """What one call cost; times in ISO 8601 UTC, `seconds` from start to end."""

    tenant: Name
    project_host: Name
    key_fingerprint: Name
    agent_name: Name
    job_id: Name
    dispatch_id: Text
    call_id: Text | None
    room: Name
    started_at: UtcTime
    ended_at: UtcTime
    seconds: Seconds
    outcome: CallOutcome
    complete: bool
    models: Annotated[tuple[ModelUsage, ...], Field(max_length=_MOST_MODELS, fail_fast=True)] = ()
    schema: Literal[1] = SCHEMA

    def as_json(self) -> dict[str, Any]:
        """Give the record as plain JSON values."""
        return asdict(self) | {
            "outcome": self.outcome.value,
            "models": [asdict(model) for model in self.models],
        }
