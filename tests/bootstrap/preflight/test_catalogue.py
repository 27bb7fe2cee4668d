"""The catalogue: which questions, in which order, and that each is explained."""

import re
from pathlib import Path

import pytest

from bootstrap.preflight.catalogue import CATALOGUE
from bootstrap.preflight.check import Check

_ROOT = Path(__file__).resolve().parents[3]
_ORDER = {
    "settings.complete": 78,
    "settings.wellformed": 78,
    "settings.one-source": 78,
    "settings.not-swapped": 78,
    "identity.not-foreign": 77,
    "network.resolves": 69,
    "network.connects": 69,
    "network.tls": 69,
    "server.is-livekit": 78,
    "server.clock": 69,
    "credential.known": 77,
    "credential.secret": 77,
    "credential.of-this-project": 77,
    "project.rooms": 69,
    "project.dispatch": 69,
    "project.worker": 69,
    "project.rivals": 69,
    "project.media": 69,
    "provider.reachable": 69,
    "provider.authorized": 69,
}


def test_the_checks_stand_in_their_order_with_their_exit_codes() -> None:
    assert [(check.id, int(check.exit_code)) for check in CATALOGUE] == list(_ORDER.items())


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.id)
def test_a_check_needs_only_what_is_asked_before_it(check: Check) -> None:
    before = [other.id for other in CATALOGUE[: CATALOGUE.index(check)]]
    assert set(check.needs) <= set(before)


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.id)
def test_a_check_has_a_title_a_deadline_and_a_hint(check: Check) -> None:
    assert check.title
    assert check.hint.endswith(".")
    assert 0 < check.deadline_seconds <= 7


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.id)
def test_a_check_is_explained_under_its_anchor_with_cause_cure_and_example(check: Check) -> None:
    page = (_ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    sections = re.split(r'^<a id="([^"]+)"></a>$', page, flags=re.MULTILINE)
    section = dict(zip(sections[1::2], sections[2::2], strict=True)).get(check.id)
    assert section is not None
    for word in ("**Cause.**", "**Cure.**", "**Example.**"):
        assert word in section


def test_the_page_explains_no_check_that_is_not_asked() -> None:
    page = (_ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    assert re.findall(r'<a id="([^"]+)"></a>', page) == list(_ORDER)


def test_nothing_is_sent_with_a_key_of_somebody_else() -> None:
    needs = {check.id: check.needs for check in CATALOGUE}
    assert "identity.not-foreign" in needs["credential.known"]
