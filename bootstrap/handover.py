"""The hand-over: what was proven becomes the worker's configuration, and the worker serves.

The one module that knows the worker. Importing it loads the runtime: after the environment was
scrubbed, and after whatever must be forked before.
"""

import socket
from collections.abc import Callable
from typing import Any

from bootstrap.settings.settings import WorkerSettings
from contract.exits import ExitCode
from contract.records.worker_status import WorkerState
from worker.configuration import Configuration, FinalReport
from worker.forking.deferral import defer_reexports
from worker.forking.privacy import seclude

defer_reexports()

from worker.forking.template import prepare as prepare_calls  # noqa: E402 - the same
from worker.main.service import serve as serve_calls  # noqa: E402 - the deferral comes before the import


def prepare(settings: WorkerSettings, health_socket: socket.socket) -> None:
    """Load all that calls will need and fork their template, while the preflight is under way.

    The listening socket stays with this process. From then on none of its user's processes can look
    into it, so that it may hold what only the main process may know.
    """
    prepare_calls(
        close=[health_socket],
        every_pipeline=bool(settings.agent.code) or settings.agent.config.pipeline == "realtime",
        decoders=bool(settings.agent.code),
    )
    seclude()


def serve(
    settings: WorkerSettings,
    *,
    report: dict[str, Any],
    final_report: FinalReport | None,
    health_socket: socket.socket,
    on_state: Callable[[WorkerState, int | None], None],
) -> ExitCode:
    """Serve the tenant until the worker ends; gives the process's exit code."""
    return serve_calls(
        configuration(
            settings,
            report=report,
            final_report=final_report,
            health_socket=health_socket,
            on_state=on_state,
        )
    )


def configuration(
    settings: WorkerSettings,
    *,
    report: dict[str, Any],
    final_report: FinalReport | None,
    health_socket: socket.socket,
    on_state: Callable[[WorkerState, int | None], None],
) -> Configuration:
    """Say to the worker what the settings say, and what the preflight found."""
    return Configuration(
        identity=settings.identity,
        credentials=settings.credentials,
        host=settings.host,
        claims=settings.claims,
        checks=settings.checks,
        provider=settings.provider,
        agent=settings.agent,
        limits=settings.limits,
        edition=report.get("project", {}).get("edition"),
        report=report,
        final_report=final_report,
        health_socket=health_socket,
        on_state=on_state,
    )
