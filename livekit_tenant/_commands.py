"""The console scripts: our programs, found inside this package or beside it."""

import importlib
import importlib.util
import sys

from livekit_tenant import _modules

_NO_CONTROL = "the control plane needs its extra: pip install 'livekit-tenant-worker[control]'"


def worker() -> None:
    """Do what `livekit-tenant-worker` is told."""
    _modules.show()
    importlib.import_module("bootstrap.__main__").run()


def control() -> None:
    """Do what `livekit-tenant-control` is told, where its extra is installed."""
    _modules.show()
    if importlib.util.find_spec("sqlalchemy") is None:
        print(_NO_CONTROL, file=sys.stderr)
        sys.exit(_modules.find("contract.exits", "ExitCode").CONFIG)
    importlib.import_module("control.__main__").main()
