"""What crosses to another process becomes ours there, whoever has our names."""

from pathlib import Path

import pytest

from tests.livekit_tenant.programs import printed, write

SENT = """
import pickle, sys
from functools import partial
from livekit_tenant import _modules
_modules.show()
from contract.settings.groups import Limits
from contract.records.usage import CallOutcome
from livekit_tenant._pickling import pickled
{before}
sent = pickle.dumps(pickled(partial(sorted, [CallOutcome.FAILED, Limits(max_calls=7)])))
sys.stdout.write(sent.hex())
"""
RECEIVED = """
import pickle, contract
work = pickle.loads(bytes.fromhex({sent!r}))
outcome, limits = work.args[0]
print(work.func is sorted, outcome.value, limits.max_calls, contract.NAME)
"""


@pytest.mark.parametrize("before", ["", "_modules.hide()", "_modules.hide(); import contract"])
def test_ours_cross_shown_or_hidden_into_a_process_where_they_were_never_loaded(
    tmp_path: Path, before: str
) -> None:
    write(tmp_path, contract="NAME = 'my contract'\n")
    sent = printed(tmp_path, SENT.format(before=before))
    received = printed(tmp_path, RECEIVED.format(sent=sent), tmp_path)
    assert received == "True failed 7 my contract"


def test_in_a_process_where_they_are_hidden_they_become_the_same(tmp_path: Path) -> None:
    program = SENT.format(before="_modules.hide()").replace(
        "sys.stdout.write(sent.hex())",
        "outcome, limits = pickle.loads(sent).args[0]\n"
        "print(outcome is CallOutcome.FAILED, type(limits) is Limits)",
    )
    assert printed(tmp_path, program) == "True True"
