"""One websocket of OpenAI's realtime API: sound in, turns, tool calls, sound out.

It has the part of the protocol that the installed plugin's RealtimeModel uses, with the events in
the order that the plugin's source names.
"""

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.speech.catalogue import ModelKind, is_offered
from sandbox.speech.counts import EndpointCounts
from sandbox.speech.faults import EndpointFault, FaultInjector
from sandbox.speech.models.speech_to_text import SpeechToText
from sandbox.speech.models.text_to_speech import TextToSpeech
from sandbox.speech.realtime.conversation import ConversationItems, Item, new_id, user_item
from sandbox.speech.realtime.response import RealtimeResponse
from sandbox.speech.realtime.settings import RealtimeSettings
from sandbox.speech.realtime.turn_detection import TurnChange, TurnDetector
from sandbox.speech.sound import seconds, to_wav

_SHORTEST_COMMIT_SECONDS = 0.1


class RealtimeSession:
    """One session: its settings, its conversation, and the response in progress."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        model: str,
        stt: SpeechToText,
        tts: TextToSpeech,
        counts: EndpointCounts,
        faults: FaultInjector,
    ) -> None:
        self._socket, self._model, self._stt, self._tts = socket, model, stt, tts
        self._counts, self._faults = counts, faults
        self._settings = RealtimeSettings()
        self._items, self._turns = ConversationItems(), TurnDetector()
        self._turn_id = new_id("item")
        self._response: asyncio.Task[None] | None = None
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

    async def serve(self) -> None:
        """Serve the client until it leaves."""
        await self._send("session.created", session=self._settings.as_json(self._model))
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._handle(message.json())
        finally:
            await self._stop_response("client_cancelled")

    async def _handle(self, event: dict[str, Any]) -> None:
        handler = self._handlers.get(event.get("type", ""))
        if handler is None:
            await self._refuse(event, "unknown_event", f"Unknown event {event.get('type')!r}.")
        else:
            await handler(event)

    async def _send(self, kind: str, **fields: Any) -> None:
        if not self._socket.closed:
            with contextlib.suppress(ConnectionResetError):  # the reading side notices as well
                await self._socket.send_json({"type": kind, "event_id": new_id("event"), **fields})

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
            at = round(self._turns.received_seconds * 1000)
            if change is TurnChange.STARTED:
                if self._settings.may_be_interrupted:
                    await self._stop_response("turn_detected")
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
        item, self._turn_id = user_item(self._turn_id), new_id("item")
        await self._send(
            "input_audio_buffer.committed",
            item_id=item["id"],
            previous_item_id=self._items.last_id,
        )
        await self._add(item, self._items.last_id)
        # The script reads words, so it needs them before it answers; a real model takes sound.
        text = await self._stt.transcribe(to_wav(pcm))
        item["content"][0]["transcript"] = text
        self._heard_seconds += seconds(pcm)
        await self._send_transcript(item["id"], text, seconds(pcm))
        if is_answered:
            await self._answer({})

    async def _send_transcript(self, item_id: str, text: str, turn_seconds: float) -> None:
        model = self._settings.transcription_model
        if model is None:
            return
        if is_offered(model, ModelKind.STT):
            self._counts.add(model, audio_seconds=turn_seconds)
        await self._send(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            content_index=0,
            transcript=text,
            usage={"type": "duration", "seconds": round(turn_seconds, 3)},
        )

    async def _create_item(self, event: dict[str, Any]) -> None:
        item = {"id": new_id("item"), **event["item"]}
        if self._items.has(item["id"]):
            await self._refuse(event, "item_create_duplicate_item_id", "The item is there.")
        else:
            await self._add(item, event.get("previous_item_id"))

    async def _add(self, item: Item, after: str | None) -> None:
        previous = self._items.insert(item, after)
        await self._send("conversation.item.added", item=item, previous_item_id=previous)

    async def _delete_item(self, event: dict[str, Any]) -> None:
        if self._items.remove(event["item_id"]):
            await self._send("conversation.item.deleted", item_id=event["item_id"])
        else:
            await self._refuse(event, "item_delete_invalid_item_id", "There is no such item.")

    async def _truncate_item(self, event: dict[str, Any]) -> None:
        fields = {key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
        await self._send("conversation.item.truncated", **fields)

    async def _create_response(self, event: dict[str, Any]) -> None:
        if self._response is not None and not self._response.done():
            await self._refuse(
                event,
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress.",
            )
        else:
            await self._answer(event.get("response") or {})

    async def _cancel_response(self, event: dict[str, Any]) -> None:
        if not await self._stop_response("client_cancelled"):
            await self._refuse(
                event, "response_cancel_not_active", "Cancellation failed: no active response."
            )

    async def _answer(self, parameters: dict[str, Any]) -> None:
        await self._stop_response("turn_detected")
        heard_seconds, self._heard_seconds = self._heard_seconds, 0.0
        response = RealtimeResponse(self._send, self._add, self._tts, self._settings, parameters)
        self._response = asyncio.create_task(
            self._give(response, heard_seconds), name="realtime-response"
        )

    async def _give(self, response: RealtimeResponse, heard_seconds: float) -> None:
        fault = await self._faults.fault_for(ModelKind.REALTIME)
        if fault is None:
            usage = await response.give(self._items, heard_seconds)
            self._counts.add(
                self._model,
                tokens_in=usage["input_tokens"],
                tokens_out=usage["output_tokens"],
                audio_seconds=heard_seconds,
            )
        else:
            await self._fail(response, fault)

    async def _fail(self, response: RealtimeResponse, fault: EndpointFault) -> None:
        if fault is EndpointFault.UNAUTHORIZED:
            await self._refuse({}, fault.code, "As ordered.")
            await self._socket.close()
        else:
            await response.fail(fault.code)

    async def _stop_response(self, reason: str) -> bool:
        task, self._response = self._response, None
        if task is None or task.done():
            return False
        task.cancel(reason)
        await asyncio.wait([task])
        return True
