"""A client of the endpoint's own routes: counts, faults, and speech that is not counted."""

import json
import urllib.request
from typing import Any, Literal

import aiohttp

from sandbox.speech.counts import ModelCounts, read_counts

FaultName = Literal["401", "429", "500", "silence"]


class SpeechClient:
    """An endpoint; its `url` and `api_key` are what OPENAI_BASE_URL and OPENAI_API_KEY take."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url, self.api_key = url, api_key

    @property
    def root(self) -> str:
        """Its address without /v1."""
        return self.url.removesuffix("/v1")

    def __repr__(self) -> str:
        return f"SpeechClient(url={self.url!r})"

    def counts(self) -> dict[str, ModelCounts]:
        """Ask what it has served, per model; `speak` and `transcribe` are not counted."""
        return read_counts(json.loads(self._ask("GET", "/sandbox/counts")))

    def fail(self, fault: FaultName | None, *, only: str | None = None) -> None:
        """Answer every request (or those for stt, llm, tts or realtime) with a fault; None ends it.

        `silence` holds each request for 5 seconds before it is served.
        """
        self._ask("PUT", "/sandbox/fault", {"fault": fault, "only": only})

    async def speak(self, text: str) -> bytes:
        """Turn a text into speech: a wav file, mono, 24 kHz."""
        return await self._post("/sandbox/speak", text.encode())

    async def transcribe(self, sound: bytes) -> str:
        """Give the words of a sound file."""
        body = json.loads(await self._post("/sandbox/transcribe", sound))
        return str(body["text"]).strip()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - our own endpoint on loopback
            f"{self.root}{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers=self._headers,
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - the same
            return bytes(response.read())

    async def _post(self, path: str, body: bytes) -> bytes:
        timeout = aiohttp.ClientTimeout(total=60)
        async with (
            aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session,
            session.post(f"{self.root}{path}", data=body) as response,
        ):
            response.raise_for_status()
            return await response.read()
