"""Every error has its exit code, in one place."""

import pytest

from bootstrap.exit_messages import UnusableSetting, of_error
from contract.exits import ExitCode
from contract.settings.findings import WELLFORMED, Finding
from project import faults

_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUEkifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnusableSetting(Finding(WELLFORMED, "HEALTH_PORT", "is in use", "8081")), ExitCode.CONFIG),
        (faults.NotLiveKit("a web server"), ExitCode.CONFIG),
        (faults.UnknownKey("no"), ExitCode.REFUSED),
        (faults.WrongSecret("no"), ExitCode.REFUSED),
        (faults.MissingGrant("no"), ExitCode.REFUSED),
        (faults.TokenTimeFault("early"), ExitCode.UNAVAILABLE),
        (faults.Unreachable("no answer"), ExitCode.UNAVAILABLE),
        (faults.ServerFault("503"), ExitCode.UNAVAILABLE),
        (RuntimeError("a bug"), ExitCode.SOFTWARE),
        (KeyError("x"), ExitCode.SOFTWARE),
    ],
)
def test_an_error_has_the_exit_code_of_its_kind(error: Exception, code: ExitCode) -> None:
    assert of_error(error).code is code


def test_a_projects_fault_is_told_with_what_to_do() -> None:
    (line,) = of_error(faults.WrongSecret("the secret is not this key's")).lines
    assert "LIVEKIT_API_SECRET" in line


def test_a_fault_of_ours_has_a_hint_and_no_traceback_and_no_token() -> None:
    try:
        raise RuntimeError(f"a bug\nwith {_TOKEN}")
    except RuntimeError as error:
        (line,) = of_error(error).lines
        shown = of_error(error, shows_traceback=True).lines
    assert "fault of ours" in line
    assert "LOG_LEVEL=DEBUG" in line
    assert "Traceback" not in line
    assert "\n" not in line
    assert "Traceback" in shown[1]
    assert _TOKEN not in line + shown[1]
