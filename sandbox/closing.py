"""The end of the demo: a table of what was seen, and how to go on playing."""

from collections.abc import Callable, Sequence

from rich.table import Table

from sandbox.caller import Heard
from sandbox.dispatching import open_invitation
from sandbox.player import Player
from sandbox.speech.client import Speech

_PYTHON = ".venv/bin/python -m"


def closing_table(players: Sequence[Player], proofs: tuple[str, str]) -> Table:
    """Put side by side what each tenant's caller saw, and below it what kept them apart."""
    table = Table(title="\nTwo tenants, two projects, two callers", show_lines=True, min_width=78)
    table.add_column("")
    for player in players:
        table.add_column(player.role.tenant, ratio=1)
    for title, show in _ROWS.items():
        table.add_row(title, *[show(player) for player in players])
    key, room = proofs
    table.add_row("the other's key", f"globex's key refused: {key}", "")
    table.add_row("the other's room", f"a globex room refused: {room}", "")
    return table


def timings(heard: Heard) -> str:
    """Say how quickly a call was answered."""
    return (
        f"dispatch → agent's first audio {_seconds(heard.first_audio_after)},"
        f" question → answer {_seconds(heard.answered_after)}"
    )


def how_to_play(players: Sequence[Player], speech: Speech) -> str:
    """Tell the URLs, tokens and commands with which to go on while all is up."""
    lines = ["", "All stays up until Ctrl-C. In another terminal:"]
    for player in players:
        invitation = open_invitation(player.account)
        name, env_file = player.role.tenant, player.worker.env_file
        lines += [
            "",
            f"[bold]{name}[/bold]: whoever joins with this token is answered by {name}'s agent",
            f"  url    {invitation.url}",
            f"  token  {invitation.token}",
            f"  {_PYTHON} sandbox caller --env-file {env_file} --say '{player.role.question}'",
            f"  {_PYTHON} bootstrap smoke --env-file {env_file}",
            f"  curl -s {player.worker.health_url}/status",
            f"  tail -f {player.worker.log}",
        ]
    return "\n".join([*lines, "", f"speech: OPENAI_BASE_URL={speech.url}", ""])


def _first_audio(player: Player) -> str:
    return _seconds(player.heard.first_audio_after if player.heard else None)


def _answer(player: Player) -> str:
    return _seconds(player.heard.answered_after if player.heard else None)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


_ROWS: dict[str, Callable[[Player], str]] = {
    "registered as": lambda player: player.account.agent_name,
    "on project": lambda player: player.account.credentials.host,
    "key fingerprint": lambda player: player.account.credentials.fingerprint,
    "caller asked": lambda player: player.role.question,
    "agent said": lambda player: player.heard.answer_text if player.heard else "–",
    "dispatch → agent's first audio": _first_audio,
    "question → answer": _answer,
}
