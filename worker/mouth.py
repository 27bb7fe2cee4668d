"""Says prepared sentences on the agent's own track, whatever the provider or the SDK is doing."""

import asyncio
import logging
from typing import Any

from livekit.agents import AgentSession

from contract.agent_config import AgentConfig
from worker import sdk_session
from worker.phrases import Phrase, Shelf, frames, tone

logger = logging.getLogger(__name__)

_LONGEST_SECONDS = 15.0


class Mouth:
    """The prepared sentences of one call, spoken one after another."""

    def __init__(self, session: AgentSession[Any], shelf: Shelf, config: AgentConfig) -> None:
        self._session = session
        self._shelf = shelf
        self._config = config
        self._one_at_a_time = asyncio.Lock()

    async def say(self, phrase: Phrase) -> None:
        """Say a sentence to its end; the SDK's own sound is held back meanwhile."""
        sound = self._shelf.find(phrase, self._config) or tone()
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(_LONGEST_SECONDS):
                    await self._play(sound)
            except TimeoutError:
                logger.warning("a prepared sentence was not taken by the room: %s", phrase)
            except Exception:
                # The edge of a call: a room that is going away must not stop the ending.
                logger.debug("a prepared sentence could not be played", exc_info=True)

    async def _play(self, sound: bytes) -> None:
        source = sdk_session.microphone(self._session)
        output = self._session.output.audio
        if source is None or output is None:
            logger.warning("something else speaks for this agent: a prepared sentence is not said")
            return
        if output.can_pause:
            output.pause()
        try:
            for frame in frames(sound):
                await source.capture_frame(frame)
            await source.wait_for_playout()
        finally:
            if output.can_pause:
                output.resume()
