"""`smoke`: ask the project, not the worker, who takes this tenant's dispatches."""

import asyncio
from dataclasses import dataclass

from bootstrap.settings.settings import WorkerSettings
from contract.exits import ExitCode
from contract.metadata import ProbeWant
from project.connection import Project
from project.probes import ProbeAnswer, probe

# Ours is looked for only until it shows its answer; a cold rival needs about 3 s to come.
_PATIENCE_FOR_OURS = 10.0
_PATIENCE_FOR_RIVALS = 6.0


@dataclass(frozen=True)
class Smoke:
    """Who came: ours, and whoever is not ours."""

    ours: tuple[ProbeAnswer, ...]
    others: tuple[ProbeAnswer, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Tell ours alone (0), nobody (69), and somebody else beside or without ours (77)."""
        if self.others:
            return ExitCode.REFUSED
        return ExitCode.OK if self.ours else ExitCode.UNAVAILABLE

    def sentence(self, settings: WorkerSettings) -> str:
        """Say it to a person, with what to do next."""
        place = f"{settings.identity.agent_name!r} on {settings.credentials.host}"
        if self.others:
            who = ", ".join(sorted({answer.identity for answer in self.others}))
            return (
                f"somebody else takes dispatches for {place}: {who}. Another worker holds a key of "
                "this project: stop it, or give it another agent name"
            )
        if self.ours:
            return f"ours answered as {place} (key {settings.credentials.fingerprint})"
        return f"nobody answered as {place}. Is the worker running and ready? Ask its /readyz"


async def smoke(
    settings: WorkerSettings,
    *,
    proxy: str | None = None,
    rival_patience_seconds: float = _PATIENCE_FOR_RIVALS,
) -> Smoke:
    """Send two probes at once: one that ours answers, one that ours gives back to any rival.

    Raises:
        ProjectFault: the project could not be asked.
    """
    async with Project(settings.credentials, proxy=proxy) as project:

        async def send(want: ProbeWant, patience_seconds: float) -> tuple[ProbeAnswer, ...]:
            return await probe(
                project,
                tenant_prefix=settings.identity.room_prefix,
                agent_name=settings.identity.agent_name,
                want=want,
                patience_seconds=patience_seconds,
            )

        try:
            async with asyncio.TaskGroup() as both:
                answers = both.create_task(
                    send(ProbeWant.ANSWER, _PATIENCE_FOR_OURS), name="probe for ours"
                )
                rivals = both.create_task(
                    send(ProbeWant.RIVALS, rival_patience_seconds), name="probe for rivals"
                )
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
    came = answers.result()
    ours = tuple(answer for answer in came if is_ours(answer, settings))
    strangers = tuple(answer for answer in came if answer not in ours)
    return Smoke(ours, strangers + rivals.result())


def is_ours(answer: ProbeAnswer, settings: WorkerSettings) -> bool:
    """Tell whether an answer shows this tenant and this key.

    It proves nothing against someone who holds the project's key and lies.
    """
    shown = (answer.attributes.get("tenant"), answer.attributes.get("key_fingerprint"))
    return answer.is_agent and shown == (settings.identity.tenant, settings.credentials.fingerprint)
