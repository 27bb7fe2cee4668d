"""The closed lists: exit codes, refusals, variables, fingerprints."""

import pytest

from contract.exits import ExitCode, most_permanent
from contract.fingerprint import fingerprint, is_fingerprint
from contract.refusals import Refusal
from contract.variables import VARIABLES


def test_only_refused_and_config_are_permanent() -> None:
    assert {code for code in ExitCode if code.is_permanent} == {ExitCode.REFUSED, ExitCode.CONFIG}


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        (set(), 0),
        ({69}, 69),
        ({69, 77}, 77),
        ({69, 77, 78}, 78),
        ({0, 69}, 69),
    ],
)
def test_the_most_permanent_of_several_faults_is_chosen(codes: set[int], worst: int) -> None:
    assert most_permanent({ExitCode(code) for code in codes}) == worst


def test_three_reasons_give_an_offer_back_and_all_others_refuse_it() -> None:
    given_back = {reason.value for reason in Refusal if reason.is_given_back}
    assert given_back == {"draining", "at-capacity", "guard-error"}


def test_a_fingerprint_is_the_beginning_of_the_keys_sha256() -> None:
    assert fingerprint("") == "e3b0c44298fc1c14"


@pytest.mark.parametrize("text", ["", "e3b0c44298fc1c1", "E3B0C44298FC1C14", "e3b0c44298fc1c14\n"])
def test_what_has_no_fingerprints_shape_is_told_apart(text: str) -> None:
    assert not is_fingerprint(text)


def test_keys_secrets_and_the_projects_url_may_come_as_files() -> None:
    assert {variable.name for variable in VARIABLES if variable.takes_file} == {
        "LIVEKIT_URL",
        "LIVEKIT_API_KEY",
        "LIVEKIT_API_SECRET",
        "OPENAI_API_KEY",
        "CLAIM_PUBLIC_KEY",
        "USAGE_SECRET",
    }


def test_no_variable_stands_twice() -> None:
    names = [variable.name for variable in VARIABLES]
    assert len(names) == len(set(names))
