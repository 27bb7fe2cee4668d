"""A caller: joins a room, listens to the greeting, asks, and transcribes what the agent says."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType

from sandbox.callers.room_connection import RoomConnection
from sandbox.speech.client import SpeechClient
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
class CallResult:
    """A call as the caller heard it; times in seconds.

    `first_audio_after` counts from `since` to the first sound of the agent, `answered_after` from
    the end of the caller's last words to the first sound of the answer. `wav` is the whole call.
    """

    greeting_text: str
    answers: tuple[str, ...]
    first_audio_after: float | None
    answered_after: float | None
    wav: bytes

    @property
    def answer_text(self) -> str:
        """The answer to the last question; empty when there was none."""
        return self.answers[-1] if self.answers else ""


class Caller:
    """A caller in a room, for calls that take another course than `call`."""

    def __init__(self, url: str, token: str, speech: SpeechClient) -> None:
        self.connection = RoomConnection()
        self._url, self._token, self._speech = url, token, speech

    async def __aenter__(self) -> "Caller":
        await self.connection.connect(self._url, self._token)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.connection.hang_up()

    async def say(self, text: str) -> float:
        """Say a text; give the moment at which its last word is out."""
        return await self.connection.play(await self._speech.speak(text))

    async def hear(self, patience_seconds: float = 30.0) -> Utterance:
        """Listen until the agent has said something and is done.

        Raises:
            NothingHeard: it did not begin in time, or did not end.
        """
        connection, recording = self.connection, self.connection.recording
        if not await connection.wait_until(
            lambda: recording.onset_at is not None, patience_seconds
        ):
            raise NothingHeard(self._cause("a word"))
        is_done = await connection.wait_until(self._is_done, patience_seconds)
        if not is_done and not connection.ended.is_set():
            raise NothingHeard(self._cause("an end"))
        started_at, ended_at = recording.onset_at, recording.loud_until
        assert started_at is not None
        assert ended_at is not None
        return Utterance(started_at, ended_at, recording.take_utterance())

    async def transcribe(self, utterance: Utterance) -> str:
        """Give an utterance as text."""
        return await self._speech.transcribe(to_wav(utterance.pcm))

    def recording_as_wav(self) -> bytes:
        """Give the whole call so far as a wav file, 24 kHz."""
        return to_wav(bytes(self.connection.recording.pcm))

    def _is_done(self) -> bool:
        state = self.connection.agent_state
        if state in ("speaking", "thinking"):
            return False
        return self.connection.recording.is_quiet_since(
            _LONG_PAUSE_SECONDS if state is None else _PAUSE_SECONDS
        )

    def _cause(self, missing: str) -> str:
        if self.connection.ended.is_set():
            return f"the call ended before {missing} from the agent"
        if self.connection.agent is None:
            return f"no agent is in the room: not {missing} was heard"
        return f"the agent is there ({self.connection.agent_state}), but not {missing} was heard"


async def call(  # noqa: PLR0913 - the settings of one call, by keyword
    url: str,
    token: str,
    *,
    speech: SpeechClient,
    say: str | Sequence[str] | None = None,
    since: float | None = None,
    listen_seconds: float = 30.0,
    waits_for_greeting: bool = True,
    on_step: Callable[[str], None] = lambda _: None,
) -> CallResult:
    """Call, listen to the greeting, ask each question and listen to its answer.

    Args:
        url: the project's.
        token: the caller's for the room.
        speech: speaks and transcribes for the caller; it does not count this as served.
        say: what to say after the greeting, one question or several; None only listens.
        since: the moment (time.monotonic()) that `first_audio_after` counts from; default is now.
        listen_seconds: how long to wait for each beginning and each end.
        waits_for_greeting: False asks at once.
        on_step: is called with a sentence for each step as it happens.

    Raises:
        NothingHeard: the agent was silent for that long.
    """
    since = time.monotonic() if since is None else since
    questions = [say] if isinstance(say, str) else list(say or ())
    wavs = [await speech.speak(question) for question in questions]
    async with Caller(url, token, speech) as caller:
        greetings = [await caller.hear(listen_seconds)] if waits_for_greeting else []
        if greetings:
            on_step("heard the greeting")
        spoken_questions = zip(questions, wavs, strict=True)
        answers, answered_after = await _ask_each(caller, spoken_questions, listen_seconds, on_step)
    return await _result(caller, greetings, answers, since, answered_after)


async def _result(
    caller: Caller,
    greetings: list[Utterance],
    answers: list[Utterance],
    since: float,
    answered_after: float | None,
) -> CallResult:
    utterances = [*greetings, *answers]
    texts = [await caller.transcribe(utterance) for utterance in utterances]
    return CallResult(
        greeting_text=texts[0] if greetings else "",
        answers=tuple(texts[len(greetings) :]),
        first_audio_after=utterances[0].started_at - since if utterances else None,
        answered_after=answered_after,
        wav=caller.recording_as_wav(),
    )


async def _ask_each(
    caller: Caller,
    spoken_questions: Iterable[tuple[str, bytes]],
    listen_seconds: float,
    on_step: Callable[[str], None],
) -> tuple[list[Utterance], float | None]:
    answers, answered_after = [], None
    for question, wav in spoken_questions:
        on_step(f"asks: “{question}”")
        asked_at = await caller.connection.play(wav)
        answers.append(await caller.hear(listen_seconds))
        answered_after = answers[-1].started_at - asked_at
        on_step("heard the answer")
    return answers, answered_after
