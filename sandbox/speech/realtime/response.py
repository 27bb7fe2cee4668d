"""A response in a realtime session: its events in the order in which the provider sends them."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from sandbox.speech.counts import tokens
from sandbox.speech.models.language_model import Reply, ToolCall, prompt_text, reply
from sandbox.speech.models.text_to_speech import TextToSpeech
from sandbox.speech.realtime.conversation import (
    ConversationItems,
    Item,
    assistant_item,
    new_id,
    tool_call_item,
)
from sandbox.speech.realtime.settings import RealtimeSettings
from sandbox.speech.sound import BYTES_PER_SECOND, seconds

_DELTA_BYTES = BYTES_PER_SECOND // 5
_TOKENS_PER_SECOND = 10


class SendEvent(Protocol):
    """Sends an event to the client."""

    async def __call__(self, kind: str, **fields: Any) -> None:
        """Send it; a client that has left is no error."""


AddItem = Callable[[Item, str | None], Awaitable[None]]


class RealtimeResponse:
    """One response, from its creation to its end."""

    def __init__(
        self,
        send: SendEvent,
        add: AddItem,
        tts: TextToSpeech,
        settings: RealtimeSettings,
        parameters: dict[str, Any],
    ) -> None:
        self._send, self._add, self._tts = send, add, tts
        self._settings, self._parameters = settings, parameters
        self._id = new_id("resp")
        self._usage: dict[str, Any] = {}

    async def give(self, items: ConversationItems, heard_seconds: float) -> dict[str, Any]:
        """Say the model's reply, or call its tool; give the usage, also when cancelled."""
        instructions = self._parameters.get("instructions") or self._settings.instructions
        messages = items.messages(instructions)
        answer = reply(messages, self._parameters.get("tools") or self._settings.tools)
        self._set_usage(tokens(prompt_text(messages)), heard_seconds, tokens(answer.text))
        await self._send("response.created", response=self._as_json("in_progress"))
        try:
            output = (
                await self._call(answer.tool_call, items)
                if answer.tool_call
                else await self._say(answer, items)
            )
        except asyncio.CancelledError as cancelled:
            details = {"type": "cancelled", "reason": str(cancelled) or "client_cancelled"}
            await self._finish("cancelled", [], details)
        else:
            await self._finish("completed", [output])
        return self._usage

    async def fail(self, code: str) -> None:
        """End the response with a fault of the provider."""
        await self._send("response.created", response=self._as_json("in_progress"))
        fault = {"type": "server_error", "code": code, "message": "As ordered."}
        await self._finish("failed", [], {"type": "failed", "error": fault})

    async def _finish(
        self, status: str, output: list[Item], details: dict[str, Any] | None = None
    ) -> None:
        body = self._as_json(status) | {"output": output, "status_details": details}
        await self._send("response.done", response=body | {"usage": self._usage or None})

    async def _call(self, tool_call: ToolCall, items: ConversationItems) -> Item:
        item = tool_call_item(new_id("item"), tool_call)
        await self._open(item, items)
        await self._event(
            "response.function_call_arguments.done",
            item["id"],
            call_id=tool_call.call_id,
            arguments=tool_call.arguments,
        )
        await self._close(item)
        return item

    async def _say(self, answer: Reply, items: ConversationItems) -> Item:
        item = assistant_item(new_id("item"))
        await self._open(item, items)
        kind = "audio" if self._settings.speaks else "text"
        await self._event("response.content_part.added", item["id"], part={"type": kind})
        if self._settings.speaks:
            await self._send_sound(item["id"], answer.text)
        else:
            await self._event("response.output_text.delta", item["id"], delta=answer.text)
            await self._event("response.output_text.done", item["id"], text=answer.text)
        item["content"] = [
            {"type": f"output_{kind}", "text": answer.text, "transcript": answer.text}
        ]
        await self._event("response.content_part.done", item["id"], part={"type": kind})
        await self._close(item)
        return item

    async def _send_sound(self, item_id: str, text: str) -> None:
        await self._event("response.output_audio_transcript.delta", item_id, delta=text)
        async for pcm in self._tts.speak(text):
            self._add_sound_usage(seconds(pcm))
            for start in range(0, len(pcm), _DELTA_BYTES):
                delta = base64.b64encode(pcm[start : start + _DELTA_BYTES]).decode()
                await self._event("response.output_audio.delta", item_id, delta=delta)
        await self._event("response.output_audio.done", item_id)
        await self._event("response.output_audio_transcript.done", item_id, transcript=text)

    async def _open(self, item: Item, items: ConversationItems) -> None:
        await self._send(
            "response.output_item.added", response_id=self._id, output_index=0, item=item
        )
        await self._add(item, items.last_id)

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
            "metadata": self._parameters.get("metadata"),
        }

    def _set_usage(self, tokens_in: int, heard_seconds: float, tokens_out: int) -> None:
        audio_tokens_in = round(heard_seconds * _TOKENS_PER_SECOND)
        self._usage = {
            "input_tokens": tokens_in + audio_tokens_in,
            "output_tokens": tokens_out,
            "total_tokens": tokens_in + audio_tokens_in + tokens_out,
            "input_token_details": {
                "text_tokens": tokens_in,
                "audio_tokens": audio_tokens_in,
                "cached_tokens": 0,
            },
            "output_token_details": {"text_tokens": tokens_out, "audio_tokens": 0},
        }

    def _add_sound_usage(self, spoken_seconds: float) -> None:
        audio_tokens_out = round(spoken_seconds * _TOKENS_PER_SECOND)
        self._usage["output_token_details"]["audio_tokens"] += audio_tokens_out
        self._usage["output_tokens"] += audio_tokens_out
        self._usage["total_tokens"] += audio_tokens_out
