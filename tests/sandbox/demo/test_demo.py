"""`make demo` for real, to its end and interrupted."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.processes import Terminal, adopting_orphans, wait_until_gone

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

# A loaded machine is slow, and slowness is not what these tests are about.
_PATIENCE_SECONDS = 180.0
_GONE_SECONDS = 15.0


@pytest.fixture
def earlier_pids() -> Iterator[set[int]]:
    with adopting_orphans() as children:
        yield children


def test_make_demo_shows_two_tenants_answering_their_own_callers(
    tmp_path: Path, earlier_pids: set[int]
) -> None:
    demo = Terminal(["make", "demo"], tmp_path / "demo.log")
    demo.process.wait(_PATIENCE_SECONDS)
    printed = demo.output()
    assert demo.process.returncode == 0, printed
    for tenant, answer in (("acme", "noon"), ("globex", "evening")):
        assert f"registered as {tenant}-agent" in printed
        assert re.search(rf"{tenant}: the agent answered: .*{answer}", printed)
        assert re.search(
            rf"{tenant}: dispatch → agent's first audio [\d.]+ s, question → answer [\d.]+ s",
            printed,
        )
    assert "globex's key at acme's project is refused" in printed
    assert "UnknownKey" in printed
    assert "sent to acme's worker, is refused by the guard: wrong-room" in printed
    assert "Two tenants, two projects, two callers" in printed
    assert wait_until_gone(earlier_pids, _GONE_SECONDS) == []


@pytest.mark.parametrize(
    "moment", ["speech: loading", "entrypoint.sh run", "the caller asks"], ids=str.split
)
def test_ctrl_c_leaves_no_process_behind(
    moment: str, tmp_path: Path, earlier_pids: set[int]
) -> None:
    demo = Terminal(["make", "demo"], tmp_path / "demo.log")
    demo.wait_for(moment, _PATIENCE_SECONDS)
    demo.press_ctrl_c()
    demo.process.wait(_PATIENCE_SECONDS)
    assert wait_until_gone(earlier_pids, _GONE_SECONDS) == []
    assert demo.process.returncode != 0


def test_keep_leaves_all_up_and_prints_commands_to_try_until_ctrl_c(
    tmp_path: Path, earlier_pids: set[int]
) -> None:
    demo = Terminal(["make", "demo", "KEEP=1"], tmp_path / "demo.log")
    demo.wait_for("speech: OPENAI_BASE_URL=", _PATIENCE_SECONDS)
    printed = demo.output()
    urls = re.findall(r"(?m)^  url +ws://(\S+)$", printed)
    tokens = re.findall(r"(?m)^  token +(\S+)$", printed)
    assert len(urls) == len(tokens) == 2
    for host, token in zip(urls, tokens, strict=True):
        assert _text(f"http://{host}/rtc/validate?access_token={token}") == "success"
    for status in re.findall(r"curl -s (\S+/status)", printed):
        assert json.loads(_text(status))["state"] == "ready"
    demo.press_ctrl_c()
    demo.process.wait(_PATIENCE_SECONDS)
    assert wait_until_gone(earlier_pids, _GONE_SECONDS) == []


def _text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())
