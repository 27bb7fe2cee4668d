"""The endpoint: OpenAI's HTTP routes, and our own for counts, faults and speech not counted."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.speech import openai_format
from sandbox.speech.catalogue import MODELS, ModelKind, is_offered
from sandbox.speech.counts import EndpointCounts
from sandbox.speech.faults import EndpointFault, FaultInjector
from sandbox.speech.models.language_model import reply
from sandbox.speech.models.speech_to_text import SpeechToText
from sandbox.speech.models.text_to_speech import TextToSpeech
from sandbox.speech.realtime.session import RealtimeSession
from sandbox.speech.sound import ENCODERS, Encoder, duration, seconds, to_wav

_LARGEST_UPLOAD = 25 * 1024 * 1024
_KINDS = {
    "/v1/chat/completions": ModelKind.LLM,
    "/v1/audio/speech": ModelKind.TTS,
    "/v1/audio/transcriptions": ModelKind.STT,
    "/v1/realtime": ModelKind.REALTIME,
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Endpoint:
    """One provider: its models, its key, its counts and its faults."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key
        self._stt, self._tts = SpeechToText(), TextToSpeech()
        self._counts, self._faults = EndpointCounts(), FaultInjector()

    def application(self) -> web.Application:
        """Build the web application."""
        app = web.Application(client_max_size=_LARGEST_UPLOAD, middlewares=[self._authenticate])
        app.add_routes(
            [
                web.get("/v1/models", self._models),
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/audio/speech", self._speech),
                web.post("/v1/audio/transcriptions", self._transcriptions),
                web.get("/v1/realtime", self._realtime),
                web.get("/sandbox/counts", self._show_counts),
                web.put("/sandbox/fault", self._inject_fault),
                web.post("/sandbox/speak", self._speak),
                web.post("/sandbox/transcribe", self._transcribe),
            ]
        )
        return app

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(key.encode(), self._api_key.encode()):
            return openai_format.error(
                401, "invalid_api_key", "The API key is not this endpoint's."
            )
        if request.path.startswith("/v1/"):
            fault = await self._faults.fault_for(_KINDS.get(request.path))
            if fault is not None:
                return openai_format.error(fault.status, fault.code, "As ordered.")
        return await handler(request)

    async def _models(self, _: web.Request) -> web.Response:
        models = [{"id": name, "object": "model", "owned_by": "sandbox"} for name in MODELS]
        return web.json_response({"object": "list", "data": models})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        model, messages = str(body.get("model")), body.get("messages") or []
        if not is_offered(model, ModelKind.LLM):
            return openai_format.unknown_model(model)
        answer = reply(messages, body.get("tools") or ())
        usage = openai_format.usage(messages, answer)
        self._counts.add(
            model, tokens_in=usage["prompt_tokens"], tokens_out=usage["completion_tokens"]
        )
        if not body.get("stream"):
            return web.json_response(openai_format.completion(model, messages, answer))
        response = await _open_stream(request, "text/event-stream")
        for chunk in openai_format.chunks(model, messages, answer):
            await response.write(openai_format.event(chunk))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        model, text = str(body.get("model")), str(body.get("input", ""))
        encoder = ENCODERS.get(body.get("response_format", "mp3"))
        if not is_offered(model, ModelKind.TTS):
            return openai_format.unknown_model(model)
        if encoder is None:
            return openai_format.error(
                400, "invalid_value", "response_format is one of mp3, pcm, wav."
            )
        if body.get("stream_format") == "sse":
            response = await _open_stream(request, "text/event-stream")
            audio_seconds = await self._send_speech(
                text, encoder(), response, openai_format.sound_event
            )
            usage = openai_format.speech_usage(text, audio_seconds)
            await response.write(openai_format.event({"type": "speech.audio.done", "usage": usage}))
        else:
            response = await _open_stream(request, encoder.content_type)
            audio_seconds = await self._send_speech(text, encoder(), response, bytes)
            usage = {"input_tokens": 0, "output_tokens": 0}  # it has no place in the answer
        self._counts.add(
            model,
            tokens_in=usage["input_tokens"],
            tokens_out=usage["output_tokens"],
            characters=len(text),
            audio_seconds=audio_seconds,
        )
        return response

    async def _send_speech(
        self,
        text: str,
        encoder: Encoder,
        response: web.StreamResponse,
        render: Callable[[bytes], bytes],
    ) -> float:
        audio_seconds = 0.0
        async for pcm in self._tts.speak(text):
            audio_seconds += seconds(pcm)
            if sound := encoder.push(pcm):
                await response.write(render(sound))
        if sound := encoder.close():
            await response.write(render(sound))
        return audio_seconds

    async def _transcriptions(self, request: web.Request) -> web.Response:
        form = await request.post()
        model, file = str(form.get("model")), form.get("file")
        if not is_offered(model, ModelKind.STT):
            return openai_format.unknown_model(model)
        if not isinstance(file, web.FileField):
            return openai_format.error(400, "missing_required_parameter", "`file` holds the sound.")
        sound = file.file.read()
        try:
            text, audio_seconds = await self._stt.transcribe(sound), duration(sound)
        except ValueError as fault:
            return openai_format.error(400, "invalid_value", str(fault))
        self._counts.add(model, audio_seconds=audio_seconds)
        transcript: dict[str, Any] = {"text": text}
        if form.get("response_format") == "verbose_json":
            transcript |= {"language": "english", "duration": audio_seconds, "segments": []}
        return web.json_response(
            transcript | {"usage": {"type": "duration", "seconds": round(audio_seconds, 3)}}
        )

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        model = request.query.get("model", "")
        if not is_offered(model, ModelKind.REALTIME):
            return openai_format.unknown_model(model)
        socket = web.WebSocketResponse(max_msg_size=_LARGEST_UPLOAD)
        await socket.prepare(request)
        await RealtimeSession(
            socket, model, self._stt, self._tts, self._counts, self._faults
        ).serve()
        return socket

    async def _show_counts(self, _: web.Request) -> web.Response:
        return web.json_response(self._counts.as_json())

    async def _inject_fault(self, request: web.Request) -> web.Response:
        body = await request.json()
        fault, only = body.get("fault"), body.get("only")
        self._faults.inject(
            EndpointFault(fault) if fault else None, ModelKind(only) if only else None
        )
        return web.json_response(body)

    async def _speak(self, request: web.Request) -> web.Response:
        pieces = [pcm async for pcm in self._tts.speak(await request.text())]
        return web.Response(body=to_wav(b"".join(pieces)), content_type="audio/wav")

    async def _transcribe(self, request: web.Request) -> web.Response:
        return web.json_response({"text": await self._stt.transcribe(await request.read())})


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
