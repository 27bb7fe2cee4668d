"""The socket on which health is told: bound before anything slow begins, then handed on."""

import errno
import socket

from bootstrap.exit_messages import UnusableSetting
from contract.settings.examples import EXAMPLES
from contract.settings.findings import WELLFORMED, Finding

_BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """Listen on HEALTH_HOST and HEALTH_PORT (0: any free port).

    Raises:
        UnusableSetting: the port is busy or not allowed, or the host is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise _fault("HEALTH_HOST", "does not resolve to an address of this machine") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _fault_of_bind(error, port) from None
    return listener


def _fault_of_bind(error: OSError, port: int) -> UnusableSetting:
    if error.errno == errno.EADDRINUSE:
        return _fault("HEALTH_PORT", f"{port} is in use by another program")
    if error.errno == errno.EACCES:
        return _fault("HEALTH_PORT", f"{port} may not be opened by this user")
    return _fault("HEALTH_HOST", f"cannot be listened on: {error.strerror}")


def _fault(variable: str, problem: str) -> UnusableSetting:
    return UnusableSetting(Finding(WELLFORMED, variable, problem, EXAMPLES[variable]))
