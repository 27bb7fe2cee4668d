"""What a child process gets of the control plane's environment: nothing that is a setting."""

from collections.abc import Mapping

_INHERITED = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "OPENBLAS_CORETYPE",
)


def inherited(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Choose from an environment what a program needs of its host, and no setting of ours."""
    return tuple((name, environment[name]) for name in _INHERITED if name in environment)
