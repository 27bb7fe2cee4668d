"""The process's environment: read once, then left with nothing of ours for code that runs later."""

import os
from collections.abc import Mapping
from pathlib import Path

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


def proxy() -> str | None:
    """Name the proxy that the SDK would take; it asks for these two alone and ignores NO_PROXY."""
    return os.environ.get("HTTPS_PROXY") or os.environ.get("HTTP_PROXY") or None


def python_path() -> tuple[str, ...]:
    """List PYTHONPATH's folders; one that an env file names comes too late for the interpreter."""
    return tuple(folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder)


def current() -> dict[str, str]:
    """Give a copy of the process's environment."""
    return dict(os.environ)


def scrub(settings: WorkerSettings) -> None:
    """Leave in the process's environment what `scrubbed` keeps; also for its future children.

    What the process was started with is overwritten too, since /proc shows it for as long as the
    process and its forks live.
    """
    kept = scrubbed(os.environ, settings)
    gone = {name: os.environ[name] for name in os.environ if name not in kept}
    for name in gone:
        del os.environ[name]
    os.environ.update(kept)
    _overwrite_initial(gone)


def scrubbed(environment: Mapping[str, str], settings: WorkerSettings) -> dict[str, str]:
    """Say what an environment keeps: all but ours, and with AGENT what the tenant's code needs.

    An env file alone speaks for the tenant: with one, the environment's OPENAI_* are gone, and
    what the file holds beside our variables is there as `docker run --env-file` would have it.
    """
    kept = {name: text for name, text in environment.items() if not _is_ours(name)}
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


def _overwrite_initial(gone: Mapping[str, str]) -> None:
    # Linux shows the block of strings that exec laid down, whatever unsetenv did since.
    try:
        start, end = (int(field) for field in _stat_fields()[47:49])
        with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
            memory.seek(start)
            block = memory.read(end - start)
            at = start
            for entry in block.split(b"\0"):
                if entry.partition(b"=")[0].decode(errors="replace") in gone:
                    memory.seek(at)
                    memory.write(b"\0" * len(entry))
                at += len(entry) + 1
    except (OSError, ValueError):
        return  # another platform, or a kernel that forbids it: unsetenv is then all there is


def _stat_fields() -> list[str]:
    # The second field, the program's name, may hold blanks and brackets: count from its end.
    return Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
