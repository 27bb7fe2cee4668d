"""The tenant's own agent, AGENT=module:attribute: imported, or the true cause why it cannot be."""

import contextlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from bootstrap import environment
from contract.records.log_record import mask
from contract.settings.examples import EXAMPLES
from contract.settings.findings import WELLFORMED, Finding
from livekit_tenant import _modules

FOLDER = Path("/agent")
_CALLED_WITH = ("the job's context", "start")


def find_fault(agent: str, secrets: Iterable[str]) -> Finding | None:
    """Import the tenant's code and look at its attribute; what it prints goes to stderr.

    The environment must already be the one that the code will run with. Our own modules are hidden
    from then on: the code finds its own under their names. The cause is told without `secrets`.
    """
    name, _, attribute = agent.partition(":")
    _make_findable()
    _modules.hide()
    module, problem = _import(name)
    if module is not None:
        problem = _fault_of_attribute(module, attribute)
    if not problem:
        return None
    return Finding(WELLFORMED, "AGENT", mask(problem, secrets), EXAMPLES["AGENT"])


def _make_findable() -> None:
    for folder in (*environment.python_path(), str(FOLDER)):
        if Path(folder).is_dir() and folder not in sys.path:
            sys.path.append(folder)


def _import(name: str) -> tuple[ModuleType | None, str]:
    try:
        # Standard output may be carrying a JSON report.
        with contextlib.redirect_stdout(sys.stderr):
            return importlib.import_module(name), ""
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            return None, f"there is no module {error.name} on {FOLDER} or PYTHONPATH"
        return None, f"cannot be imported: {error.msg} ({_place(error)})"
    except SyntaxError as error:
        place = f"{Path(error.filename or '?').name} line {error.lineno}"
        return None, f"cannot be imported: {error.msg} ({place})"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - code of others may raise anything; the cause is told
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return None, f"cannot be imported: {cause} ({_place(error)})"


def _place(error: BaseException) -> str:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<frozen")
        if frame.filename != importlib.__file__
    ]
    return f"{Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else "at once"


def _fault_of_attribute(module: ModuleType, attribute: str) -> str:
    answer = getattr(module, attribute, None)
    if answer is None:
        return f"the module {module.__name__} has no attribute {attribute}"
    if not inspect.iscoroutinefunction(answer):
        return f"{attribute} is no `async def` function"
    try:
        inspect.signature(answer).bind(*_CALLED_WITH)
    except TypeError:
        return f"{attribute} does not take (ctx, start)"
    return ""
