"""Wires the log: one form in the main process and in each call's, nothing secret in either."""

import logging
import os
import sys
import threading
from types import TracebackType
from typing import TextIO

from contract.records.log_record import CONTEXT_FIELDS, JsonFormatter, TextFormatter
from worker.configuration import Configuration

# These tell of every request, or of bodies and headers; a worker's log is about calls.
_TALKATIVE = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "openai",
    "aiohttp.access",
    "asyncio",
    "urllib3",
    "av",
)

# The SDK warns at each call that no idle process stood ready: none ever does here, since a fork
# takes 10 ms.
_EXPECTED = "no warmed process available for job, waiting for one to be created"

_now: dict[str, str | None] = dict.fromkeys(CONTEXT_FIELDS)


class _OneWrite(logging.StreamHandler[TextIO]):
    """Writes each record in one go, so that the lines of several processes do not mix."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + "\n"
            _write_all(self.stream.fileno(), line.encode(errors="backslashreplace"))
        except OSError:
            pass  # whoever read the log is gone; a call goes on without
        except Exception as error:  # noqa: BLE001 - logging's own way prints the record unmasked
            os.write(2, f"a log record could not be written: {type(error).__name__}\n".encode())


def in_main(configuration: Configuration) -> None:
    """Write this process's records, and those of the SDK in it, in the worker's form."""
    _write_by(configuration)


def in_call(configuration: Configuration) -> None:
    """Do the same in a call's process, in place of what was inherited and of the SDK's queue.

    The SDK would pickle each record and send it to the main process, unmasked; and a record that
    cannot be pickled would be printed raw.
    """
    _write_by(configuration)


def hush() -> None:
    """Have libraries that tell of each request keep it to themselves."""
    for name in _TALKATIVE:
        _set_level(logging.getLogger(name), max(logging.WARNING, logging.getLogger().level))


def worker_is(worker_id: str) -> None:
    """Name the worker, as the project does, in all records from now on."""
    _now["worker_id"] = worker_id


def call_is(job: str, room: str) -> None:
    """Name the call that this process serves, in all records from now on."""
    _now.update(job=job, room=room)


def _write_by(configuration: Configuration) -> None:
    _now.update(
        tenant=configuration.identity.tenant,
        project_host=configuration.credentials.host,
        key_fingerprint=configuration.credentials.fingerprint,
    )
    form = TextFormatter if configuration.host.log_format == "text" else JsonFormatter
    handler = _OneWrite(sys.stderr)
    handler.setFormatter(form(lambda: _now, configuration.secrets()))
    handler.addFilter(lambda record: record.msg != _EXPECTED)
    root = logging.getLogger()
    for inherited in list(root.handlers):
        root.removeHandler(inherited)
    root.addHandler(handler)
    _set_level(root, logging.getLevelName(configuration.host.log_level))
    hush()
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _set_level(logger: logging.Logger, level: int) -> None:
    # Setting a level clears what every logger remembers, and so unshares memory after a fork.
    if logger.level != level:
        logger.setLevel(level)


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logging.getLogger("worker").critical("an error was not caught", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        _log_uncaught(failure.exc_type, failure.exc_value, failure.exc_traceback)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
