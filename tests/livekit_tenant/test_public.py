"""What others import is little, loads quickly, and leaves their own modules alone."""

from pathlib import Path

import livekit_tenant
from contract.records.signature import sign
from livekit_tenant import is_signed
from tests.livekit_tenant.programs import printed, write

BODY, SECRET, NOW = b'{"job_id": "AJ_1"}', "s" * 32, 1_700_000_000
LOADED = """
import sys, livekit_tenant
print({name.partition(".")[0] for name in sys.modules} & {"livekit", "pydantic", "contract"})
"""
RECEIVER = f"""
import sys
path = list(sys.path)
from livekit_tenant import is_signed
from contract import MINE
import contract, worker
print(MINE, worker.MINE, is_signed({BODY!r}, {sign(BODY, SECRET, NOW)!r}, {SECRET!r}, {NOW}))
assert (path, contract.MINE) == (sys.path, MINE)
"""


def test_two_names_are_public() -> None:
    assert livekit_tenant.__all__ == ["Start", "is_signed"]
    assert (Path(livekit_tenant.__file__).parent / "py.typed").exists()


def test_neither_the_sdk_nor_pydantic_is_loaded_nor_a_module_of_ours_left(tmp_path: Path) -> None:
    assert printed(tmp_path, LOADED) == "set()"


def test_a_record_is_checked_at_this_moment_unless_another_is_named() -> None:
    header = sign(BODY, SECRET, NOW)
    assert is_signed(BODY, header, SECRET, NOW + 1)
    assert not is_signed(BODY, header, SECRET)
    assert not is_signed(BODY, "", SECRET, NOW)


def test_a_receivers_own_modules_are_found_also_where_ours_would_come_first(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    write(own, contract="MINE = 'mine'\n", worker="MINE = 'too'\n")
    assert printed(tmp_path, RECEIVER, own) == "mine too True"


def test_a_module_that_a_receiver_has_loaded_stays_the_same(tmp_path: Path) -> None:
    write(tmp_path, contract="")
    program = "import contract\nmine = contract\nimport livekit_tenant\nimport contract\n"
    assert printed(tmp_path, program + "print(contract is mine)", tmp_path) == "True"
