"""The command line: check, run and smoke, each ending with one of the container's exit codes."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bootstrap import environment, exit_messages, scrubbing, settings_process
from bootstrap.settings.settings import WorkerSettings
from bootstrap.settings_process import UnreadSecret
from contract.exits import ExitCode
from contract.programs import WORKER
from contract.settings.findings import Findings

_ABOUT = """\
One client company's LiveKit voice agents, on that client's own LiveKit project.

  check   ask every question that can be asked before serving, and report
  run     the same questions, then serve calls (what the container does)
  smoke   send a probe to whatever worker is registered, and say who answered
"""
_LEARN = """\
settings:
  Come from the environment, or, with --env-file, from that file alone as far as
  they are the tenant's. The least is:

    TENANT_ID=acme
    LIVEKIT_URL=wss://acme-1a2b3c4d.livekit.cloud
    LIVEKIT_API_KEY=...
    LIVEKIT_API_SECRET=...     or LIVEKIT_API_SECRET_FILE=/run/secrets/...
    OPENAI_API_KEY=...

  docs/settings.md lists all of them; .env.example is one to copy.

exit codes:
   0  done, or drained in time
  69  the project or the network cannot be reached now; try again
  70  a fault of ours; please report it
  75  time ran out and calls were cut
  77  the project refuses these credentials, or they belong to someone else
  78  a setting is missing, malformed or contradictory
  77 and 78 stay until a person changes something.
"""
_CHECK = """\
Ask every question that can be asked before serving: are the settings whole, is
the host a LiveKit server, does it know the key, is anybody else taking this
tenant's calls, does the model provider take its key. Nothing is left behind.
Each failure names its cause and what to do; docs/checks.md says more."""
_RUN = """\
Check, then serve calls until SIGTERM or Ctrl-C. The first signal lets calls
finish (DRAIN_SECONDS), a second one hurries (HURRY_SECONDS). Health is at
http://HEALTH_HOST:HEALTH_PORT: /livez, /readyz, /status, /metrics."""
_SMOKE = """\
Send a probe to this tenant's agent name and look who comes into the room:
exit code 0 when it is ours alone, 69 when nobody came, 77 when somebody else
takes this tenant's dispatches. The running worker keeps its calls."""


def main(argv: Sequence[str]) -> int:
    """Run one command and give the process's exit code; nothing of ours escapes as a traceback."""
    settings: WorkerSettings | Findings | None = None
    try:
        arguments = _parser().parse_args(argv)
        settings, usage_secret = settings_process.read_apart(
            arguments.env_file, is_terminal=sys.stderr.isatty()
        )
        return _command(arguments, settings, usage_secret)
    except exit_messages.Interrupted as interrupted:
        return exit_messages.die_by(interrupted.number)
    except KeyboardInterrupt:
        return exit_messages.die_by(signal.SIGINT)
    except Exception as error:  # noqa: BLE001 - the edge of the process: every error has its exit code
        shows = isinstance(settings, WorkerSettings) and settings.host.log_level == "DEBUG"
        return exit_messages.tell(exit_messages.of_error(error, shows_traceback=shows))


def _command(
    arguments: argparse.Namespace,
    settings: WorkerSettings | Findings,
    usage_secret: UnreadSecret | None,
) -> ExitCode:
    # Each command imports what it needs when it is asked for: a start is quick, and help quicker.
    if arguments.command == "check":
        from bootstrap.commands import check  # noqa: PLC0415 - see above

        return check.check(settings, as_json=arguments.json)
    if isinstance(settings, Findings):
        return exit_messages.tell(exit_messages.of_findings(settings))
    if arguments.command == "smoke":
        return _smoke(settings)
    from bootstrap.commands import run  # noqa: PLC0415 - see above

    return run.run(settings, usage_secret)


def _smoke(settings: WorkerSettings) -> ExitCode:
    from bootstrap import interruptions  # noqa: PLC0415 - see above
    from bootstrap.commands.smoke import smoke  # noqa: PLC0415 - see above

    scrubbing.scrub(settings)
    came = interruptions.run(smoke(settings, proxy=environment.proxy()))
    print(came.sentence(settings), flush=True)
    return came.exit_code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Leave ending the process to `main`, with one of the container's exit codes."""
        raise exit_messages.UsageFault(f"{message}; `{self.prog} --help` shows what there is")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=WORKER,
        description=_ABOUT,
        epilog=_LEARN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="check|run|smoke")
    check = _add(commands, "check", _CHECK)
    check.add_argument("--json", action="store_true", help="the report as one JSON object")
    _add(commands, "run", _RUN)
    _add(commands, "smoke", _SMOKE)
    return parser


def _add(
    commands: "argparse._SubParsersAction[_Parser]", name: str, about: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        description=about,
        epilog=_LEARN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--env-file",
        type=Path,
        metavar="F",
        help="read the tenant's settings from this file, and from nowhere else",
    )
    return command
