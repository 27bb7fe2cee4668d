"""The metadata of a dispatch: a call's, or a probe's."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_SESSION_BYTES = 8 * 1024
_MAX_METADATA_BYTES = 16 * 1024
_MAX_CALL_ID = 128
_MAX_NONCE = 64
_CALL_KEYS = frozenset({"claim", "call_id", "session"})


class MalformedMetadata(ValueError):
    """A dispatch's metadata that is neither a call's nor a probe's; says why."""


class ProbeWant(StrEnum):
    """What a probe asks for: our answer, or whoever else would come."""

    ANSWER = "answer"
    RIVALS = "rivals"


@dataclass(frozen=True)
class Probe:
    """A dispatch that only asks who is there."""

    nonce: str
    want: ProbeWant


@dataclass(frozen=True)
class CallMetadata:
    """A call's metadata; `unsigned` is what the claim's digest covers."""

    claim: str | None
    call_id: str | None
    session: dict[str, Any]
    unsigned: dict[str, Any]


def parse(text: str) -> CallMetadata | Probe:
    """Read a dispatch's metadata; empty text is a call without any.

    Raises:
        MalformedMetadata: the text is not exactly of one of the two forms.
    """
    if not text:
        return CallMetadata(claim=None, call_id=None, session={}, unsigned={})
    fields = _object(text)
    if "probe" in fields:
        return _probe(fields)
    return _call(fields)


def render_probe(probe: Probe) -> str:
    """Write a probe's metadata."""
    return json.dumps({"probe": probe.nonce, "want": probe.want.value})


def _object(text: str) -> dict[str, Any]:
    if len(text.encode(errors="replace")) > _MAX_METADATA_BYTES:
        raise MalformedMetadata("longer than 16 KiB")
    try:
        fields = json.loads(
            text, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
        )
    except MalformedMetadata:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedMetadata("not JSON, or not in its strict form") from error
    if not isinstance(fields, dict):
        raise MalformedMetadata("not a JSON object")
    return fields


def _refuse_constant(name: str) -> Any:
    raise MalformedMetadata(f"{name} is not JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # With two values under one name, a digest could cover one and a reader take the other.
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedMetadata("a name stands twice")
    return fields


def _probe(fields: dict[str, Any]) -> Probe:
    if set(fields) != {"probe", "want"}:
        raise MalformedMetadata("a probe has `probe` and `want`, nothing else")
    nonce, want = fields["probe"], fields["want"]
    if not isinstance(nonce, str) or not 0 < len(nonce) <= _MAX_NONCE:
        raise MalformedMetadata("`probe` is not a nonce")
    if want not in tuple(ProbeWant):
        raise MalformedMetadata("`want` is neither answer nor rivals")
    return Probe(nonce, ProbeWant(want))


def _call(fields: dict[str, Any]) -> CallMetadata:
    if unknown := sorted(set(fields) - _CALL_KEYS):
        raise MalformedMetadata(f"unknown names: {', '.join(unknown)[:80]!a}")
    session = fields.get("session", {})
    if not isinstance(session, dict):
        raise MalformedMetadata("`session` is not an object")
    if len(json.dumps(session).encode()) > MAX_SESSION_BYTES:
        raise MalformedMetadata("`session` is longer than 8 KiB")
    return CallMetadata(
        claim=_text(fields, "claim", _MAX_METADATA_BYTES),
        call_id=_text(fields, "call_id", _MAX_CALL_ID),
        session=session,
        unsigned={name: value for name, value in fields.items() if name != "claim"},
    )


def _text(fields: dict[str, Any], name: str, max_length: int) -> str | None:
    value = fields.get(name)
    if value is None and name not in fields:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= max_length:
        raise MalformedMetadata(f"`{name}` is not a text of 1 to {max_length} characters")
    return value
