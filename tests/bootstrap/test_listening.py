"""The health port: bound, or the reason why not."""

import socket

import pytest

from bootstrap.exit_messages import UnusableSetting
from bootstrap.listening import listen


def test_port_zero_takes_any_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
        with socket.create_connection(listener.getsockname()[:2], timeout=5):
            pass


def test_a_busy_port_is_told_by_its_variable() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UnusableSetting, match=f"HEALTH_PORT: {port} is in use"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "a" * 70])
def test_a_host_that_is_not_this_machines_is_told_by_its_variable(host: str) -> None:
    with pytest.raises(UnusableSetting, match="HEALTH_HOST: "):
        listen(host, 0)
