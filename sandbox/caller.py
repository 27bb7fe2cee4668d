"""A caller: joins a room, listens to the greeting, asks, and writes down what the agent said."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType

from sandbox.microphone import Microphone
from sandbox.speech.client import Speech
from sandbox.speech.sound import seconds, to_wav

_PAUSE_SECONDS = 0.6  # of silence, when the agent's session says that it listens
_LONG_PAUSE_SECONDS = 1.5  # when no session says anything


class NothingHeard(Exception):
    """The agent said nothing in time; says what was waited for, and what became of the call."""


@dataclass(frozen=True)
class Utterance:
    """Something that the agent said; moments are time.monotonic()."""

    started_at: float
    ended_at: float
    pcm: bytes

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return seconds(self.pcm)


@dataclass(frozen=True)
class Heard:
    """A call as the caller heard it; times in seconds.

    `first_audio_after` counts from `since` to the first sound of the agent, `answered_after` from
    the end of the caller's (last) words to the first sound of the answer. `wav` has all of it.
    """

    greeting_text: str
    answers: tuple[str, ...]
    first_audio_after: float | None
    answered_after: float | None
    wav: bytes

    @property
    def answer_text(self) -> str:
        """The answer to what was said last."""
        return self.answers[-1] if self.answers else ""


class Caller:
    """Somebody on the line, for calls that follow another script than `call`."""

    def __init__(self, url: str, token: str, speech: Speech) -> None:
        self.line = Microphone()
        self._url, self._token, self._speech = url, token, speech

    async def __aenter__(self) -> "Caller":
        await self.line.connect(self._url, self._token)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.line.hang_up()

    async def say(self, text: str) -> float:
        """Say something; give the moment at which the last word was out."""
        return await self.line.play(await self._speech.speak(text))

    async def hear(self, patience_seconds: float = 30.0) -> Utterance:
        """Listen until the agent has said something and is done.

        Raises:
            NothingHeard: it did not begin in time, or did not end.
        """
        recording = self.line.recording
        if not await self.line.wait_until(lambda: recording.onset_at is not None, patience_seconds):
            raise NothingHeard(self._account("a word"))
        is_done = await self.line.wait_until(self._is_done, patience_seconds)
        if not is_done and not self.line.ended.is_set():
            raise NothingHeard(self._account("an end"))
        started, ended = recording.onset_at, recording.loud_until
        assert started is not None
        assert ended is not None
        return Utterance(started, ended, recording.take_utterance())

    async def transcribe(self, utterance: Utterance) -> str:
        """Write down what was heard."""
        return await self._speech.transcribe(to_wav(utterance.pcm))

    def recorded(self) -> bytes:
        """Give the whole call so far as a wav file, 24 kHz."""
        return to_wav(bytes(self.line.recording.pcm))

    def _is_done(self) -> bool:
        state = self.line.agent_state
        if state in ("speaking", "thinking"):
            return False
        return self.line.recording.is_quiet_since(
            _LONG_PAUSE_SECONDS if state is None else _PAUSE_SECONDS
        )

    def _account(self, missing: str) -> str:
        if self.line.ended.is_set():
            return f"the call ended before {missing} from the agent"
        if self.line.agent is None:
            return f"no agent is in the room: not {missing} was heard"
        return f"the agent is there ({self.line.agent_state}), but not {missing} was heard"


async def call(  # noqa: PLR0913 - one call's circumstances, by keyword
    url: str,
    token: str,
    *,
    speech: Speech,
    say: str | Sequence[str] | None = None,
    since: float | None = None,
    listen_seconds: float = 30.0,
    waits_for_greeting: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> Heard:
    """Call, listen to the greeting, say each sentence and listen to its answer.

    Args:
        url: the project's.
        token: the caller's for the room.
        speech: lends its voice and ears; what it lends is not counted.
        say: what to say after the greeting; None only listens.
        since: the moment (time.monotonic()) that `first_audio_after` counts from; default is now.
        listen_seconds: how long to wait for each beginning and each end.
        waits_for_greeting: False speaks at once.
        tell: is told each step as it happens.

    Raises:
        NothingHeard: the agent was silent for that long.
    """
    since = time.monotonic() if since is None else since
    sentences = [say] if isinstance(say, str) else list(say or ())
    words = [await speech.speak(sentence) for sentence in sentences]
    async with Caller(url, token, speech) as caller:
        greeting = [await caller.hear(listen_seconds)] if waits_for_greeting else []
        if greeting:
            tell("heard the greeting")
        script = zip(sentences, words, strict=True)
        answers, answered_after = await _ask_each(caller, script, listen_seconds, tell)
    return await _written_down(caller, greeting, answers, since, answered_after)


async def _written_down(
    caller: Caller,
    greeting: list[Utterance],
    answers: list[Utterance],
    since: float,
    answered_after: float | None,
) -> Heard:
    heard = [*greeting, *answers]
    texts = [await caller.transcribe(utterance) for utterance in heard]
    return Heard(
        greeting_text=texts[0] if greeting else "",
        answers=tuple(texts[len(greeting) :]),
        first_audio_after=heard[0].started_at - since if heard else None,
        answered_after=answered_after,
        wav=caller.recorded(),
    )


async def _ask_each(
    caller: Caller,
    script: Iterable[tuple[str, bytes]],
    listen_seconds: float,
    tell: Callable[[str], None],
) -> tuple[list[Utterance], float | None]:
    answers, answered_after = [], None
    for sentence, words in script:
        tell(f"asks: “{sentence}”")
        said_at = await caller.line.play(words)
        answers.append(await caller.hear(listen_seconds))
        answered_after = answers[-1].started_at - said_at
        tell("heard the answer")
    return answers, answered_after
