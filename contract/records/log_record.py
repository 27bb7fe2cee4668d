"""How a log record is written: on one line, with fixed fields for whose it is, and no secrets."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

CONTEXT_FIELDS = (
    *("tenant", "project_host", "key_fingerprint", "worker_id", "job", "room"),
    *("call", "request"),
)
MASKED = "***"
_SHORTEST_SECRET = 4
_PRIVATE = "lk.pii."  # what the SDK itself calls private: a caller's words, names and numbers
_LONGEST_TEXT = 8000

# A token's header is JSON, so its base64 begins so. Even a cut-off token shows its claims.
_TOKEN = re.compile(r"\bey[JA][A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}")
# With a quoted value in JSON, protobuf's text form or a repr; without quotes only after `=`,
# since "API_KEY: is missing" is a sentence.
_NAMED_SECRET = re.compile(
    r"""(?ix)
    (turn_?password | \bcredential | \bpassword | api_?secret | api_?key | client_?secret)
    (?:
        (\\?["']?\s*[:=]\s*) (?: \\?"(?:[^"\\]|\\[^"])*\\?" | '[^']*' )
        | (=) [^\s,;&}'"\\<*]+
    )
    """
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{4,}")
_URL_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
_PROVIDER_KEY = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}")
_PLAIN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    *CONTEXT_FIELDS,
}
_CONTROL = {code: repr(chr(code))[1:-1] for code in (*range(32), 127) if code != ord("\t")}

Context = Callable[[], Mapping[str, str | None]]


class Mask:
    """Masks known secrets, tokens and passwords in texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if spellings else None

    def __call__(self, text: str) -> str:
        """Give the text with every secret masked."""
        if self._known is not None:
            text = self._known.sub(MASKED, text)
        text = _TOKEN.sub("<token>", text)
        text = _BEARER.sub(rf"\1{MASKED}", text)
        text = _URL_PASSWORD.sub(rf"\1{MASKED}@", text)
        text = _PROVIDER_KEY.sub(MASKED, text)
        return _NAMED_SECRET.sub(_without_value, text)


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask known secrets, and all that looks like a token or a password, in one text."""
    return Mask(secrets)(text)


class _RecordFormatter(logging.Formatter):
    """What both formats share. Each record asks for the context, since a worker's id comes late."""

    def __init__(self, context: Context, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._context = context
        self._mask = Mask(secrets)

    def _fields(self, record: logging.LogRecord) -> dict[str, str]:
        context = self._context()
        # A record from a call's process has the fields of that call.
        fields = {name: getattr(record, name, None) or context.get(name) for name in CONTEXT_FIELDS}
        return {name: self._mask(str(value)) for name, value in fields.items() if value}

    def _message(self, record: logging.LogRecord) -> str:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit must not lose the record
            text = f"{record.msg} (its arguments do not fit)"
        return self._mask(text)[:_LONGEST_TEXT]

    def _extras(self, record: logging.LogRecord) -> dict[str, Any]:
        return {
            name: MASKED if name.startswith(_PRIVATE) else self._plain(value)
            for name, value in record.__dict__.items()
            if name not in _PLAIN_FIELDS and not name.startswith("_")
        }

    def _plain(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, list | tuple | set | frozenset):
            return [self._plain(item) for item in value]
        # Texts before mappings: for each new type an abstract class asks all its subclasses, which
        # writes to a megabyte of memory that processes shared until then.
        if not isinstance(value, str) and isinstance(value, Mapping):
            return {self._mask(str(key)): self._item(str(key), item) for key, item in value.items()}
        return self._mask(str(value))[:_LONGEST_TEXT]

    def _item(self, name: str, value: Any) -> Any:
        # In a mapping the name that tells a password stands apart from it.
        is_secret = _NAMED_SECRET.search(f"{name}=x") is not None
        return MASKED if is_secret and value else self._plain(value)

    def _traceback(self, record: logging.LogRecord) -> str | None:
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        return self._mask(record.exc_text) if record.exc_text else None


class JsonFormatter(_RecordFormatter):
    """Writes a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record's line, masked."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._message(record),
            **self._fields(record),
            "pid": record.process,
        }
        for name, value in self._extras(record).items():
            fields.setdefault(name, value)
        if traceback := self._traceback(record):
            fields["exception"] = traceback
        return json.dumps(fields, default=str)


class TextFormatter(_RecordFormatter):
    """Writes a record for a person: time, level, context, message, and its extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record's line, masked; a traceback follows on lines of its own."""
        fields = self._fields(record)
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        context = " ".join(
            fields[name] for name in ("tenant", "room", "call", "request") if name in fields
        )
        extras = " ".join(f"{name}={value}" for name, value in self._extras(record).items())
        parts = [at, f"{record.levelname:<7}", context, self._message(record), extras]
        line = " ".join(part for part in parts if part).translate(_CONTROL)
        traceback = self._traceback(record)
        return f"{line}\n{traceback}" if traceback else line


def _without_value(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2] or match[3]}{MASKED}"


def _spellings(secret: str) -> set[str]:
    """List the ways a secret is written: as it is, quoted for a URL, escaped in JSON or a repr."""
    if len(secret) < _SHORTEST_SECRET:
        return set()
    return {
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    }
