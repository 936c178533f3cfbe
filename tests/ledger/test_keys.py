"""The keys that stand for phones and people are plain HMAC-SHA256, whatever the length of the secret."""

from __future__ import annotations

import hmac

import pytest

from obzvon.ledger.keys import person_key, phone_key


@pytest.mark.parametrize("length", [1, 32, 63, 64, 65, 200])
def test_a_key_is_the_hmac_of_the_library(length: int) -> None:
    secret = bytes(range(7, 7 + length)) if length < 200 else b"\xff" * length
    for _ in range(2):  # the second one goes by what the first has kept
        assert phone_key(secret, "+79431234567") == hmac.digest(secret, b"+79431234567", "sha256").hex()
        assert person_key(secret, "crm", "Ы-1") == hmac.digest(secret, "person|crm|Ы-1".encode(), "sha256").hex()
