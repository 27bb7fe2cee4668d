"""The log of a running control plane: the worker's form and masks; tenant, call, request."""

import contextvars
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from contract.records.log_record import JsonFormatter, TextFormatter
from control.settings import ControlSettings

# These tell of every request to a project or a worker, or of every connection.
_TALKATIVE = ("httpx", "httpcore", "alembic", "uvicorn.access", "urllib3", "docker")

_fields: contextvars.ContextVar[Mapping[str, str | None]] = contextvars.ContextVar(
    "fields of log records",
    default={},  # noqa: B039 - never changed, only replaced
)


class _MaskedHandler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's own name
        """Name the error alone: logging's own way prints the record's arguments, unmasked."""
        kind = sys.exc_info()[0]
        sys.stderr.write(f"a log record could not be written: {kind and kind.__name__}\n")


def begin(settings: ControlSettings) -> None:
    """Write all records to standard error as LOG_FORMAT and LOG_LEVEL say."""
    is_text = (settings.log_format or ("text" if sys.stderr.isatty() else "json")) == "text"
    form = TextFormatter if is_text else JsonFormatter
    handler = _MaskedHandler(sys.stderr)
    handler.setFormatter(form(_fields.get, settings.secrets))
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    logging.captureWarnings(True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def about(**fields: str | None) -> Iterator[None]:
    """Name tenant, call or request in every record of this task until the context ends."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def nobodys() -> contextvars.Context:
    """Give the context for a task that outlives the request in which it is made."""
    context = contextvars.copy_context()
    context.run(_fields.set, {})
    return context
