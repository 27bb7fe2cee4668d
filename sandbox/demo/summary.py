"""The end of the demo: a table of what was seen, and commands to go on with."""

from collections.abc import Callable, Sequence

from rich.table import Table

from sandbox.callers.backend import dispatch_by_token
from sandbox.callers.caller import CallResult
from sandbox.demo.tenants import StartedTenant
from sandbox.speech.client import SpeechClient

_PYTHON = ".venv/bin/python -m"


def summary_table(tenants: Sequence[StartedTenant], refusals: tuple[str, str]) -> Table:
    """Put side by side what each tenant's caller saw, and below it what kept the tenants apart."""
    table = Table(title="\nTwo tenants, two projects, two callers", show_lines=True, min_width=78)
    table.add_column("")
    for started in tenants:
        table.add_column(started.tenant.id, ratio=1)
    for title, cell in _ROWS.items():
        table.add_row(title, *[cell(started) for started in tenants])
    key_refusal, room_refusal = refusals
    table.add_row("the other's key", f"globex's key refused: {key_refusal}", "")
    table.add_row("the other's room", f"a globex room refused: {room_refusal}", "")
    return table


def timings(result: CallResult) -> str:
    """Say how quickly a call was answered."""
    return (
        f"dispatch → agent's first audio {_seconds(result.first_audio_after)},"
        f" question → answer {_seconds(result.answered_after)}"
    )


def commands_to_try(tenants: Sequence[StartedTenant], speech: SpeechClient) -> str:
    """List the URLs, tokens and commands that work while everything still runs."""
    lines = ["", "All stays up until Ctrl-C. In another terminal:"]
    for started in tenants:
        details = dispatch_by_token(started.project)
        tenant, env_file = started.tenant, started.worker.env_file
        lines += [
            "",
            f"[bold]{tenant.id}[/bold]: whoever joins with this token is answered by"
            f" {tenant.id}'s agent",
            f"  url    {details.url}",
            f"  token  {details.token}",
            f"  {_PYTHON} sandbox caller --env-file {env_file} --say '{tenant.question}'",
            f"  {_PYTHON} bootstrap smoke --env-file {env_file}",
            f"  curl -s {started.worker.health_url}/status",
            f"  tail -f {started.worker.log}",
        ]
    return "\n".join([*lines, "", f"speech: OPENAI_BASE_URL={speech.url}", ""])


def _first_audio(started: StartedTenant) -> str:
    return _seconds(started.call.first_audio_after if started.call else None)


def _answer(started: StartedTenant) -> str:
    return _seconds(started.call.answered_after if started.call else None)


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f} s"


_ROWS: dict[str, Callable[[StartedTenant], str]] = {
    "registered as": lambda started: started.project.agent_name,
    "on project": lambda started: started.project.credentials.host,
    "key fingerprint": lambda started: started.project.credentials.fingerprint,
    "caller asked": lambda started: started.tenant.question,
    "agent said": lambda started: started.call.answer_text if started.call else "–",
    "dispatch → agent's first audio": _first_audio,
    "question → answer": _answer,
}
