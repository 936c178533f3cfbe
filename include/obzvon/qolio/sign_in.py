"""Sign-in to Qolio's account API: e-mail and password for a token that comes in the answer's headers.

Source: Qolio, «Доступ через API» (headers `uid`, `access-token`, `client`, all three to be sent back) and public
clients (a header `Authorization: Bearer …`). Lifetime and rotation are not documented: a 401 signs in again.
"""

from __future__ import annotations

from obzvon.errors import AuthRefused, ConfigError
from obzvon.vendors.account import Account
from obzvon.vendors.auth import LoginAuth, Token, login_answer
from obzvon.vendors.http import VendorSession

__all__ = ["SignIn", "account_login"]

_THREE = ("uid", "access-token", "client")


def account_login(account: Account) -> tuple[str, str] | None:
    """E-mail and password of the account API from the connection's options; None where it has neither.

    ConfigError when only one of them is there.
    """
    given = [account.options.get(key) for key in ("account_email", "account_password")]
    if not any(given):
        return None
    email, password = (account.text(key) for key in ("account_email", "account_password"))
    return email, password


class SignIn(LoginAuth):
    """A Bearer token where Qolio gives one, else its three headers.

    `extra` are the headers to send with every request beside `Authorization`; it changes with every sign-in. Option
    `sign_in_path` (/auth/sign_in): under the address, or an absolute one.
    """

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.extra: dict[str, str] = {}

    async def header(self, session: VendorSession) -> str | None:  # type: ignore[override]  # LoginAuth always has one
        bearer = await super().header(session)
        return None if self.extra else bearer

    async def renew(self, session: VendorSession, refused: str) -> bool:
        return await super().renew(session, refused or f"Bearer {self.extra.get('access-token')}")

    async def obtain(self, session: VendorSession, old: Token | None) -> Token:
        login = account_login(self.account)
        if login is None:
            raise ConfigError(
                f"connection {self.account.conn_id}: `account_email` and `account_password` are empty; "
                "fill in the e-mail and password of a Qolio user who may read users and communications"
            )
        path = self.account.text("sign_in_path", "/auth/sign_in")
        answer = await login_answer(session, path, "sign in", json={"email": login[0], "password": login[1]})
        kind, _, bearer = answer.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and bearer.strip():
            self.extra.clear()
            return Token(bearer.strip())
        three = {name: answer.headers.get(name, "") for name in _THREE}
        if not all(three.values()):
            raise AuthRefused(
                session.vendor, "sign in", "the answer has no token in its headers; check the option sign_in_path"
            )
        self.extra.update(three)
        return Token(three["access-token"])
