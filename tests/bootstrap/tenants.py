"""A tenant's variables for tests, and what reading them says."""

from pathlib import Path

from bootstrap.settings.settings import WorkerSettings, read
from contract.settings.findings import Finding, Findings

SECRET = "canarySecretcanarySecretcanarySecret42"

GOOD = {
    "TENANT_ID": "acme",
    "LIVEKIT_URL": "wss://acme-1a2b3c4d.livekit.cloud",
    "LIVEKIT_API_KEY": "APIa1B2c3D4e5F6",
    "LIVEKIT_API_SECRET": SECRET,
    "OPENAI_API_KEY": "sk-canary-0123456789",
}


def settings_of(**changed: str) -> WorkerSettings:
    """Read a good tenant's variables with some changed; an empty text leaves one out."""
    settings = read(variables(**changed))
    assert isinstance(settings, WorkerSettings), [str(finding) for finding in settings]
    return settings


def faults_of(**changed: str) -> tuple[Finding, ...]:
    """Give the faults of a good tenant's variables with some changed."""
    findings = read(variables(**changed))
    assert isinstance(findings, Findings)
    return findings.faults


def variables(**changed: str) -> dict[str, str]:
    """Give a good tenant's variables with some changed."""
    return {name: text for name, text in (GOOD | changed).items() if text}


def env_file(folder: Path, text: str = "", **changed: str) -> Path:
    """Write a good tenant's env file with some variables changed, and `text` after them."""
    path = folder / "acme.env"
    lines = [f"{name}={value}" for name, value in variables(**changed).items()]
    path.write_text("\n".join([*lines, text]) + "\n")
    return path
