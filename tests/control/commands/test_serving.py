"""How long the control plane's HTTP server keeps what clients opened."""

import http.client
import select
from pathlib import Path

import pytest

from tests.control.running import Serving

pytestmark = pytest.mark.integration

# httpx lets an idle connection go after 5 s, and so would uvicorn: whoever asks at that moment
# would lose the request.
LONGER_THAN_CLIENTS_SECONDS = 6.0


def test_a_connection_outlives_the_time_after_which_clients_let_it_go(tmp_path: Path) -> None:
    with Serving(tmp_path) as serving:
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=10)
        connection.request("GET", "/livez")
        assert connection.getresponse().read()
        closed, _, _ = select.select([connection.sock], [], [], LONGER_THAN_CLIENTS_SECONDS)
        assert not closed, "the server closed the connection before its client"
        connection.close()
