"""The log until the worker takes it over: the same form, and nothing secret in it."""

import logging
import sys

from bootstrap.settings.settings import WorkerSettings
from contract.records.log_record import JsonFormatter, TextFormatter


def begin(settings: WorkerSettings) -> None:
    """Write this process's records to standard error as LOG_FORMAT and LOG_LEVEL say."""
    context = {
        "tenant": settings.identity.tenant,
        "project_host": settings.credentials.host,
        "key_fingerprint": settings.credentials.fingerprint,
    }
    form = TextFormatter if settings.host.log_format == "text" else JsonFormatter
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(form(lambda: context, settings.secrets()))
    logging.basicConfig(handlers=[handler], level=settings.host.log_level, force=True)
