"""`python -m bootstrap`: the one place that ends the process."""

import logging
import os
import sys

from bootstrap.command_line import main

if __name__ == "__main__":
    code = main(sys.argv[1:])
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # livekit.rtc's native threads outlive the loop, and on a busy machine may abort the process
    # while the interpreter takes itself apart (seen: SIGABRT after a complete report).
    os._exit(code)
