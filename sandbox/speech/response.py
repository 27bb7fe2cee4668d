"""One response of a realtime session: its events in the order in which the provider sends them."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from sandbox.speech import dialogue
from sandbox.speech.counts import tokens
from sandbox.speech.dialogue import Dialogue, Item
from sandbox.speech.script import Reply, prompt_text, reply
from sandbox.speech.settings import SpeechSettings
from sandbox.speech.sound import BYTES_PER_SECOND, seconds
from sandbox.speech.voice import Voice

_DELTA_BYTES = BYTES_PER_SECOND // 5
_TOKENS_PER_SECOND = 10


class Send(Protocol):
    """Sends an event to the client."""

    async def __call__(self, kind: str, **fields: Any) -> None:
        """Send it; a client that is gone is no error."""


Add = Callable[[Item, str | None], Awaitable[None]]


class Response:
    """An answer being given."""

    def __init__(
        self, send: Send, add: Add, voice: Voice, settings: SpeechSettings, asked: dict[str, Any]
    ) -> None:
        self._send, self._add, self._voice = send, add, voice
        self._settings, self._asked = settings, asked
        self._id = dialogue.new_id("resp")
        self._spent: dict[str, Any] = {}

    async def give(self, conversation: Dialogue, heard_seconds: float) -> dict[str, Any]:
        """Say what the script says, or call its tool; give what it cost, also when cancelled."""
        instructions = self._asked.get("instructions") or self._settings.instructions
        messages = conversation.messages(instructions)
        said = reply(messages, self._asked.get("tools") or self._settings.tools)
        self._bill(tokens(prompt_text(messages)), heard_seconds, tokens(said.text), 0.0)
        await self._send("response.created", response=self._as_json("in_progress"))
        try:
            output = (
                await self._call(said, conversation)
                if said.call
                else await self._say(said, conversation)
            )
        except asyncio.CancelledError as cancelled:
            details = {"type": "cancelled", "reason": str(cancelled) or "client_cancelled"}
            await self._finish("cancelled", [], details)
        else:
            await self._finish("completed", [output])
        return self._spent

    async def fail(self, code: str) -> None:
        """End it with a fault of the provider."""
        await self._send("response.created", response=self._as_json("in_progress"))
        fault = {"type": "server_error", "code": code, "message": "As ordered."}
        await self._finish("failed", [], {"type": "failed", "error": fault})

    async def _finish(
        self, status: str, output: list[Item], details: dict[str, Any] | None = None
    ) -> None:
        body = self._as_json(status) | {"output": output, "status_details": details}
        await self._send("response.done", response=body | {"usage": self._spent or None})

    async def _call(self, said: Reply, conversation: Dialogue) -> Item:
        assert said.call is not None
        item = dialogue.call_item(dialogue.new_id("item"), said.call)
        await self._open(item, conversation)
        await self._event(
            "response.function_call_arguments.done",
            item["id"],
            call_id=said.call.call_id,
            arguments=said.call.arguments,
        )
        await self._close(item)
        return item

    async def _say(self, said: Reply, conversation: Dialogue) -> Item:
        item = dialogue.said_item(dialogue.new_id("item"))
        await self._open(item, conversation)
        kind = "audio" if self._settings.speaks else "text"
        await self._event("response.content_part.added", item["id"], part={"type": kind})
        if self._settings.speaks:
            await self._send_sound(item["id"], said.text)
        else:
            await self._event("response.output_text.delta", item["id"], delta=said.text)
            await self._event("response.output_text.done", item["id"], text=said.text)
        item["content"] = [{"type": f"output_{kind}", "text": said.text, "transcript": said.text}]
        await self._event("response.content_part.done", item["id"], part={"type": kind})
        await self._close(item)
        return item

    async def _send_sound(self, item_id: str, text: str) -> None:
        await self._event("response.output_audio_transcript.delta", item_id, delta=text)
        async for pcm in self._voice.speak(text):
            self._bill_sound(seconds(pcm))
            for start in range(0, len(pcm), _DELTA_BYTES):
                delta = base64.b64encode(pcm[start : start + _DELTA_BYTES]).decode()
                await self._event("response.output_audio.delta", item_id, delta=delta)
        await self._event("response.output_audio.done", item_id)
        await self._event("response.output_audio_transcript.done", item_id, transcript=text)

    async def _open(self, item: Item, conversation: Dialogue) -> None:
        await self._send(
            "response.output_item.added", response_id=self._id, output_index=0, item=item
        )
        await self._add(item, conversation.last_id)

    async def _close(self, item: Item) -> None:
        item["status"] = "completed"
        await self._send(
            "response.output_item.done", response_id=self._id, output_index=0, item=item
        )

    async def _event(self, kind: str, item_id: str, **fields: Any) -> None:
        await self._send(
            kind, response_id=self._id, item_id=item_id, output_index=0, content_index=0, **fields
        )

    def _as_json(self, status: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "realtime.response",
            "status": status,
            "status_details": None,
            "output": [],
            "metadata": self._asked.get("metadata"),
        }

    def _bill(self, read: int, heard_seconds: float, written: int, spoken_seconds: float) -> None:
        heard = round(heard_seconds * _TOKENS_PER_SECOND)
        spoken = round(spoken_seconds * _TOKENS_PER_SECOND)
        self._spent = {
            "input_tokens": read + heard,
            "output_tokens": written + spoken,
            "total_tokens": read + heard + written + spoken,
            "input_token_details": {"text_tokens": read, "audio_tokens": heard, "cached_tokens": 0},
            "output_token_details": {"text_tokens": written, "audio_tokens": spoken},
        }

    def _bill_sound(self, length: float) -> None:
        spoken = round(length * _TOKENS_PER_SECOND)
        self._spent["output_token_details"]["audio_tokens"] += spoken
        self._spent["output_tokens"] += spoken
        self._spent["total_tokens"] += spoken
