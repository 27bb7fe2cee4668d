"""Which URLs are taken, and which hosts may be spoken to unencrypted."""

import pytest

from tests.bootstrap.tenants import faults_of, settings_of


@pytest.mark.parametrize(
    "url",
    [
        "wss://acme-1a2b3c4d.livekit.cloud",
        "https://acme-1a2b3c4d.livekit.cloud",
        "wss://livekit.acme.com:8443",
        "wss://livekit.acme.com/voice/eu",
        "wss://livekit.acme.com/",
        "WSS://livekit.acme.com",
        "wss://[2001:db8::1]:443",
    ],
)
def test_ws_wss_http_https_and_a_path_are_taken(url: str) -> None:
    assert settings_of(LIVEKIT_URL=url).credentials.url == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://livekit.acme.com",
        "livekit.acme.com",
        "acme.livekit.cloud:443",
        "//livekit.acme.com",
    ],
)
def test_another_scheme_is_refused(url: str) -> None:
    (fault,) = faults_of(LIVEKIT_URL=url)
    assert "wss://" in fault.problem


@pytest.mark.parametrize(
    "url",
    ["https://cloud.livekit.io/projects/p_1a2b3c/settings/keys", "https://CLOUD.livekit.io"],
)
def test_the_website_of_livekit_cloud_is_no_project(url: str) -> None:
    (fault,) = faults_of(LIVEKIT_URL=url)
    assert "LiveKit Cloud's website" in fault.problem


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("wss://livekit.acme.com/?region=eu", "query"),
        ("wss://livekit.acme.com?", "query"),
        ("wss://livekit.acme.com/#top", "fragment"),
        ("wss://acme:canary-pw@livekit.acme.com", "user or a password"),
        ("wss://acme@livekit.acme.com", "user or a password"),
    ],
)
def test_a_query_a_user_and_a_password_are_refused_and_not_repeated(url: str, what: str) -> None:
    (fault,) = faults_of(LIVEKIT_URL=url)
    assert what in fault.problem
    assert "canary-pw" not in str(fault)


@pytest.mark.parametrize(
    "url",
    [
        "wss://",
        "wss:livekit.acme.com",
        "wss:///path",
        "wss://:443",
        "wss://a b",
        "wss://h:99999",
        "wss://h:0",
        "wss://[::1",
    ],
)
def test_an_url_without_a_possible_host_and_port_is_refused(url: str) -> None:
    (fault,) = faults_of(LIVEKIT_URL=url)
    assert fault.variable == "LIVEKIT_URL"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:7880",
        "[::1]:7880",
        "localhost",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "[fd00::1]",
        "livekit",
        "livekit:7880",
        "livekit.voice.svc",
        "livekit.voice.svc.cluster.local",
        "livekit.internal",
        "livekit.local.",
        "LIVEKIT.INTERNAL",
    ],
)
@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_plain_text_is_for_loopback_private_addresses_and_inside_names(
    scheme: str, host: str
) -> None:
    settings_of(LIVEKIT_URL=f"{scheme}://{host}")


@pytest.mark.parametrize(
    "host",
    [
        "acme-1a2b3c4d.livekit.cloud",
        "livekit.acme.com",
        "8.8.8.8",
        "203.0.113.7",
        "172.32.0.1",
        "[2001:db8::1]",
        "[::ffff:8.8.8.8]",
        "local.acme.com",
        "notinternal.com",
    ],
)
@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_plain_text_to_a_public_host_is_refused_unless_allowed(scheme: str, host: str) -> None:
    (fault,) = faults_of(LIVEKIT_URL=f"{scheme}://{host}")
    assert "ALLOW_INSECURE_URL=1" in fault.problem
    settings_of(LIVEKIT_URL=f"{scheme}://{host}", ALLOW_INSECURE_URL="1")


def test_keys_and_records_do_not_travel_in_plain_text_either() -> None:
    faults = faults_of(
        OPENAI_BASE_URL="http://api.openai.com/v1",
        USAGE_URL="http://control.example.com",
        USAGE_SECRET="s" * 32,
    )
    assert [fault.variable for fault in faults] == ["OPENAI_BASE_URL", "USAGE_URL"]
