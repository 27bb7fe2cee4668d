import pytest
from pydantic import SecretStr

from control.storage.sealing import Sealer, Unsealable, is_sealed, new_key

CANARY = "canary-secret-of-the-sealing-tests"


def test_a_sealed_secret_opens_at_its_own_place() -> None:
    sealer = Sealer.from_text(SecretStr(new_key()))
    sealed = sealer.seal(CANARY, "acme/livekit.api_secret")
    assert is_sealed(sealed)
    assert CANARY not in sealed
    assert sealer.unseal(sealed, "acme/livekit.api_secret").get_secret_value() == CANARY


def test_a_sealed_secret_does_not_open_at_another_tenants_place() -> None:
    sealer = Sealer.from_text(SecretStr(new_key()))
    sealed = sealer.seal(CANARY, "acme/livekit.api_secret")
    with pytest.raises(Unsealable):
        sealer.unseal(sealed, "globex/livekit.api_secret")


def test_a_damaged_secret_is_named_and_not_opened() -> None:
    sealer = Sealer.from_text(SecretStr(new_key()))
    sealed = sealer.seal(CANARY, "a")
    for broken in (sealed[:-6] + "AAAAAA", sealed[:20], sealed + "?"):
        with pytest.raises(Unsealable):
            sealer.unseal(broken, "a")


def test_an_older_key_in_the_list_still_opens_and_is_not_current() -> None:
    old, new = new_key(), new_key()
    sealed = Sealer.from_text(SecretStr(old)).seal(CANARY, "a")
    rotated = Sealer.from_text(SecretStr(f"{new},{old}"))
    assert rotated.unseal(sealed, "a").get_secret_value() == CANARY
    assert not rotated.is_current(sealed)
    assert rotated.is_current(rotated.seal(CANARY, "a"))


def test_an_unlisted_key_is_told() -> None:
    sealed = Sealer.from_text(SecretStr(new_key())).seal(CANARY, "a")
    with pytest.raises(Unsealable, match="not listed"):
        Sealer.from_text(SecretStr(new_key())).unseal(sealed, "a")


@pytest.mark.parametrize("text", ["", ",", "short", "!" * 43, "A" * 47])
def test_a_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no key|bytes|base64url"):
        Sealer.from_text(SecretStr(text))


def test_keys_are_not_printed() -> None:
    key = new_key()
    assert key not in repr(Sealer.from_text(SecretStr(key)))
