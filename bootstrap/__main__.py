"""`python -m bootstrap`: the one place that ends the process."""

import sys

from bootstrap.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
