"""The images' health check: asks /livez, whose answer counts, and prints what /readyz says.

`healthcheck.py [PORT [PATH]]` asks at another port, and another path's answer counts. A full or
draining worker is not ready and must not be killed. Only the standard library is used: this runs
every half minute beside the calls.
"""

import http.client
import json
import os
import sys
import tempfile
from pathlib import Path

_DEFAULT_PORT = 8081
_SECONDS = 4.0
_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to ask, not to bind


def main(port: str = "", path: str = "/livez") -> int:
    """Print the state; 0 while the path is answered with 200, else 1."""
    number = int(port) if port else _port()
    try:
        is_healthy, _ = _get(number, path)
        _, state = _get(number, "/readyz")
    except OSError as error:
        print(f"no answer: {error}")
        return 1
    print(state)
    return 0 if is_healthy else 1


def _get(port: int, path: str) -> tuple[bool, str]:
    host = os.environ.get("HEALTH_HOST", "")
    connection = http.client.HTTPConnection(_ANY_ADDRESS.get(host, host), port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status == http.client.OK, reply.read(2000).decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError("not an HTTP answer") from error
    finally:
        connection.close()


def _port() -> int:
    wanted = os.environ.get("HEALTH_PORT", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return _chosen_port() or _DEFAULT_PORT


def _chosen_port() -> int | None:
    """Read from state.json which port was taken, where any free one was to be."""
    tenant = os.environ.get("TENANT_ID", "")
    default = Path(tempfile.gettempdir(), "livekit-tenant-worker", tenant)
    folder = Path(os.environ.get("STATE_DIR") or default)
    try:
        port = json.loads((folder / "state.json").read_text(encoding="utf-8"))["port"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return port if isinstance(port, int) else None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
