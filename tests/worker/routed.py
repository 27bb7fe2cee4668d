"""A worker in a network of its own, behind a router that can stop passing packets on, in silence.

A link that is set down tells both its ends at once. A router that swallows what it should pass on
tells neither, as a dead tunnel or a firewall does. Signalling and media both cross it, so either
can be taken away; the caller, who is on this side, keeps both.
"""

import contextlib
import ipaddress
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sandbox.debian import install
from sandbox.ports import free_port
from sandbox.servers import Ports, RunningProject

# Sixteen addresses for each process id, so that two runs side by side do not meet.
_FIRST = int(ipaddress.ip_address("10.192.0.0"))
_PROCESSES = 2**17
_NEAR, _FAR = "near", "far"  # the router's own links


class Route:
    """The way between this machine and a namespace, over a router that is a namespace too."""

    def __init__(self) -> None:
        number = os.getpid() % _PROCESSES
        first = _FIRST + 16 * number
        self.here, self._router_here = _addresses(first)
        self._there, self._router_there = _addresses(first + 8)
        self._far_network = f"{ipaddress.ip_address(first + 8)}/29"
        self.namespace, self._router = f"routed-{number}", f"router-{number}"
        self.link = f"routed{number}"
        self._swallowed: list[tuple[str, ...]] = []

    def lay(self) -> None:
        """Make the namespaces, their links and the way over them."""
        _ip("netns", "add", self._router)
        _ip("netns", "add", self.namespace)
        _join((), self.link, self._router, _NEAR)
        _join(("-n", self._router), _FAR, self.namespace, "edge")
        _set_up((), self.link, self.here)
        _set_up(("-n", self._router), _NEAR, self._router_here)
        _set_up(("-n", self._router), _FAR, self._router_there)
        _set_up(("-n", self.namespace), "edge", self._there)
        _ip("-n", self.namespace, "link", "set", "lo", "up")
        forwarding = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        _ip("netns", "exec", self._router, "sh", "-c", forwarding)
        _ip("-n", self.namespace, "route", "add", "default", "via", self._router_there)
        _ip("route", "add", self._far_network, "via", self._router_here)

    def take_away(self) -> None:
        """Leave nothing of it, however much of it is there."""
        _ip("link", "delete", self.link, check=False)
        _ip("netns", "delete", self.namespace, check=False)
        _ip("netns", "delete", self._router, check=False)

    def swallow_everything(self) -> None:
        """Pass nothing on, in either direction."""
        self._swallow(("iif", _FAR), ("iif", _NEAR))

    def swallow_media(self, tcp_port: int) -> None:
        """Pass no media on, neither by UDP nor by the server's TCP port."""
        self._swallow(
            ("iif", _FAR, "ipproto", "udp"),
            ("iif", _NEAR, "ipproto", "udp"),
            ("iif", _FAR, "ipproto", "tcp", "dport", str(tcp_port)),
            ("iif", _NEAR, "ipproto", "tcp", "sport", str(tcp_port)),
        )

    def pass_on(self) -> None:
        """Pass everything on again."""
        while self._swallowed:
            _ip("-n", self._router, "rule", "delete", *self._swallowed.pop(), "blackhole")

    def _swallow(self, *packets: tuple[str, ...]) -> None:
        for which in packets:
            _ip("-n", self._router, "rule", "add", *which, "blackhole")
            self._swallowed.append(which)


def _addresses(first: int) -> tuple[str, str]:
    return str(ipaddress.ip_address(first + 1)), str(ipaddress.ip_address(first + 2))


def _join(side: tuple[str, ...], link: str, namespace: str, peer: str) -> None:
    _ip(*side, "link", "add", link, "type", "veth", "peer", "name", peer, "netns", namespace)


def _set_up(side: tuple[str, ...], link: str, address: str) -> None:
    _ip(*side, "address", "add", f"{address}/29", "dev", link)
    _ip(*side, "link", "set", link, "up")


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)


@contextlib.contextmanager
def laid_route() -> Iterator[Route]:
    """Have a route, of which nothing is left afterwards."""
    install({"/usr/sbin/ip": "iproute2"})
    route = Route()
    route.take_away()  # what a run that was killed under this process id has left
    try:
        route.lay()
        yield route
    finally:
        route.take_away()


class RoutedProject(RunningProject):
    """A project that is on loopback for callers, and at the near end of a route for a worker."""

    def __init__(self, name: str, folder: Path, route: Route) -> None:
        self._route = route
        ports = Ports(free_port(), free_port(), free_port())
        super().__init__(name, folder, ports, udp=True, webhook_url=None)

    @property
    def far_url(self) -> str:
        """Where whoever is behind the router finds it."""
        return f"ws://{self._route.here}:{self.ports.http}"

    def _configuration(self, key_is_valid: bool) -> str:
        configuration = json.loads(super()._configuration(key_is_valid))
        configuration["bind_addresses"].append(self._route.here)
        configuration["rtc"]["ips"]["includes"].append(f"{self._route.here}/32")
        # With it the server names that one address as all of its own, and media finds no way.
        del configuration["rtc"]["node_ip"]
        return json.dumps(configuration)
