"""What a URL in the settings may look like, and where it may go in plain text."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

_DASHBOARD = "cloud.livekit.io"
_PLAIN = frozenset({"ws", "http"})
_INSIDE_SUFFIXES = (".svc", ".internal", ".local", ".localhost")
# Python's `is_private` also covers documentation networks, which are no inside of anybody.
_INSIDE_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


def fault(url: str, schemes: tuple[str, ...]) -> str:
    """Say what is wrong with a URL; empty when nothing is. Never repeats the URL."""
    try:
        parts = urlsplit(url)
        port_is_usable = parts.port != 0
    except ValueError:
        return "is not a URL, or its port is no number up to 65535"
    if parts.scheme not in schemes:
        return f"begins with none of {', '.join(f'{scheme}://' for scheme in schemes)}"
    if parts.username is not None or parts.password is not None:
        return "holds a user or a password; the key and the secret have variables of their own"
    if "?" in url or "#" in url:
        return "has a query or a fragment; host, port and path are all it takes"
    if not _names_a_host(parts) or not port_is_usable:
        return "names no host, or a host or port that cannot exist"
    return ""


def is_dashboard(url: str) -> bool:
    """Tell whether a well-formed URL is LiveKit Cloud's website, which serves no project."""
    return urlsplit(url).hostname == _DASHBOARD


def is_plain_to_outside(url: str) -> bool:
    """Tell whether a well-formed URL would carry secrets unencrypted to a public host."""
    parts = urlsplit(url)
    return parts.scheme in _PLAIN and not is_inside(parts.hostname or "")


def is_inside(host: str) -> bool:
    """Tell loopback, private addresses and inside names (`livekit`, `*.svc`) from public ones."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        name = host.lower().rstrip(".")
        return "." not in name or name.endswith(_INSIDE_SUFFIXES)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in _INSIDE_NETWORKS)


def _names_a_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    return bool(host) and not any(
        character.isspace() or character in '\\^`|"<>{}*,;' for character in parts.netloc
    )
