"""Our programs: the folder in which a child process is started, and what a person calls them."""

from pathlib import Path

# The folder that holds our packages; it goes first on a child's PYTHONPATH.
ROOT = Path(__file__).resolve().parent.parent
# A wheel has our packages in a folder of this name, and scripts; a checkout or an image has neither
_HAS_SCRIPTS = ROOT.name == "_packages"
WORKER = "livekit-tenant-worker" if _HAS_SCRIPTS else "python -m bootstrap"
CONTROL = "livekit-tenant-control" if _HAS_SCRIPTS else "python -m control"
