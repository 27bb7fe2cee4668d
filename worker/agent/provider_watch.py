"""Notices that a caller waits in vain, says so, and gives a call up that cannot go on."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ErrorEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
    llm,
    metrics,
)
from livekit.agents.types import APIConnectOptions
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.agents.voice.events import ToolExecutionUpdatedEvent

from worker.agent.announcements import Announcement
from worker.agent.announcer import Announcer

logger = logging.getLogger(__name__)

# The end of speech is noticed 0.55 s late, and sound takes 0.2 s to the caller: with these, the
# sentence is on its way before five seconds of silence are over.
PATIENCE_SECONDS = 3.6
_MORE_PATIENCE_SECONDS = 4.0
_MOST_WAITS = 3
_LONGEST_SPEECH_SECONDS = 10.0
_HOPELESS_TURNS = 2
_HOPELESS_SLOW_TURNS = 3

# One quick second try: by the time of a third the caller has been told already.
_LIMITS = APIConnectOptions(max_retry=1, retry_interval=0.5, timeout=8.0)
LIMITS = SessionConnectOptions(
    stt_conn_options=_LIMITS,
    llm_conn_options=_LIMITS,
    tts_conn_options=_LIMITS,
    # How often a turn may fail is counted here; the SDK would end the session in silence.
    max_unrecoverable_errors=1_000_000,
)
# A websocket is worth more tries: a caller who was told to wait can go on after them.
REALTIME_LIMITS = APIConnectOptions(max_retry=15, retry_interval=2.0, timeout=4.0)


class Stage(StrEnum):
    """What a caller waits for; also the label of the metric."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"
    REALTIME = "realtime"
    CODE = "code"


class ProviderWatch:
    """Follows one session's turns: who spoke last, what is awaited, what the caller was told."""

    def __init__(
        self,
        session: AgentSession[Any],
        announcer: Announcer,
        *,
        count: Callable[[str, float], None],
        give_up: Callable[[], None],
    ) -> None:
        self._session = session
        self._announcer = announcer
        self._count = count
        self._give_up = give_up
        self._alarm: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped_at = 0.0
        self._heard_at = 0.0
        self._understood_at = 0.0
        self._is_awaited = False
        self._last_said: Announcement | None = None
        self._waits = 0
        self._failed_turns = 0
        self._tools: set[str] = set()
        self._is_over = False
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    def begin(self) -> None:
        """Listen to the session from now on."""
        self._session.on("user_state_changed", self._caller_changed)
        self._session.on("agent_state_changed", self._agent_changed)
        self._session.on("user_input_transcribed", self._transcribed)
        self._session.on("tool_execution_updated", self._tool_changed)
        self._session.on("error", self._failed)
        if self._session.stt is not None:
            self._session.stt.on("metrics_collected", self._heard)

    def end(self) -> None:
        """Say nothing more."""
        self._is_over = True
        self._disarm()
        for task in self._tasks:
            task.cancel()

    def _caller_changed(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._disarm()
            self._is_awaited = True
            self._last_said, self._waits = None, 0
        elif event.old_state == "speaking":
            self._stopped_at = time.time()
            self._arm(PATIENCE_SECONDS)

    def _agent_changed(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._disarm()
            self._is_quiet.clear()
            if self._is_awaited:
                self._is_awaited, self._failed_turns = False, 0
        else:
            self._is_quiet.set()

    def _heard(self, _: metrics.STTMetrics) -> None:
        self._heard_at = time.time()

    def _transcribed(self, event: UserInputTranscribedEvent) -> None:
        if event.is_final and event.transcript.strip():
            self._understood_at = time.time()

    def _tool_changed(self, event: ToolExecutionUpdatedEvent) -> None:
        update = event.update
        if update.type == "tool_call_started":
            self._tools.add(update.function_call.call_id)
        elif update.type == "tool_call_ended":
            self._tools.discard(update.call_id)
            if not self._tools and not self._is_over and self._is_quiet.is_set():
                self._arm(PATIENCE_SECONDS)

    def _failed(self, event: ErrorEvent) -> None:
        stage = _stage(event.error)
        if stage is None or self._is_over or not self._is_lost(event.error):
            return
        logger.warning("the provider has failed", extra={"stage": stage, "cause": _cause(event)})
        self._disarm()  # what failed for good is not awaited any more
        self._start(self._tell(stage, may_come_yet=False))

    def _is_lost(self, error: Any) -> bool:
        """Tell whether an error means that an answer will not come."""
        if not isinstance(error, llm.RealtimeModelError):
            return not error.recoverable
        if not error.recoverable:
            # Its websocket is not tried again: nothing more can be answered in this call.
            self._failed_turns = _HOPELESS_TURNS
            return True
        # The socket may come back, but the answer that was awaited on it does not.
        return self._alarm is not None

    def _arm(self, seconds: float) -> None:
        self._disarm()
        if not self._is_over:
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._rung)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _rung(self) -> None:
        self._alarm = None
        if not self._is_quiet.is_set() or self._nothing_was_said():
            return
        if self._tools or self._last_said is not None:
            self._start(self._tell_to_wait())
        else:
            self._start(self._tell(self._awaited()))

    def _nothing_was_said(self) -> bool:
        # A cough ends as a turn without words; the agent owes it no answer.
        if self._session.stt is None:
            return False
        return self._heard_at > self._stopped_at and self._understood_at < self._stopped_at

    def _is_pending(self) -> bool:
        is_heard = self._session.stt is None or self._heard_at > self._stopped_at
        return bool(self._tools) or not is_heard or self._session.agent_state == "thinking"

    def _awaited(self) -> Stage:
        if isinstance(self._session.llm, llm.RealtimeModel):
            return Stage.REALTIME
        return Stage.LLM if self._heard_at > self._stopped_at else Stage.STT

    async def _tell(self, stage: Stage, may_come_yet: bool = True) -> None:
        if self._last_said in (Announcement.APOLOGY, Announcement.GIVING_UP):
            return
        self._disarm()
        self._failed_turns += 1
        self._count(f"provider_failed:{stage}", 1)
        most = _HOPELESS_SLOW_TURNS if may_come_yet else _HOPELESS_TURNS
        is_hopeless = self._failed_turns >= most or self._waits >= _MOST_WAITS
        self._last_said = Announcement.GIVING_UP if is_hopeless else Announcement.APOLOGY
        logger.warning("the caller is told of trouble", extra={"stage": stage.value})
        if is_hopeless:
            await self._announcer.say_last(Announcement.GIVING_UP)
            self._give_up()
            return
        await self._silence()
        await self._announcer.say(Announcement.APOLOGY)
        if may_come_yet and self._is_quiet.is_set() and self._is_pending():
            self._arm(_MORE_PATIENCE_SECONDS)

    async def _tell_to_wait(self) -> None:
        if not self._tools and not self._is_pending():
            return
        if self._waits >= _MOST_WAITS and not self._tools:
            self._last_said = Announcement.WAIT
            await self._tell(self._awaited())
            return
        self._waits += 1
        self._last_said = Announcement.WAIT
        await self._announcer.say(Announcement.WAIT)
        if self._is_quiet.is_set():
            self._arm(_MORE_PATIENCE_SECONDS)

    async def _silence(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_SPEECH_SECONDS):
                await self._is_quiet.wait()
        except TimeoutError:
            self._session.interrupt(force=True)

    def _start(self, telling: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(telling, name="tell-trouble")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _stage(error: Any) -> Stage | None:
    kinds = {
        "stt_error": Stage.STT,
        "llm_error": Stage.LLM,
        "tts_error": Stage.TTS,
        "realtime_model_error": Stage.REALTIME,
    }
    return kinds.get(getattr(error, "type", ""))


def _cause(event: ErrorEvent) -> str:
    return type(getattr(event.error, "error", event.error)).__name__
