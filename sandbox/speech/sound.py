"""Sound as bytes: PCM (16-bit mono at 24 kHz) within the endpoint, and files of other formats."""

import io
import wave
from typing import Any, Protocol

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

RATE = 24_000
BYTES_PER_SECOND = RATE * 2
LOUD = 0.01  # of full scale; a microphone without speech is far below


def seconds(pcm: bytes) -> float:
    """Tell how long PCM sound lasts."""
    return len(pcm) / BYTES_PER_SECOND


def loudness(pcm: bytes) -> float:
    """Measure PCM sound: root mean square, 0 to 1."""
    samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float32)
    return float(np.sqrt(np.mean(samples**2)) / 32768) if samples.size else 0.0


def resample(pcm: bytes, from_rate: int, to_rate: int) -> bytes:
    """Convert PCM sound to another rate."""
    if from_rate == to_rate or not pcm:
        return pcm
    resampler = AudioResampler(format="s16", layout="mono", rate=to_rate)
    frames = [*resampler.resample(_frame(pcm, from_rate)), *resampler.resample(None)]
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)


def to_wav(pcm: bytes, rate: int = RATE) -> bytes:
    """Write PCM sound as a wav file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return buffer.getvalue()


def from_wav(data: bytes) -> tuple[bytes, int]:
    """Read a 16-bit mono wav file: its sound and its rate."""
    with wave.open(io.BytesIO(data)) as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise ValueError("not a 16-bit mono wav file")
        return file.readframes(file.getnframes()), file.getframerate()


def duration(data: bytes) -> float:
    """Tell how many seconds a sound file of any kind lasts."""
    with av.open(io.BytesIO(data), "r") as container:
        return float(sum(f.samples / f.sample_rate for f in container.decode(audio=0)))


class Encoder(Protocol):
    """Turns PCM sound into the bytes of a file, piece by piece."""

    content_type: str

    def push(self, pcm: bytes) -> bytes:
        """Encode a piece; the end of it may be left for the next call."""

    def close(self) -> bytes:
        """Give the end of the file."""


class PcmEncoder:
    """Writes PCM as it is."""

    content_type = "audio/pcm"

    def push(self, pcm: bytes) -> bytes:
        """Give the piece itself."""
        return pcm

    def close(self) -> bytes:
        """Give nothing: all was given before."""
        return b""


class WavEncoder:
    """Writes one wav file at the end, because its header says how long it is."""

    content_type = "audio/wav"

    def __init__(self) -> None:
        self._pcm = b""

    def push(self, pcm: bytes) -> bytes:
        """Keep the piece for the end."""
        self._pcm += pcm
        return b""

    def close(self) -> bytes:
        """Give the file."""
        return to_wav(self._pcm)


class Mp3Encoder:
    """Writes mp3, which the provider sends unless asked for another format."""

    content_type = "audio/mpeg"

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        # Without these the encoder would go back and write a header when all is sent.
        self._container = av.open(
            self._buffer, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}
        )
        self._stream: Any = self._container.add_stream("libmp3lame", rate=RATE)
        self._stream.layout = "mono"
        self._resampler = AudioResampler(
            format="s16p", layout="mono", rate=RATE, frame_size=self._stream.frame_size or 1152
        )

    def push(self, pcm: bytes) -> bytes:
        """Encode whole frames."""
        for frame in self._resampler.resample(_frame(pcm, RATE)):
            self._container.mux(self._stream.encode(frame))
        return self._take()

    def close(self) -> bytes:
        """Encode the last, partial frame."""
        for frame in self._resampler.resample(None):
            self._container.mux(self._stream.encode(frame))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._take()

    def _take(self) -> bytes:
        data = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return data


ENCODERS: dict[str, type[Encoder]] = {"pcm": PcmEncoder, "wav": WavEncoder, "mp3": Mp3Encoder}


def _frame(pcm: bytes, rate: int) -> AudioFrame:
    samples = np.frombuffer(pcm, dtype=np.int16).reshape(1, -1)
    frame = AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = rate
    return frame
