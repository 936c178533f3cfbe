"""A vendor account: address, credentials and options of one connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from obzvon.errors import ConfigError

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@dataclass(frozen=True, slots=True)
class Account:
    """One connection as plain values.

    `options` are the connection's extra keys; the getters below raise a ConfigError that names connection, key and
    cure. Secrets never show in `repr`.
    """

    base_url: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    conn_id: str = "(unnamed)"

    def url(self, path: str) -> str:
        """`path` under the base address; an absolute address stays as it is."""
        if path.startswith(("http://", "https://")):
            return path
        if not self.base_url.startswith(("http://", "https://")):
            raise ConfigError(f"connection {self.conn_id}: give the address as https://host[:port][/path]")
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"

    def text(self, key: str, default: str | None = None, *, cure: str = "set it") -> str:
        """A text option; without a default it is mandatory."""
        value = self._given(key, default, cure)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(key, "is not a text", cure)
        return value.strip()

    def number(self, key: str, default: float | None = None, *, least: float = 0, cure: str = "set it") -> float:
        """A number option of at least `least`."""
        value = self._given(key, default, cure)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise self._wrong(key, "is not a number", cure) from None
        if isinstance(value, bool) or not least <= number < float("inf"):
            raise self._wrong(key, f"is not a number of {least:g} or more", cure)
        return number

    def flag(self, key: str, default: bool | None = None, *, cure: str = "set true or false") -> bool:
        """A yes/no option."""
        word = str(self._given(key, default, cure)).strip().lower()
        if word not in _TRUE | _FALSE:
            raise self._wrong(key, "is neither true nor false", cure)
        return word in _TRUE

    def names(self, key: str, default: tuple[str, ...] | None = None, *, cure: str = "set a list") -> tuple[str, ...]:
        """A list of texts; one text with commas is a list too."""
        value = self._given(key, default, cure)
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise self._wrong(key, "is not a list of texts", cure)
        return tuple(item.strip() for item in items if item.strip())

    def zone(self, key: str, *, cure: str) -> ZoneInfo:
        """A mandatory IANA time zone."""
        name = self.text(key, cure=cure)
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise self._wrong(key, "is not an IANA time zone such as Asia/Yekaterinburg", cure) from None

    def check(self) -> None:
        """ConfigError when the address is none, or when there is neither a token nor login and password."""
        self.url("/")
        if not self.token:
            self.credentials()

    def credentials(self) -> tuple[str, str]:
        """Login and password, or a ConfigError."""
        if not self.login or not self.password:
            raise ConfigError(f"connection {self.conn_id}: login and password are empty; fill them in")
        return self.login, self.password

    def _given(self, key: str, default: object, cure: str) -> Any:
        value = self.options.get(key)
        if value is None or value == "":  # a form of the UI leaves empty texts
            value = default
        if value is None:
            raise self._wrong(key, "is missing", cure)
        return value

    def _wrong(self, key: str, what: str, cure: str) -> ConfigError:
        return ConfigError(f"connection {self.conn_id}: extra key `{key}` {what}; {cure}")
