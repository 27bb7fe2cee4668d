"""A program for tests: a real worker without its preflight, which feeds itself offers on SIGUSR1.

On SIGUSR2 it counts what its Python holds, and writes the number into the file `blocks`.

The preflight asks for media, which cannot cross the network that these tests cut; and 10,000
dispatches through a livekit-server take it minutes, so these go straight to the worker's handler.
"""

import asyncio
import gc
import itertools
import json
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

from livekit.protocol import agent, models
from pydantic import SecretStr

from contract.exits import ExitCode
from contract.policies import Strictness
from contract.settings.groups import AgentChoice, CheckRules, Host, Identity, Limits
from project.credentials import Credentials
from worker import logs
from worker.configuration import Configuration
from worker.forking import fork_server
from worker.forking.template import prepare
from worker.main.service import Service

_AT_ONCE = 50
_numbers = itertools.count()  # no two offers are alike, however often it is fed


def main(path: Path) -> int:
    """Serve as the JSON file says; tell the state in a file beside it."""
    told: dict[str, Any] = json.loads(path.read_text())
    fed = told.pop("fed", 0)
    word = told.pop("word", None)
    url, key, secret = told.pop("credentials")
    folder = path.parent
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]

    def on_state(state: str, exit_code: int | None) -> None:
        shown = {"state": state, "exit_code": exit_code, "port": port}
        fresh = folder / "state.new"
        fresh.write_text(json.dumps(shown))
        fresh.replace(folder / "state" / "state.json")

    (folder / "state").mkdir(exist_ok=True)
    configuration = Configuration(
        identity=Identity("acme", told["agent_name"], "acme--"),
        credentials=Credentials(url, key, SecretStr(secret)),
        host=Host(folder / "state", log_level=told.get("log_level", "INFO")),
        checks=CheckRules(rivals=Strictness.OFF),
        agent=AgentChoice(code=told["agent"]),
        limits=Limits(max_calls=told.get("max_calls", 10)),
        report=told.get("report"),
        health_socket=listening,
        on_state=on_state,
        final_report=partial(_final_report, Path(word)) if word else None,
    )
    logs.in_main(configuration)
    prepare(close=[listening])
    assert fork_server.call_server_pid() is not None
    try:
        return asyncio.run(_serve(configuration, fed, folder / "blocks"))
    finally:
        fork_server.end_call_server()


async def _final_report(file: Path) -> tuple[dict[str, Any], ExitCode]:
    """Stand in for the end of a preflight: it comes when a test writes its exit code down."""
    while not file.exists():
        await asyncio.sleep(0.02)
    code = ExitCode(int(file.read_text()))
    return {"verdict": "fail" if code else "pass"}, code


async def _serve(configuration: Configuration, fed: int, blocks: Path) -> int:
    service = Service(configuration)
    feeding: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(
        signal.SIGUSR1,
        lambda: feeding.append(
            asyncio.create_task(_feed(service, configuration.identity.agent_name, fed))
        ),
    )
    loop.add_signal_handler(signal.SIGUSR2, _count_blocks, blocks)
    return await service.run()


def _count_blocks(file: Path) -> None:
    gc.collect()
    fresh = file.with_name("blocks.new")
    fresh.write_text(str(sys.getallocatedblocks()))
    fresh.replace(file)


async def _feed(service: Service, agent_name: str, count: int) -> None:
    for number in itertools.islice(_numbers, count):
        job = agent.Job(
            id=f"AJ_fed{number}",
            dispatch_id=f"AD_fed{number}",
            agent_name=agent_name,
            room=models.Room(name=f"globex--{number}"),
        )
        service._server._handle_availability(agent.AvailabilityRequest(job=job))
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
