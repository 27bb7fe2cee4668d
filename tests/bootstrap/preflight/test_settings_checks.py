"""What the settings alone can tell: asked before a single packet is sent."""

from pathlib import Path

from bootstrap.settings.settings import read
from contract.settings.findings import Findings
from tests.bootstrap.preflight.asking import (
    CANARY_SECRET,
    Ask,
    canary,
    detail_of,
    environment,
    failed,
    outcome_of,
    settings_of,
)

_NOWHERE = canary("ws://127.0.0.1:9")


async def test_missing_settings_are_named_all_at_once_and_nothing_else_is_asked(ask: Ask) -> None:
    report = await ask(read({"TENANT_ID": "acme"}))
    assert failed(report) == (["settings.complete"], 78)
    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        assert name in detail_of(report, "settings.complete")
    assert report.tenant == "acme"
    asked = {line.id for line in report.lines if line.outcome.value != "skip"}
    assert asked == {
        "settings.complete",
        "settings.wellformed",
        "settings.one-source",
        "settings.not-swapped",
    }


async def test_of_an_env_file_that_cannot_be_read_nothing_is_called_good(
    ask: Ask, tmp_path: Path
) -> None:
    report = await ask(read({}, tmp_path / "none.env"))
    assert failed(report) == (["settings.wellformed"], 78)
    assert {line.outcome.value for line in report.lines if line.id != "settings.wellformed"} == {
        "skip"
    }
    assert detail_of(report, "settings.complete") == "the env file could not be read"


async def test_a_fault_hides_no_warning(ask: Ask) -> None:
    report = await ask(read(environment(_NOWHERE, MAX_CALLS="many", MAX_CALS="3")))
    assert failed(report) == (["settings.wellformed"], 78)
    fault, warning = detail_of(report, "settings.wellformed").split("\n")
    assert fault.startswith("MAX_CALLS: ")
    assert warning.startswith("warning: MAX_CALS: is not a variable of ours")


async def test_each_malformed_setting_is_a_line_of_its_own(ask: Ask) -> None:
    given = read(environment(_NOWHERE, MAX_CALLS="many", LIVEKIT_URL="ftp://host"))
    report = await ask(given, secrets=[CANARY_SECRET])
    assert failed(report) == (["settings.wellformed"], 78)
    lines = detail_of(report, "settings.wellformed").split("\n")
    assert {line.partition(":")[0] for line in lines} == {"MAX_CALLS", "LIVEKIT_URL"}


async def test_url_and_key_from_two_sources_are_refused(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "acme.env"
    variables = environment(_NOWHERE)
    secret = variables.pop("LIVEKIT_API_SECRET")
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    report = await ask(read({"LIVEKIT_API_SECRET": secret}, file), secrets=[secret])
    ids, code = failed(report)
    assert "settings.one-source" in ids
    assert code == 78


async def test_swapped_key_and_secret_are_noticed(ask: Ask) -> None:
    swapped = environment(
        _NOWHERE, LIVEKIT_API_KEY=CANARY_SECRET, LIVEKIT_API_SECRET=_NOWHERE.api_key
    )
    given = read(swapped)
    assert isinstance(given, Findings)
    report = await ask(given, secrets=[CANARY_SECRET, _NOWHERE.api_key])
    assert failed(report) == (["settings.not-swapped"], 78)


async def test_somebody_elses_key_is_refused_before_it_is_shown_to_any_host(ask: Ask) -> None:
    known = f"0000000000000000,{_NOWHERE.fingerprint}"
    report = await ask(settings_of(_NOWHERE, FOREIGN_KEY_FINGERPRINTS=known))
    ids, code = failed(report)
    assert "identity.not-foreign" in ids
    assert code == 77
    assert outcome_of(report, "credential.known") == "skip"


async def test_a_warning_about_a_setting_stops_nothing(ask: Ask) -> None:
    report = await ask(settings_of(_NOWHERE, ROOM_PREFIX="*"), only=["settings.wellformed"])
    assert failed(report) == ([], 0)
    assert outcome_of(report, "settings.wellformed") == "warn"
