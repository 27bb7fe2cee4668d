"""The three values that open one LiveKit project."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import SecretStr

from contract.fingerprint import fingerprint

_CLOUD_DOMAIN = "livekit.cloud"
_HTTP_OF = {"ws": "http", "wss": "https"}
_WS_OF = {"http": "ws", "https": "wss"}


@dataclass(frozen=True, repr=False)
class Credentials:
    """A project's URL (ws, wss, http or https, maybe with a path), API key and API secret."""

    url: str
    api_key: str
    api_secret: SecretStr

    @property
    def http_url(self) -> str:
        """The URL for requests: http or https, the path kept, no slash at the end."""
        return self._with_scheme(_HTTP_OF)

    @property
    def ws_url(self) -> str:
        """The URL for websockets: ws or wss, the path kept, no slash at the end."""
        return self._with_scheme(_WS_OF)

    @property
    def host(self) -> str:
        """The host as in the URL, in lower case: `name` or `name:port`."""
        return self._parts.netloc.rpartition("@")[2].lower()

    @property
    def hostname(self) -> str:
        """The host without its port."""
        return self._parts.hostname or ""

    @property
    def port(self) -> int:
        """The port, by the scheme where the URL names none."""
        default = 443 if self._parts.scheme in ("wss", "https") else 80
        return self._parts.port or default

    @property
    def fingerprint(self) -> str:
        """The API key's fingerprint: what logs and reports show in place of the key."""
        return fingerprint(self.api_key)

    @property
    def is_cloud(self) -> bool:
        """Tell whether the project is on LiveKit Cloud."""
        return self.hostname == _CLOUD_DOMAIN or self.hostname.endswith(f".{_CLOUD_DOMAIN}")

    def __repr__(self) -> str:
        return f"Credentials(host={self.host!r}, key_fingerprint={self.fingerprint!r})"

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    def _with_scheme(self, schemes: dict[str, str]) -> str:
        parts = self._parts
        scheme = schemes.get(parts.scheme, parts.scheme)
        return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
