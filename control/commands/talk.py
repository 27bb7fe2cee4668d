"""Speaks to an agent with the sandbox's caller, run as a child that knows one token and no more."""

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator, Mapping

from contract.programs import ROOT
from control.child_environment import inherited

_MODELS = ("faster_whisper", "piper")


class TalkFailed(Exception):
    """The caller could not be run, or heard nothing."""

    hint = "the sandbox's caller says why above"


class SandboxMissing(Exception):
    """Nobody here could speak or listen."""

    hint = "install it: pip install 'livekit-tenant-worker[sandbox]', or `make parts` in a checkout"


def require_sandbox() -> None:
    """Look whether the caller's models are there, before a call is made.

    Raises:
        SandboxMissing: they are not.
    """
    if any(importlib.util.find_spec(model) is None for model in _MODELS):
        raise SandboxMissing("--talk needs the extra `sandbox`, which is not installed")


async def speak(
    url: str, token: str, sentence: str, environment: Mapping[str, str]
) -> AsyncIterator[str]:
    """Say a sentence in a call, and give line by line what came of it.

    Args:
        url: the project's.
        token: the caller's.
        sentence: what to say after the greeting.
        environment: ours, of which the child gets what any program needs of its host.

    Raises:
        TalkFailed: there was no conversation.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sandbox", "caller", "--url", url, "--say", sentence),
        cwd=ROOT,
        env=dict(inherited(environment)) | {"SANDBOX_TOKEN": token},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    try:
        async for line in child.stdout:
            yield line.decode(errors="replace").rstrip()
        if await child.wait() != 0:
            raise TalkFailed(f"the caller ended with exit code {child.returncode}")
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()
