"""Credentials: the URLs that they give, and a repr without key and secret."""

import pytest
from pydantic import SecretStr

from contract.fingerprint import fingerprint
from project.credentials import Credentials

CANARY = "canary-secret-of-more-than-32-characters"


def credentials(url: str) -> Credentials:
    return Credentials(url=url, api_key="APIcanarykey", api_secret=SecretStr(CANARY))


@pytest.mark.parametrize(
    ("url", "http", "ws"),
    [
        ("wss://acme.livekit.cloud", "https://acme.livekit.cloud", "wss://acme.livekit.cloud"),
        ("https://acme.livekit.cloud/", "https://acme.livekit.cloud", "wss://acme.livekit.cloud"),
        ("ws://127.0.0.1:7880", "http://127.0.0.1:7880", "ws://127.0.0.1:7880"),
        ("http://livekit:7880/voice/", "http://livekit:7880/voice", "ws://livekit:7880/voice"),
    ],
)
def test_a_url_serves_requests_and_websockets_with_its_path_kept(
    url: str, http: str, ws: str
) -> None:
    assert credentials(url).http_url == http
    assert credentials(url).ws_url == ws


@pytest.mark.parametrize(
    ("url", "host", "hostname", "port"),
    [
        ("wss://Acme.LiveKit.cloud", "acme.livekit.cloud", "acme.livekit.cloud", 443),
        ("wss://voice.example:8443/lk", "voice.example:8443", "voice.example", 8443),
        ("ws://livekit", "livekit", "livekit", 80),
        ("ws://[::1]:7880", "[::1]:7880", "::1", 7880),
    ],
)
def test_the_host_is_named_as_in_the_url(url: str, host: str, hostname: str, port: int) -> None:
    acme = credentials(url)
    assert (acme.host, acme.hostname, acme.port) == (host, hostname, port)


@pytest.mark.parametrize(
    ("url", "is_cloud"),
    [
        ("wss://acme.livekit.cloud", True),
        ("wss://livekit.acme.example", False),
        ("wss://acmelivekit.cloud", False),
        ("wss://acme.livekit.cloud.evil.example", False),
    ],
)
def test_only_livekits_own_domain_is_the_cloud(url: str, is_cloud: bool) -> None:
    assert credentials(url).is_cloud is is_cloud


def test_credentials_show_host_and_fingerprint_and_neither_key_nor_secret() -> None:
    text = repr(credentials("wss://acme.livekit.cloud")) + str(credentials("wss://a.example"))
    assert "acme.livekit.cloud" in text
    assert fingerprint("APIcanarykey") in text
    assert CANARY not in text
    assert "APIcanarykey" not in text
