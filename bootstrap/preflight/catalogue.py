"""Every check of the preflight, in the order of its report; docs/checks.md explains each."""

from bootstrap.preflight.check import Check
from bootstrap.preflight.checks import credential, media, network, offline, place, provider, server
from contract.exits import ExitCode

_DOWN, _REFUSED, _CONFIG = ExitCode.UNAVAILABLE, ExitCode.REFUSED, ExitCode.CONFIG
_SETTINGS = (
    "settings.complete",
    "settings.wellformed",
    "settings.one-source",
    "settings.not-swapped",
)
_PROVEN = ("credential.secret",)

# Id, the good state, deadline in seconds, exit code, question; what it needs, what to do.
# fmt: off
CATALOGUE: tuple[Check, ...] = (
    Check("settings.complete", "every required setting is there", 1, _CONFIG, offline.are_complete,
          (), "Set each of the variables named; docs/settings.md lists all."),
    Check("settings.wellformed", "every setting can be meant", 1, _CONFIG, offline.are_wellformed,
          (), "Correct each of the variables named, after its example."),
    Check("settings.one-source", "url, key, secret have one source", 1, _CONFIG, offline.are_one,
          (), "Put all three into the env file, or all three into the environment."),
    Check("settings.not-swapped", "key and secret are not swapped", 1, _CONFIG, offline.are_apart,
          (), "A key begins with API and is short, a secret is long: exchange the two."),
    Check("identity.not-foreign", "the key is nobody else's", 1, _REFUSED, offline.is_not_foreign,
          _SETTINGS, "Use the tenant's own key: this one is the operator's or another tenant's."),
    Check("network.resolves", "the host's name resolves", 3, _DOWN, network.host_resolves,
          _SETTINGS, "Correct the host in LIVEKIT_URL, or this machine's DNS."),
    Check("network.connects", "the host takes connections", 3, _DOWN, network.port_connects,
          ("network.resolves",), "See that the server runs and firewalls let this port through."),
    Check("network.tls", "the host's certificate is valid", 3, _DOWN, network.certificate_holds,
          ("network.connects",), "Renew the certificate; put a private issuer in SSL_CERT_FILE."),
    Check("server.is-livekit", "the host is a LiveKit server", 4, _CONFIG, server.host_is_livekit,
          ("network.tls",), "Correct LIVEKIT_URL: the address that the project's settings show."),
    Check("server.clock", "the clocks agree", 1, _DOWN, server.clocks_agree,
          ("server.is-livekit",), "Set this machine's clock, or the server's (NTP)."),
    Check("credential.known", "the project knows the key", 4, _REFUSED, credential.key_is_known,
          ("identity.not-foreign", "server.clock"), "Take url, key and secret from one project."),
    Check("credential.secret", "the secret is the key's", 1, _REFUSED, credential.secret_is_right,
          ("credential.known",), "Copy LIVEKIT_API_SECRET again, from the same line as the key."),
    Check("credential.of-this-project", "the key is this project's", 4, _REFUSED, credential.fits,
          _PROVEN, "Take url, key and secret together from one project's settings."),
    Check("project.rooms", "a room can be made and removed", 5, _DOWN, place.rooms_work,
          _PROVEN, "See the server's log; the project may have reached a limit."),
    Check("project.dispatch", "a dispatch can be made and undone", 5, _DOWN, place.dispatches_work,
          _PROVEN, "See the server's log; an old server may know no dispatches."),
    Check("project.worker", "the worker's websocket opens", 4, _DOWN, place.worker_may_register,
          _PROVEN, "See the server's log and whatever stands before the server."),
    Check("project.rivals", "nobody else takes our calls", 7, _DOWN, place.nobody_else_comes,
          _PROVEN, "Stop that worker or give it another agent name: it holds a key of ours.",
          "rival_check"),
    Check("project.media", "a caller joins and a packet moves", 5, _DOWN, media.packets_move,
          _PROVEN, "Open the server's media ports: UDP, or at least its TCP port."),
    Check("provider.reachable", "the model endpoint answers", 4, _DOWN, provider.endpoint_answers,
          _SETTINGS, "Check OPENAI_BASE_URL, the network and the provider's status page.",
          "provider_check"),
    Check("provider.authorized", "the endpoint takes the key", 1, _DOWN, provider.key_is_taken,
          ("provider.reachable",), "Check OPENAI_API_KEY and OPENAI_BASE_URL: they go together.",
          "provider_check"),
)
# fmt: on
