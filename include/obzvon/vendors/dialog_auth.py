"""Dialog's login.

The book documents only the method's name (/login), the credentials and the Bearer header. Path, encoding and field
names are options of the connection; their defaults are what a public client of the platform does.
"""

from __future__ import annotations

from obzvon.errors import AuthRefused, ConfigError
from obzvon.vendors.auth import LoginAuth, Token, logged_in
from obzvon.vendors.http import VendorSession


class DialogLogin(LoginAuth):
    """A token by login and password. Its lifetime is not documented, so only a 401 renews it.

    Options: `login_path` (/login/), `login_encoding` (form, else json), `login_field` (username), `password_field`
    (password).
    """

    async def obtain(self, session: VendorSession, old: Token | None) -> Token:
        path = self.account.text("api_path", "/api").rstrip("/") + self.account.text("login_path", "/login/")
        login, password = self.account.credentials()
        fields = {
            self.account.text("login_field", "username"): login,
            self.account.text("password_field", "password"): password,
        }
        body = await logged_in(session, path, "log in", **{self._encoding(): fields})
        token = body.get("access_token")
        if not isinstance(token, str) or not token:
            raise AuthRefused(session.vendor, "log in", "the answer has no access_token; check the option login_path")
        return Token(token)

    def _encoding(self) -> str:
        encoding = self.account.text("login_encoding", "form")
        if encoding not in ("form", "json"):
            raise ConfigError(f"connection {self.account.conn_id}: extra key `login_encoding` is neither form nor json")
        return "data" if encoding == "form" else "json"
