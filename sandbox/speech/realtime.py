"""One websocket of OpenAI's realtime API: sound in, turns, tool calls, sound out.

As much of the protocol as the installed plugin's RealtimeModel uses. The events' order is the one
that its source names.
"""

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.speech import dialogue
from sandbox.speech.catalogue import Kind, is_offered
from sandbox.speech.counts import Counts
from sandbox.speech.dialogue import Dialogue
from sandbox.speech.ears import Ears
from sandbox.speech.faults import Fault, Orders
from sandbox.speech.response import Response
from sandbox.speech.settings import SpeechSettings
from sandbox.speech.sound import seconds, to_wav
from sandbox.speech.turns import SpokenTurns, Turn
from sandbox.speech.voice import Voice

_SHORTEST_COMMIT_SECONDS = 0.1


class Talk:
    """One session: what was set, what was said, what is being said."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        model: str,
        ears: Ears,
        voice: Voice,
        counts: Counts,
        orders: Orders,
    ) -> None:
        self._socket, self._model, self._ears, self._voice = socket, model, ears, voice
        self._counts, self._orders = counts, orders
        self._settings = SpeechSettings()
        self._dialogue, self._turns = Dialogue(), SpokenTurns()
        self._turn_id = dialogue.new_id("item")
        self._answering: asyncio.Task[None] | None = None
        self._heard_seconds = 0.0
        self._handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "session.update": self._update_session,
            "input_audio_buffer.append": self._append_sound,
            "input_audio_buffer.commit": self._commit_sound,
            "input_audio_buffer.clear": self._clear_sound,
            "conversation.item.create": self._create_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.truncate": self._truncate_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
        }

    async def hold(self) -> None:
        """Talk until the client goes."""
        await self._send("session.created", session=self._settings.as_json(self._model))
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._handle(message.json())
        finally:
            await self._stop_answering("client_cancelled")

    async def _handle(self, event: dict[str, Any]) -> None:
        handler = self._handlers.get(event.get("type", ""))
        if handler is None:
            await self._refuse(event, "unknown_event", f"Unknown event {event.get('type')!r}.")
        else:
            await handler(event)

    async def _send(self, kind: str, **fields: Any) -> None:
        if not self._socket.closed:
            with contextlib.suppress(ConnectionResetError):  # the reading side notices as well
                await self._socket.send_json(
                    {"type": kind, "event_id": dialogue.new_id("event"), **fields}
                )

    async def _refuse(self, event: dict[str, Any], code: str, message: str) -> None:
        fault = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
        await self._send("error", error=fault | {"event_id": event.get("event_id")})

    async def _update_session(self, event: dict[str, Any]) -> None:
        self._settings.update(event.get("session") or {})
        self._turns.silence_seconds = self._settings.silence_seconds
        await self._send("session.updated", session=self._settings.as_json(self._model))

    async def _append_sound(self, event: dict[str, Any]) -> None:
        for change in self._turns.push(base64.b64decode(event["audio"])):
            if not self._settings.detects_turns:
                continue
            at = round(self._turns.heard_seconds * 1000)
            if change is Turn.STARTED:
                if self._settings.may_be_interrupted:
                    await self._stop_answering("turn_detected")
                await self._send(
                    "input_audio_buffer.speech_started", audio_start_ms=at, item_id=self._turn_id
                )
            else:
                await self._send(
                    "input_audio_buffer.speech_stopped", audio_end_ms=at, item_id=self._turn_id
                )
                await self._end_turn(self._turns.take(), is_answered=self._settings.answers_turns)

    async def _commit_sound(self, event: dict[str, Any]) -> None:
        pcm = self._turns.take()
        if seconds(pcm) < _SHORTEST_COMMIT_SECONDS:
            await self._refuse(event, "input_audio_buffer_commit_empty", "The buffer is too small.")
        else:
            await self._end_turn(pcm, is_answered=False)

    async def _clear_sound(self, _: dict[str, Any]) -> None:
        self._turns.take()
        await self._send("input_audio_buffer.cleared")

    async def _end_turn(self, pcm: bytes, *, is_answered: bool) -> None:
        item, self._turn_id = dialogue.heard_item(self._turn_id), dialogue.new_id("item")
        await self._send(
            "input_audio_buffer.committed",
            item_id=item["id"],
            previous_item_id=self._dialogue.last_id,
        )
        await self._add(item, self._dialogue.last_id)
        # The script reads words, so they are needed before the answer; the real one hears sound.
        text = await self._ears.transcribe(to_wav(pcm))
        item["content"][0]["transcript"] = text
        self._heard_seconds += seconds(pcm)
        await self._send_transcript(item["id"], text, seconds(pcm))
        if is_answered:
            await self._answer({})

    async def _send_transcript(self, item_id: str, text: str, length: float) -> None:
        model = self._settings.transcription_model
        if model is None:
            return
        if is_offered(model, Kind.STT):
            self._counts.add(model, audio_seconds=length)
        await self._send(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            content_index=0,
            transcript=text,
            usage={"type": "duration", "seconds": round(length, 3)},
        )

    async def _create_item(self, event: dict[str, Any]) -> None:
        item = {"id": dialogue.new_id("item"), **event["item"]}
        if self._dialogue.has(item["id"]):
            await self._refuse(event, "item_create_duplicate_item_id", "The item is there.")
        else:
            await self._add(item, event.get("previous_item_id"))

    async def _add(self, item: dialogue.Item, after: str | None) -> None:
        previous = self._dialogue.insert(item, after)
        await self._send("conversation.item.added", item=item, previous_item_id=previous)

    async def _delete_item(self, event: dict[str, Any]) -> None:
        if self._dialogue.remove(event["item_id"]):
            await self._send("conversation.item.deleted", item_id=event["item_id"])
        else:
            await self._refuse(event, "item_delete_invalid_item_id", "There is no such item.")

    async def _truncate_item(self, event: dict[str, Any]) -> None:
        fields = {key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
        await self._send("conversation.item.truncated", **fields)

    async def _create_response(self, event: dict[str, Any]) -> None:
        if self._answering is not None and not self._answering.done():
            await self._refuse(
                event,
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress.",
            )
        else:
            await self._answer(event.get("response") or {})

    async def _cancel_response(self, event: dict[str, Any]) -> None:
        if not await self._stop_answering("client_cancelled"):
            await self._refuse(
                event, "response_cancel_not_active", "Cancellation failed: no active response."
            )

    async def _answer(self, asked: dict[str, Any]) -> None:
        await self._stop_answering("turn_detected")
        heard, self._heard_seconds = self._heard_seconds, 0.0
        response = Response(self._send, self._add, self._voice, self._settings, asked)
        self._answering = asyncio.create_task(self._give(response, heard), name="realtime-response")

    async def _give(self, response: Response, heard_seconds: float) -> None:
        fault = await self._orders.meet(Kind.REALTIME)
        if fault is None:
            spent = await response.give(self._dialogue, heard_seconds)
            self._counts.add(
                self._model,
                tokens_in=spent["input_tokens"],
                tokens_out=spent["output_tokens"],
                audio_seconds=heard_seconds,
            )
        else:
            await self._fail(response, fault)

    async def _fail(self, response: Response, fault: Fault) -> None:
        if fault is Fault.UNAUTHORIZED:
            await self._refuse({}, fault.code, "As ordered.")
            await self._socket.close()
        else:
            await response.fail(fault.code)

    async def _stop_answering(self, reason: str) -> bool:
        task, self._answering = self._answering, None
        if task is None or task.done():
            return False
        task.cancel(reason)
        await asyncio.wait([task])
        return True
