"""TWIN's IAM: login, refresh, and where each of its services answers.

Source: C-TOKEN and the vendor's SDK (auth/login, auth/refresh, users/me). The end of a token is read from the token
itself, not from the `ttl` that was asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime

import jwt

from obzvon.errors import AuthRefused
from obzvon.vendors.account import Account
from obzvon.vendors.auth import LoginAuth, Token, logged_in, renew_at
from obzvon.vendors.http import VendorSession

#: Option of the connection -> default path under its address. TWIN spells its hosts in several ways.
_SERVICES = {
    "iam_url": "/iam/api/v1",
    "cis_url": "/cis/api/v1",
    "analytics_url": "/analyse/api/v1",
    "beta_url": "/api/cis/beta",
}
#: Seconds of a moment that can be calculated with: the year 2200.
_LAST = 7_258_118_400


def service(account: Account, option: str, path: str) -> str:
    """Address of a path of one service: under the option where the connection has it, else under the base address."""
    return f"{account.text(option, account.url(_SERVICES[option])).rstrip('/')}/{path}"


class TwinLogin(LoginAuth):
    """A JWT by e-mail and password, renewed by its refresh token and by a new login when that is refused.

    Option `token_ttl`: the lifetime to ask for, in seconds (3600).
    """

    async def obtain(self, session: VendorSession, old: Token | None) -> Token:
        if old is not None and old.refresh is not None:
            try:
                return await self._refreshed(session, old.refresh)
            except AuthRefused:
                pass  # the refresh token has died; its lifetime is not published
        email, password = self.account.credentials()
        url = service(self.account, "iam_url", "auth/login")
        asked = {"email": email, "password": password, "ttl": self._ttl()}
        body = await logged_in(session, url, "log in", json=asked)
        return self._read(session, body.get("token"), body.get("refreshToken"))

    async def _refreshed(self, session: VendorSession, refresh: str) -> Token:
        url = service(self.account, "iam_url", "auth/refresh")
        body = await logged_in(session, url, "refresh the token", json={"refreshToken": refresh, "ttl": self._ttl()})
        return self._read(session, body.get("token"), body.get("refreshToken") or refresh)

    def _read(self, session: VendorSession, token: object, refresh: object) -> Token:
        if not isinstance(token, str) or not token:
            raise AuthRefused(session.vendor, "log in", "the answer has no token; check the option iam_url")
        expires_at = _expiry(token)
        renewal = None if expires_at is None else renew_at(self.clock(), expires_at)
        return Token(token, renewal, refresh if isinstance(refresh, str) else None)

    def _ttl(self) -> int:
        return int(self.account.number("token_ttl", 3600, least=1))


def _expiry(token: str) -> datetime | None:
    """`exp` of the JWT. The signature is the vendor's own business; None for what is no JWT or names no moment."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):  # what stands in a token is as deep as its maker likes
        return None
    exp = claims.get("exp")
    if isinstance(exp, bool) or not isinstance(exp, int | float) or not 0 < exp < _LAST:
        return None
    return datetime.fromtimestamp(exp, UTC)
