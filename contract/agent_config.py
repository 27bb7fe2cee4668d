"""The configuration of a tenant's voice agent: what AGENT_CONFIG may hold, read and checked."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_LONGEST_TOOL_SECONDS = 30.0

# Whoever holds the project's key can make a dispatch. So its `session` changes what is said, but
# names no URL to be called, no header, and no pipeline other than the one that was checked.
_SESSION_KEYS = (
    "instructions",
    "additional_instructions",
    "greeting",
    "language",
    "models",
    "voice",
    "caller_may_interrupt",
)


class AgentConfigFault(ValueError):
    """An agent's configuration that cannot be used; `faults` lists everything wrong with it."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Models(_Frozen):
    """The names of the provider's models; `realtime` is used by that pipeline alone."""

    stt: str = Field(default="gpt-4o-mini-transcribe", min_length=1)
    llm: str = Field(default="gpt-4.1", min_length=1)
    tts: str = Field(default="gpt-4o-mini-tts", min_length=1)
    realtime: str = Field(default="gpt-realtime", min_length=1)


def _any_arguments() -> dict[str, Any]:
    return {"type": "object", "properties": {}}


class HttpTool(_Frozen):
    """An HTTP call the model may ask for; its arguments are the JSON body, or a GET's query."""

    name: str
    description: str = Field(min_length=1)
    parameters: dict[str, Any] = Field(default_factory=_any_arguments)
    url: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    timeout_seconds: float = Field(default=10.0, gt=0, le=_LONGEST_TOOL_SECONDS)

    @field_validator("name")
    @classmethod
    def _is_a_function_name(cls, name: str) -> str:
        if not _TOOL_NAME.fullmatch(name):
            raise ValueError("a tool's name has letters, digits, _ and -, at most 64")
        return name

    @field_validator("parameters")
    @classmethod
    def _describes_an_object(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        if parameters.get("type") != "object":
            raise ValueError('a JSON schema of an object: {"type": "object", "properties": {…}}')
        return parameters

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+([/?][^\s#]*)?", url):
            raise ValueError("an http or https URL without user and password")
        return url


class AgentConfig(_Frozen):
    """A tenant's agent; the defaults are a polite agent that promises nothing."""

    instructions: str = Field(
        default="You are a friendly voice assistant on the phone. Answer in one or two short "
        "sentences. Say so when you do not know something, and never invent facts.",
        min_length=1,
    )
    greeting: str = "Hello, how can I help you?"
    language: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    models: Models = Models()
    voice: str = Field(default="alloy", min_length=1)
    pipeline: Literal["chained", "realtime"] = "chained"
    caller_may_interrupt: bool = Field(default=True, strict=True)
    tools: tuple[HttpTool, ...] = ()

    @field_validator("tools")
    @classmethod
    def _names_each_tool_once(cls, tools: tuple[HttpTool, ...]) -> tuple[HttpTool, ...]:
        names = [tool.name for tool in tools]
        if duplicates := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the same name twice: {', '.join(duplicates)}")
        return tools

    @property
    def models_in_use(self) -> tuple[str, ...]:
        """Name the models that this pipeline asks the provider for."""
        if self.pipeline == "realtime":
            return (self.models.realtime,)
        return (self.models.stt, self.models.llm, self.models.tts)

    def overridden(self, session: Mapping[str, Any]) -> "AgentConfig":
        """Give what one call uses: a dispatch's `session` over this configuration.

        `additional_instructions` follow the instructions; `models` replaces only the models it
        names; `tools` and `pipeline` are the tenant's alone, since a dispatch may come from
        whoever holds the project's key.

        Raises:
            AgentConfigFault: for a key that a session may not bring, or a malformed value.
        """
        if faults := tuple(
            _unknown_key(f"session.{key}", str(key), _SESSION_KEYS)
            for key in session
            if key not in _SESSION_KEYS
        ):
            raise AgentConfigFault(faults)
        fields = self.model_dump()
        changes = {key: session[key] for key in session if key != "additional_instructions"}
        if isinstance(models := session.get("models"), Mapping):
            changes["models"] = fields["models"] | dict(models)
        if addition := _additional_instructions(session):
            instructions = changes.get("instructions", self.instructions)
            changes["instructions"] = f"{instructions}\n\n{addition}"
        return parse(fields | changes)


def parse(mapping: Mapping[str, Any]) -> AgentConfig:
    """Read a configuration from the mapping that a YAML file holds.

    Raises:
        AgentConfigFault: with every fault; an unknown key with the nearest known one.
    """
    try:
        return AgentConfig.model_validate(dict(mapping))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise AgentConfigFault(
            tuple(_sentence(fault["loc"], fault["type"], fault["msg"]) for fault in faults)
        ) from None


def _additional_instructions(session: Mapping[str, Any]) -> str:
    text = session.get("additional_instructions", "")
    if not isinstance(text, str):
        raise AgentConfigFault(("additional_instructions: a text is needed",))
    return text


def _sentence(location: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ".".join(str(part) for part in location) or "the file"
    if kind == "extra_forbidden":
        return _unknown_key(path, str(location[-1]), _known_keys(location))
    return f"{path}: {message.removeprefix('Value error, ')}"


def _known_keys(location: tuple[int | str, ...]) -> tuple[str, ...]:
    models: dict[str, type[BaseModel]] = {"models": Models, "tools": HttpTool}
    model = models.get(str(location[0]), AgentConfig) if len(location) > 1 else AgentConfig
    return tuple(model.model_fields)


def _unknown_key(path: str, key: str, known: tuple[str, ...]) -> str:
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known)}"
    return f"{path}: unknown key; {hint}"
