"""Tokens of the vendors: they live for real seconds, and can be killed by a fault script."""

from __future__ import annotations

import secrets
import time
from enum import StrEnum

import jwt

from obzvon.sandbox.store import Store


class TokenState(StrEnum):
    """What a presented token is worth."""

    GOOD = "good"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Tokens:
    """Issues tokens and judges them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = secrets.token_hex(32)

    def opaque(self, vendor: str, kind: str, seconds: float) -> str:
        """A random token."""
        return self._keep(secrets.token_urlsafe(32), vendor, kind, time.time() + seconds)

    def signed(self, vendor: str, seconds: float, claims: dict[str, object]) -> str:
        """A JWT whose payload a client can read: `iat` and `exp` in whole seconds, plus `claims`."""
        now = time.time()
        payload = {"iat": int(now), "exp": int(now + seconds), "jti": secrets.token_hex(8), **claims}
        token = jwt.encode(payload, self._key, algorithm="HS256")
        return self._keep(token, vendor, "access", now + seconds)

    def judge(self, vendor: str, kind: str, token: str) -> TokenState:
        expires = self._store.value(
            "select expires_at from token where token = ? and vendor = ? and kind = ?", [token, vendor, kind]
        )
        if expires is None:
            return TokenState.UNKNOWN
        return TokenState.GOOD if time.time() < expires else TokenState.EXPIRED

    def kill(self, vendor: str) -> None:
        """Every access token of the vendor is expired from now on."""
        self._store.run("update token set expires_at = 0 where vendor = ? and kind = 'access'", [vendor])

    def _keep(self, token: str, vendor: str, kind: str, expires_at: float) -> str:
        # forgotten only a day after the end, so that an expired token is still told apart from a foreign one
        self._store.run("delete from token where expires_at between 1 and ?", [time.time() - 86400])
        self._store.insert("token", {"token": token, "vendor": vendor, "kind": kind, "expires_at": expires_at})
        return token
