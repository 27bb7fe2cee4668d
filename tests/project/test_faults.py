"""The causes of a refusal, told apart by bodies that a real server sent."""

import pytest

from project import faults

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUEkifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (401, "invalid API key: APIother", faults.UnknownKey),
        (
            401,
            f"invalid token: {TOKEN}, error: go-jose/go-jose: error in cryptographic primitive",
            faults.WrongSecret,
        ),
        (
            401,
            f"invalid token: {TOKEN}, error: validation failed, token not valid yet (nbf)",
            faults.TokenTimeFault,
        ),
        (
            401,
            f"invalid token: {TOKEN}, error: validation failed, token is expired (exp)",
            faults.TokenTimeFault,
        ),
        (401, '{"code":"unauthenticated","msg":"permissions denied"}', faults.MissingGrant),
        (401, "no permissions to access the room", faults.MissingGrant),
        (403, "", faults.Refused),
    ],
)
def test_a_refusal_is_named_by_its_body_which_is_never_repeated(
    status: int, body: str, fault: type[faults.ProjectFault]
) -> None:
    parsed = faults.fault_of_body(status, body)
    assert type(parsed) is fault
    assert parsed.is_permanent
    assert parsed.hint
    assert TOKEN not in f"{parsed} {parsed!r} {parsed.hint}"
    assert "APIother" not in f"{parsed} {parsed!r} {parsed.hint}"


@pytest.mark.parametrize(
    ("status", "body", "fault", "is_permanent"),
    [
        (502, "<html>Bad Gateway</html>", faults.ServerFault, False),
        (503, '{"code":"unavailable","msg":"no response"}', faults.ServerFault, False),
        (429, '{"code":"resource_exhausted","msg":""}', faults.Limited, False),
        (404, "<html>nginx</html>", faults.NotLiveKit, True),
        (404, '{"code":"bad_route","msg":""}', faults.NotLiveKit, True),
        (404, '{"code":"not_found","msg":"no room"}', faults.NotFound, True),
        (400, '{"code":"invalid_argument","msg":""}', faults.BadRequest, True),
        (404, "[1]", faults.NotLiveKit, True),
    ],
)
def test_any_other_answer_is_permanent_or_temporary_by_name(
    status: int, body: str, fault: type[faults.ProjectFault], is_permanent: bool
) -> None:
    parsed = faults.fault_of_body(status, body)
    assert type(parsed) is fault
    assert parsed.is_permanent is is_permanent


def test_a_strangers_error_code_is_not_repeated() -> None:
    fault = faults.fault_of_body(500, f'{{"code":"{TOKEN}","msg":""}}')
    assert TOKEN not in str(fault)


def test_every_fault_says_what_to_do_next() -> None:
    kinds = [kind for kind in vars(faults).values() if isinstance(kind, type)]
    for kind in kinds:
        if issubclass(kind, faults.ProjectFault) and kind is not faults.ProjectFault:
            assert kind.hint.endswith(".")
