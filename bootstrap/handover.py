"""The hand-over: what was proven becomes the worker's configuration, and the worker serves.

The one module that knows the worker. Importing it loads the runtime: after the environment was
scrubbed, and after whatever must be forked before.
"""

import socket
from collections.abc import Callable
from typing import Any

from bootstrap.settings.settings import WorkerSettings
from contract.exits import ExitCode
from worker.configuration import ClaimPolicy, Configuration, FinalReport, Strictness
from worker.forking.deferral import defer_reexports
from worker.forking.privacy import seclude

defer_reexports()

from worker.forking.template import prepare as prepare_calls  # noqa: E402 - the same
from worker.main.service import serve as serve_calls  # noqa: E402 - the deferral comes before the import


def prepare(settings: WorkerSettings, health_socket: socket.socket) -> None:
    """Load all that calls will need and fork their template, while the preflight is under way.

    What only the main process may have stays with it, the listening socket and the usage secret;
    from then on none of its user's processes can look for it there.
    """
    secrets = [] if settings.usage_secret is None else [settings.usage_secret]
    prepare_calls(
        close=[health_socket],
        forget=secrets,
        every_pipeline=bool(settings.agent) or settings.agent_config.pipeline == "realtime",
        decoders=bool(settings.agent),
    )
    seclude()


def serve(
    settings: WorkerSettings,
    *,
    report: dict[str, Any],
    last_word: FinalReport | None,
    health_socket: socket.socket,
    on_state: Callable[[str, int | None], None],
) -> ExitCode:
    """Serve the tenant until the worker ends; gives the process's exit code."""
    return serve_calls(
        configuration(
            settings,
            report=report,
            last_word=last_word,
            health_socket=health_socket,
            on_state=on_state,
        )
    )


def configuration(
    settings: WorkerSettings,
    *,
    report: dict[str, Any],
    last_word: FinalReport | None,
    health_socket: socket.socket,
    on_state: Callable[[str, int | None], None],
) -> Configuration:
    """Say to the worker what the settings say, and what the preflight found."""
    return Configuration(
        tenant=settings.tenant,
        credentials=settings.credentials,
        agent_name=settings.agent_name,
        room_prefix=settings.room_prefix,
        agent_config=settings.agent_config,
        state_dir=settings.state_dir,
        edition=report.get("project", {}).get("edition"),
        claim_keys=settings.claim_keys,
        claim_policy=ClaimPolicy(settings.claim_policy),
        token_rule=Strictness(settings.token_rule),
        rival_check=Strictness(settings.rival_check),
        agent=settings.agent,
        openai_api_key=settings.openai_api_key,
        openai_base_url=settings.openai_base_url,
        max_calls=settings.max_calls,
        max_call_seconds=settings.max_call_seconds,
        call_memory_limit_mb=settings.call_memory_limit_mb,
        drain_seconds=settings.drain_seconds,
        hurry_seconds=settings.hurry_seconds,
        usage_url=settings.usage_url,
        usage_secret=settings.usage_secret,
        log_format=settings.log_format,
        log_level=settings.log_level,
        report=report,
        last_word=last_word,
        health_socket=health_socket,
        on_state=on_state,
    )
