"""A tenant's env file with the file that it names, as an operator would hand it in."""

from pathlib import Path

from tests.control.planes import CANARY

ENV = f"""LIVEKIT_URL=wss://acme.livekit.cloud
LIVEKIT_API_KEY=APIacme
LIVEKIT_API_SECRET={CANARY}
OPENAI_API_KEY=sk-{CANARY}
ROOM_PREFIX=acme--
MAX_CALLS=3
AGENT_CONFIG=agent.yaml
TOKEN_RULE=warn
LOG_LEVEL=DEBUG
"""


def write(folder: Path, text: str = ENV, name: str = "acme") -> Path:
    """Write an env file, and beside it the agent.yaml that it names."""
    (folder / "agent.yaml").write_text("greeting: Hello\n")
    path = folder / f"{name}.env"
    path.write_text(text)
    return path
