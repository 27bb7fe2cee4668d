"""The endpoint as a child process."""

import http.client
import secrets
import sys
import tempfile
from pathlib import Path

from sandbox.child import Child, plain_environment, start_child
from sandbox.ports import free_port
from sandbox.speech.client import SpeechClient

_READY_SECONDS = 90.0
KEY_VARIABLE = "SANDBOX_SPEECH_KEY"


class RunningSpeech(SpeechClient):
    """A speech endpoint that we started; it can be killed, and started again at its address."""

    def __init__(self, port: int, api_key: str, folder: Path) -> None:
        super().__init__(f"http://127.0.0.1:{port}/v1", api_key)
        self._port, self._log = port, folder / "speech.log"
        self._child = self._spawn()

    @property
    def pid(self) -> int:
        """The endpoint's process id."""
        return self._child.pid

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._log

    def wait_until_ready(self) -> None:
        """Wait until the models are loaded and it answers.

        Raises:
            StartFault: it ended, or did not answer in time.
        """
        self._child.wait_until(self._answers, "ready", _READY_SECONDS)

    def stop(self) -> None:
        """End it."""
        self._child.stop()

    def kill(self) -> None:
        """End it as a crash would; its clients see a broken connection."""
        self._child.kill()

    def restart(self) -> None:
        """Start it again at the same address, after `kill` or while it runs; its counts are new."""
        self.kill()
        self._child = self._spawn()
        self.wait_until_ready()

    def _spawn(self) -> Child:
        return start_child(
            "the speech endpoint",
            [sys.executable, "-m", "sandbox", "speech", "--port", str(self._port)],
            log=self._log,
            environment=plain_environment() | {KEY_VARIABLE: self.api_key},
        )

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            # Without the key: an endpoint that refuses is ready.
            connection.request("GET", "/v1/models")
            return connection.getresponse().status == http.client.UNAUTHORIZED
        except OSError:
            return False
        finally:
            connection.close()


def start_speech(*, folder: Path | None = None, wait: bool = True) -> RunningSpeech:
    """Start a speech endpoint with a key of its own; its log is written into `folder`.

    Raises:
        StartFault: it did not answer in time; it then runs no more.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="sandbox-speech-"))
    speech = RunningSpeech(free_port(), f"sk-sandbox-{secrets.token_hex(16)}", folder)
    if wait:
        try:
            speech.wait_until_ready()
        except BaseException:  # Ctrl-C too must leave no process behind
            speech.kill()
            raise
    return speech
