"""A control plane that kills itself at a step of a call, once for each identity that asks for it.

`python -m tests.control.killing serve --port N`: a call of the identity `dies-at-STEP` is its end.
"""

import os
import signal
import sys
from pathlib import Path

import uvicorn

from control import settings
from control.calls.call import Call
from control.calls.step import CallStep
from control.http.app import make_app
from control.plane import open_plane


def main(port: int) -> None:
    """Serve until such a call comes."""
    marks = Path(os.environ["MARKS"])

    def die(step: CallStep, call: Call, _detail: str) -> None:
        mark = marks / step.value
        if call.request.identity == f"dies-at-{step.value}" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    plane = open_plane(settings.read(), on_step=die)
    uvicorn.run(make_app(plane), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[-1]))
