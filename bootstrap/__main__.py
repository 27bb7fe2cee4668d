"""`python -m bootstrap`: the one place that ends the process."""

import os
import sys

from bootstrap import environment

# The program may begin again here, so what takes time to load comes after it.
environment.set_apart()

import logging  # noqa: E402 - see above
from typing import NoReturn  # noqa: E402 - the same

from livekit_tenant import _modules  # noqa: E402 - the same

# The current folder, which Python searches first, may be a tenant's.
_modules.show()

from bootstrap.command_line import main  # noqa: E402 - see above


def run() -> NoReturn:
    """Do what the command line says."""
    code = main(sys.argv[1:])
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # livekit.rtc's native threads outlive the loop, and on a busy machine may abort the process
    # while the interpreter takes itself apart (seen: SIGABRT after a complete report).
    os._exit(code)


if __name__ == "__main__":
    run()
