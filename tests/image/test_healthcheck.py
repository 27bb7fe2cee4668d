"""The health check alone: alive is what counts, ready is only told."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from contract.programs import ROOT
from sandbox.ports import free_port


@contextmanager
def worker(livez: int, readyz: int, state: str) -> Iterator[int]:
    """Serve two answers as a worker would; gives the port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = livez if self.path == "/livez" else readyz
            body = json.dumps({"state": state}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def check(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "healthcheck.py"), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_full_worker_is_healthy_and_told_as_full() -> None:
    with worker(livez=200, readyz=503, state="full") as port:
        done = check(HEALTH_PORT=str(port))
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"state": "full"}


def test_a_worker_that_cannot_serve_is_unhealthy() -> None:
    with worker(livez=503, readyz=503, state="disconnected") as port:
        assert check(HEALTH_PORT=str(port)).returncode == 1


def test_a_port_where_nobody_listens_is_unhealthy_without_a_traceback() -> None:
    done = check(HEALTH_PORT=str(free_port()), HEALTH_HOST="0.0.0.0")
    assert done.returncode == 1
    assert "no answer" in done.stdout
    assert done.stderr == ""


def test_any_free_port_is_found_by_the_state_file(tmp_path: Path) -> None:
    with worker(livez=200, readyz=200, state="ready") as port:
        (tmp_path / "state.json").write_text(json.dumps({"port": port}))
        done = check(HEALTH_PORT="0", STATE_DIR=str(tmp_path))
    assert done.returncode == 0
    assert "ready" in done.stdout


def test_another_port_and_another_path_may_be_named() -> None:
    with worker(livez=200, readyz=503, state="no database") as port:
        assert check(str(port), HEALTH_PORT=str(free_port())).returncode == 0
        done = check(str(port), "/readyz")
    assert done.returncode == 1
    assert "no database" in done.stdout
