"""Where a vendor campaign stands in the vendor's cabinet, for people.

No vendor documents such an address, so the connection's option `cabinet_url` says it; the front pages that a source
shows are the defaults (`Dialer.cabinet`).
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from obzvon.vendors.account import Account

__all__ = ["cabinet_address", "host_is", "origin"]


def cabinet_address(account: Account, front: str | None, **ids: str | None) -> str | None:
    """`cabinet_url` with the ids in it; its front page while one of them is not known; else `front`.

    None where nothing is known, or where the option is no web address.
    """
    given = account.options.get("cabinet_url")
    if not isinstance(given, str) or not given.strip():
        return front
    address = given.strip()
    if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).hostname:
        return None
    for name, value in ids.items():
        if f"{{{name}}}" in address:
            if not value:
                return origin(address)
            address = address.replace(f"{{{name}}}", quote(value, safe=""))
    return address


def origin(address: str) -> str:
    """Scheme, host and port of an address, as its front page."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"


def host_is(account: Account, *names: str) -> bool:
    """Whether the account's address is one of these hosts or below one."""
    host = urlsplit(account.base_url).hostname or ""
    return any(host == name or host.endswith(f".{name}") for name in names)
