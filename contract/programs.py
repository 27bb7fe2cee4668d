"""Where our programs lie: whoever runs one as a child starts it there."""

from pathlib import Path

# The folder that holds our packages; it goes first on a child's PYTHONPATH.
ROOT = Path(__file__).resolve().parent.parent
