"""The endpoint as its owner sees it: counts, faults, and its voice and ears on loan."""

import json
import urllib.request
from typing import Any, Literal

import aiohttp

from sandbox.speech.counts import Served, read

FaultName = Literal["401", "429", "500", "silence"]


class Speech:
    """An endpoint; its `url` and `api_key` are what OPENAI_BASE_URL and OPENAI_API_KEY take."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url, self.api_key = url, api_key

    @property
    def root(self) -> str:
        """Its address without /v1."""
        return self.url.removesuffix("/v1")

    def __repr__(self) -> str:
        return f"Speech(url={self.url!r})"

    def counts(self) -> dict[str, Served]:
        """Ask what it has served, per model; loans are not counted."""
        return read(json.loads(self._ask("GET", "/sandbox/counts")))

    def fail(self, fault: FaultName | None, *, only: str | None = None) -> None:
        """Order a fault for every request (or one of stt, llm, tts, realtime); None lifts it.

        `silence` holds each request for 5 seconds before it is served.
        """
        self._ask("PUT", "/sandbox/fault", {"fault": fault, "only": only})

    async def speak(self, text: str) -> bytes:
        """Have a text said: a wav file, mono, 24 kHz."""
        return await self._borrow("/sandbox/speak", text.encode())

    async def transcribe(self, sound: bytes) -> str:
        """Have a sound file written down."""
        answer = json.loads(await self._borrow("/sandbox/transcribe", sound))
        return str(answer["text"]).strip()

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
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
            return bytes(answer.read())

    async def _borrow(self, path: str, body: bytes) -> bytes:
        timeout = aiohttp.ClientTimeout(total=60)
        async with (
            aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session,
            session.post(f"{self.root}{path}", data=body) as answer,
        ):
            answer.raise_for_status()
            return await answer.read()
