"""The HTTP side: OpenAI's routes, and our own to count, to order faults and to lend the parts."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.speech import wire
from sandbox.speech.catalogue import MODELS, Kind, is_offered
from sandbox.speech.counts import Counts
from sandbox.speech.ears import Ears
from sandbox.speech.faults import Fault, Orders
from sandbox.speech.realtime import Talk
from sandbox.speech.script import reply
from sandbox.speech.sound import ENCODERS, Encoder, duration, seconds, to_wav
from sandbox.speech.voice import Voice

_LARGEST_UPLOAD = 25 * 1024 * 1024
_KINDS = {
    "/v1/chat/completions": Kind.LLM,
    "/v1/audio/speech": Kind.TTS,
    "/v1/audio/transcriptions": Kind.STT,
    "/v1/realtime": Kind.REALTIME,
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Endpoint:
    """One provider: its parts, its key, its counts and its faults."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key
        self._ears, self._voice = Ears(), Voice()
        self._counts, self._orders = Counts(), Orders()

    def application(self) -> web.Application:
        """Build the web application."""
        app = web.Application(client_max_size=_LARGEST_UPLOAD, middlewares=[self._open_door])
        app.add_routes(
            [
                web.get("/v1/models", self._models),
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/audio/speech", self._speech),
                web.post("/v1/audio/transcriptions", self._transcriptions),
                web.get("/v1/realtime", self._realtime),
                web.get("/sandbox/counts", self._show_counts),
                web.put("/sandbox/fault", self._order_fault),
                web.post("/sandbox/speak", self._lend_voice),
                web.post("/sandbox/transcribe", self._lend_ears),
            ]
        )
        return app

    @web.middleware
    async def _open_door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), self._api_key.encode()):
            return wire.error(401, "invalid_api_key", "The API key is not this endpoint's.")
        if request.path.startswith("/v1/"):
            fault = await self._orders.meet(_KINDS.get(request.path))
            if fault is not None:
                return wire.error(fault.status, fault.code, "As ordered.")
        return await handler(request)

    async def _models(self, _: web.Request) -> web.Response:
        listed = [{"id": name, "object": "model", "owned_by": "sandbox"} for name in MODELS]
        return web.json_response({"object": "list", "data": listed})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        model, messages = str(asked.get("model")), asked.get("messages") or []
        if not is_offered(model, Kind.LLM):
            return wire.unknown_model(model)
        said = reply(messages, asked.get("tools") or ())
        spent = wire.usage(messages, said)
        self._counts.add(
            model, tokens_in=spent["prompt_tokens"], tokens_out=spent["completion_tokens"]
        )
        if not asked.get("stream"):
            return web.json_response(wire.completion(model, messages, said))
        response = await _open_stream(request, "text/event-stream")
        for chunk in wire.chunks(model, messages, said):
            await response.write(wire.event(chunk))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        model, text = str(asked.get("model")), str(asked.get("input", ""))
        encoder = ENCODERS.get(asked.get("response_format", "mp3"))
        if not is_offered(model, Kind.TTS):
            return wire.unknown_model(model)
        if encoder is None:
            return wire.error(400, "invalid_value", "response_format is one of mp3, pcm, wav.")
        if asked.get("stream_format") == "sse":
            response = await _open_stream(request, "text/event-stream")
            length = await self._say(text, encoder(), response, wire.sound_event)
            spent = wire.speech_usage(text, length)
            await response.write(wire.event({"type": "speech.audio.done", "usage": spent}))
        else:
            response = await _open_stream(request, encoder.content_type)
            length = await self._say(text, encoder(), response, bytes)
            spent = {"input_tokens": 0, "output_tokens": 0}  # it has no place in the answer
        self._counts.add(
            model,
            tokens_in=spent["input_tokens"],
            tokens_out=spent["output_tokens"],
            characters=len(text),
            audio_seconds=length,
        )
        return response

    async def _say(
        self,
        text: str,
        encoder: Encoder,
        response: web.StreamResponse,
        render: Callable[[bytes], bytes],
    ) -> float:
        length = 0.0
        async for pcm in self._voice.speak(text):
            length += seconds(pcm)
            if sound := encoder.push(pcm):
                await response.write(render(sound))
        if sound := encoder.close():
            await response.write(render(sound))
        return length

    async def _transcriptions(self, request: web.Request) -> web.Response:
        form = await request.post()
        model, file = str(form.get("model")), form.get("file")
        if not is_offered(model, Kind.STT):
            return wire.unknown_model(model)
        if not isinstance(file, web.FileField):
            return wire.error(400, "missing_required_parameter", "`file` holds the sound.")
        sound = file.file.read()
        try:
            text, length = await self._ears.transcribe(sound), duration(sound)
        except ValueError as fault:
            return wire.error(400, "invalid_value", str(fault))
        self._counts.add(model, audio_seconds=length)
        answer: dict[str, Any] = {"text": text}
        if form.get("response_format") == "verbose_json":
            answer |= {"language": "english", "duration": length, "segments": []}
        return web.json_response(
            answer | {"usage": {"type": "duration", "seconds": round(length, 3)}}
        )

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        model = request.query.get("model", "")
        if not is_offered(model, Kind.REALTIME):
            return wire.unknown_model(model)
        socket = web.WebSocketResponse(max_msg_size=_LARGEST_UPLOAD)
        await socket.prepare(request)
        await Talk(socket, model, self._ears, self._voice, self._counts, self._orders).hold()
        return socket

    async def _show_counts(self, _: web.Request) -> web.Response:
        return web.json_response(self._counts.as_json())

    async def _order_fault(self, request: web.Request) -> web.Response:
        order = await request.json()
        fault, only = order.get("fault"), order.get("only")
        self._orders.put(Fault(fault) if fault else None, Kind(only) if only else None)
        return web.json_response(order)

    async def _lend_voice(self, request: web.Request) -> web.Response:
        pieces = [pcm async for pcm in self._voice.speak(await request.text())]
        return web.Response(body=to_wav(b"".join(pieces)), content_type="audio/wav")

    async def _lend_ears(self, request: web.Request) -> web.Response:
        return web.json_response({"text": await self._ears.transcribe(await request.read())})


async def serve(port: int, api_key: str) -> tuple[web.AppRunner, int]:
    """Load the models and listen on 127.0.0.1; give the runner to clean up, and the port."""
    runner = web.AppRunner(Endpoint(api_key).application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, int(runner.addresses[0][1])


async def _open_stream(request: web.Request, content_type: str) -> web.StreamResponse:
    headers = {"Content-Type": content_type, "X-Request-Id": f"req_{secrets.token_hex(8)}"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    return response
