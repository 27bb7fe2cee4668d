"""The image's size, and how long a container takes from `docker run` to ready."""

import http.client
import time
from collections.abc import Mapping

from bench.results.result import OURS, STOCK, Result
from bench.workers.worker import BenchSetup, container_environment
from sandbox.docker.engine import RunningEngine, start_engine
from sandbox.docker.image import Target, build
from sandbox.ports import free_port

_STARTS = 3
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.02
_MEGABYTE = 1_000_000
_HARDENED = (
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=host",
)


def measure_container(setup: BenchSetup, result: Result) -> None:
    """Build the image, compare its size with a plain install's, and start it some times.

    Raises:
        sandbox.docker.engine.EngineFault: the engine cannot build or run it.
    """
    engine = start_engine()
    try:
        image = build(engine, Target.WORKER)
        result.add("image_size", OURS, image.image_bytes / _MEGABYTE)
        result.add("image_size", STOCK, image.plain_bytes / _MEGABYTE)
        for _ in range(_STARTS):
            result.add("cold_start", OURS, _start(engine, image.name, setup))
    finally:
        engine.stop()


def _start(engine: RunningEngine, image: str, setup: BenchSetup) -> float:
    port = free_port()
    environment = container_environment(setup, "container", port)
    started_at = time.monotonic()
    container = engine.ask("run", "--detach", *_HARDENED, *_options(environment), image).strip()
    try:
        _wait_until_ready(port)
        return time.monotonic() - started_at
    finally:
        engine.run("rm", "--force", container)


def _options(environment: Mapping[str, str]) -> list[str]:
    return [option for name, value in environment.items() for option in ("-e", f"{name}={value}")]


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not _is_ready(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the container was not ready after {_READY_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)  # readiness is told only when asked


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
