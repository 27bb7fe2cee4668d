"""The folder of our programs: a child process is started in it."""

from pathlib import Path

# The folder that holds our packages; it goes first on a child's PYTHONPATH.
ROOT = Path(__file__).resolve().parent.parent
