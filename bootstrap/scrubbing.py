"""What the environment keeps for code that runs later: nothing of ours."""

from collections.abc import Mapping

from bootstrap import environment
from bootstrap.settings.settings import WorkerSettings
from contract.settings.sources import FILE_NAMES, NAMES

# What the SDK would read behind our back (LIVEKIT_*, a metrics folder of another program), and
# what belongs to a control plane that may have started us.
_NEVER_KEPT = ("LIVEKIT_", "CLAIM_", "CONTROL_", "OPERATOR_", "PROMETHEUS_MULTIPROC_DIR")
_PROVIDER = "OPENAI_"
_ALWAYS_SET: Mapping[str, str] = {
    # numpy's OpenBLAS would start a thread at import, and a process with threads must not fork.
    "OPENBLAS_NUM_THREADS": "1",
    # 244 MiB of end-of-turn weights, which no session of ours uses.
    "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
}


def scrub(settings: WorkerSettings) -> None:
    """Leave in the process's environment what `scrubbed` keeps; also for its future children."""
    environment.replace(scrubbed(environment.current(), settings))


def scrubbed(variables: Mapping[str, str], settings: WorkerSettings) -> dict[str, str]:
    """Say what an environment keeps: all but ours, and with AGENT what the tenant's code needs.

    An env file alone speaks for the tenant: with one, the environment's OPENAI_* are gone, and
    what the file holds beside our variables is there as `docker run --env-file` would have it.
    """
    kept = {name: text for name, text in variables.items() if not _is_ours(name)}
    others = {name: text.get_secret_value() for name, text in settings.others.items()}
    if settings.agent.code is None or settings.env_file is not None:
        kept = {name: text for name, text in kept.items() if not name.startswith(_PROVIDER)}
    if settings.agent.code is None:
        others = {name: text for name, text in others.items() if not name.startswith(_PROVIDER)}
    else:
        others |= _provider(settings)
    kept |= {name: text for name, text in others.items() if not _is_ours(name)}
    return kept | dict(_ALWAYS_SET)


def _is_ours(name: str) -> bool:
    if name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        return False
    return name in NAMES or name in FILE_NAMES or name.startswith(_NEVER_KEPT)


def _provider(settings: WorkerSettings) -> dict[str, str]:
    variables = {}
    if settings.provider.api_key is not None:
        variables["OPENAI_API_KEY"] = settings.provider.api_key.get_secret_value()
    if settings.provider.base_url is not None:
        variables["OPENAI_BASE_URL"] = settings.provider.base_url
    return variables
