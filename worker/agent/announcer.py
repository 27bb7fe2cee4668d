"""Says prepared sentences on the agent's own track, whatever the provider or the SDK is doing."""

import asyncio
import contextlib
import logging
from typing import Any

from livekit.agents import AgentSession

from contract.agent_config import AgentConfig
from worker.agent import sdk_session
from worker.agent.announcements import Announcement, AnnouncementCache, frames, tone

logger = logging.getLogger(__name__)

_LONGEST_SECONDS = 15.0


class Announcer:
    """The prepared sentences of one call, spoken one after another."""

    def __init__(
        self, session: AgentSession[Any], cache: AnnouncementCache, config: AgentConfig
    ) -> None:
        self._session = session
        self._cache = cache
        self._config = config
        self._one_at_a_time = asyncio.Lock()

    async def say(self, announcement: Announcement) -> None:
        """Say a sentence; an answer that comes after all is let through at once."""
        await self._say(announcement, is_last=False)

    async def say_last(self, announcement: Announcement) -> None:
        """Say a sentence to its end, with nothing before it, beside it or after it."""
        with contextlib.suppress(RuntimeError):  # a session that never started says nothing
            self._session.input.set_audio_enabled(False)
            self._session.interrupt(force=True)
        await self._say(announcement, is_last=True)

    async def _say(self, announcement: Announcement, is_last: bool) -> None:
        sound = self._cache.find(announcement, self._config) or tone()
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(_LONGEST_SECONDS):
                    await self._play(sound, is_last)
            except TimeoutError:
                logger.warning("a prepared sentence was not taken by the room: %s", announcement)
            except Exception:  # the edge of a call: a room going away must not stop the ending
                logger.debug("a prepared sentence could not be played", exc_info=True)

    async def _play(self, sound: bytes, is_last: bool) -> None:
        source = sdk_session.microphone(self._session)
        if source is None:
            logger.warning("something else speaks for this agent: a prepared sentence is not said")
            return
        for frame in frames(sound):
            if self._session.agent_state == "speaking" and not is_last:
                return
            await source.capture_frame(frame)
        await source.wait_for_playout()
