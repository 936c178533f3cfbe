"""The keys that stand for phones and people are plain HMAC-SHA256, whatever the length of the secret."""

from __future__ import annotations

import hmac

import pytest

from obzvon.errors import ConfigError
from obzvon.ledger.keys import call_key, layers_of, person_key, phone_key, rekeyed, ring


@pytest.mark.parametrize("length", [1, 32, 63, 64, 65, 200])
def test_a_key_is_the_hmac_of_the_library(length: int) -> None:
    secret = bytes(range(7, 7 + length)) if length < 200 else b"\xff" * length
    for _ in range(2):  # the second one goes by what the first has kept
        assert phone_key(secret, "+79431234567") == hmac.digest(secret, b"+79431234567", "sha256").hex()
        assert person_key(secret, "crm", "Ы-1") == hmac.digest(secret, "person|crm|Ы-1".encode(), "sha256").hex()


def test_a_ring_puts_a_layer_around_each_key() -> None:
    first, second = b"first secret", b"second: secret.with=signs"
    both = ring([first, second])
    assert layers_of(both) == (first, second)
    inner = phone_key(first, "+79431234567")
    assert phone_key(both, "+79431234567") == hmac.digest(second, inner.encode(), "sha256").hex()
    assert rekeyed(both, inner) == phone_key(both, "+79431234567")
    assert person_key(both, "crm", "1") == rekeyed(both, person_key(first, "crm", "1"))
    assert call_key(both, "a call") == call_key(first, "a call") == phone_key(first, "a call")
    assert ring([first]) == first


@pytest.mark.parametrize("text", ["obzvon-keys:", "obzvon-keys:Zmlyc3Q=", "obzvon-keys:Zm.", "obzvon-keys:Zmlyc3Q=.!"])
def test_a_ring_that_was_cut_off_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="copy it whole"):
        phone_key(text.encode(), "+79431234567")
