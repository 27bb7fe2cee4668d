"""STATE_DIR: closed to others, held by one process, and told in state.json."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.state_dir import StateDirFault, acquire
from contract.records.worker_status import WorkerState

_HOLD = """
import sys
from pathlib import Path
from bootstrap.state_dir import acquire
held = acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""
_ROOT = Path(__file__).parent.parent.parent


def _state(folder: Path) -> dict[str, object]:
    fields: dict[str, object] = json.loads((folder / "state.json").read_text())
    return fields


def test_the_folder_is_made_and_closed_to_others(tmp_path: Path) -> None:
    acquire(tmp_path / "a" / "acme").release()
    assert stat.S_IMODE((tmp_path / "a" / "acme").stat().st_mode) == 0o700
    (tmp_path / "open").mkdir(mode=0o755)
    acquire(tmp_path / "open").release()
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o700


def test_state_json_tells_who_holds_it_and_what_it_does(tmp_path: Path) -> None:
    held = acquire(tmp_path)
    fresh = {"state": "checking", "port": None, "report": None, "exit_code": None}
    assert _state(tmp_path) == {"pid": os.getpid(), **fresh}
    held.write(state=WorkerState.READY, port=8081)
    assert _state(tmp_path)["state"] == "ready"
    held.write(exit_code=0)
    assert (_state(tmp_path)["port"], _state(tmp_path)["exit_code"]) == (8081, 0)
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600
    held.release()


def test_what_a_former_process_said_is_gone(tmp_path: Path) -> None:
    held = acquire(tmp_path)
    held.write(state=WorkerState.READY, exit_code=75)
    held.release()
    acquire(tmp_path).release()
    assert (_state(tmp_path)["state"], _state(tmp_path)["exit_code"]) == ("checking", None)


def test_a_link_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StateDirFault, match="is a link"):
        acquire(tmp_path / "link")


def test_a_folder_that_cannot_be_made_or_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "acme"):
        with pytest.raises(StateDirFault, match=r"cannot be used: (File exists|Not a directory)"):
            acquire(path)
    with pytest.raises(StateDirFault, match="cannot be used"):
        acquire(Path("/proc/acme"))


@pytest.mark.integration
def test_one_process_at_a_time_and_the_next_one_after_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateDirFault, match=f"is in use by process {holder.pid}"):
            acquire(tmp_path)
        assert _state(tmp_path)["pid"] == holder.pid
        holder.kill()
    acquire(tmp_path).release()
