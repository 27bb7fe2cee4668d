"""A program for tests: a caller who asks, is answered, and stays on the line until it is killed."""

import asyncio
import os
import sys

from sandbox.callers.caller import Caller
from sandbox.speech.client import SpeechClient

ANSWERED = "answered:"
TOKEN, KEY = "PHONE_TOKEN", "PHONE_SPEECH_KEY"


async def main(url: str, speech_url: str, question: str) -> None:
    """Join with the environment's token, hear the greeting, ask, and hold the line."""
    speech = SpeechClient(speech_url, os.environ[KEY])
    async with Caller(url, os.environ[TOKEN], speech) as caller:
        await caller.hear()
        await caller.say(question)
        print(ANSWERED, await caller.transcribe(await caller.hear()), flush=True)
        await caller.connection.ended.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
