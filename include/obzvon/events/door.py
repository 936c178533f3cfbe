"""Who may bring events of one connection: whoever knows the secret of the address, from the networks of the vendor.

TWIN signs nothing (vendor's page on webhooks): the secret in the path and the sender's address are all there is.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self
from urllib.parse import urlsplit

from obzvon.errors import ConfigError
from obzvon.vendors.account import Account

__all__ = ["PREFIX", "Door", "address_of"]

#: Where the receiver is, below the address of the web server.
PREFIX = "/obzvon-events"
#: TWIN's advice; its sender is 87.251.83.190.
NETWORKS = ("87.251.83.160/27",)
LEAST_SECRET = 32
#: KiB; a transcript of an hour is a tenth of it.
LARGEST_KIB = 1024.0
SECRET_CURE = f"set it to {LEAST_SECRET} or more random letters and digits"

_Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Door:
    """The receiver's settings of one connection. `largest`: bytes of a body."""

    vendor: str
    secret: str = field(repr=False)
    networks: Sequence[_Network]
    proxies: Sequence[_Network] = ()
    largest: int = int(LARGEST_KIB) << 10

    @classmethod
    def of(cls, vendor: str, account: Account) -> Self | None:
        """The door of a connection; None where it has no `webhook_secret`. ConfigError names what is wrong with it."""
        if not account.options.get("webhook_secret"):
            return None
        return cls(
            vendor,
            _secret(account),
            _networks(account, "webhook_networks", NETWORKS),
            _networks(account, "webhook_proxies", ()),
            int(account.number("webhook_max_kib", LARGEST_KIB, least=1)) << 10,
        )

    def opens(self, secret: str, peer: str | None, forwarded: Iterable[str]) -> bool:
        """Whether a request may come in. `forwarded`: its X-Forwarded-For headers, in their order."""
        known = hmac.compare_digest(secret.encode(errors="replace"), self.secret.encode())
        came_from = self.source(peer, forwarded)
        return known and came_from is not None and _among(came_from, self.networks)

    def source(self, peer: str | None, forwarded: Iterable[str]) -> _Address | None:
        """Who sent it: the peer, or who the proxies in front say that it was.

        Each of our proxies adds the address it was called from at the end, and what stands before that anybody may
        have written. So the list is read from its end as long as it was one of ours that wrote.
        """
        hops = [part.strip() for header in forwarded for part in header.split(",")]
        came_from = _address(peer)
        while came_from is not None and hops and _among(came_from, self.proxies):
            came_from = _address(hops.pop())
        return came_from


def address_of(account: Account) -> str | None:
    """Where a vendor is told to send events to; None while `webhook_address` is empty. Raises ConfigError."""
    if not account.options.get("webhook_address"):
        return None
    cure = "set it to the address at which the vendor reaches the web server, https://host[/path]"
    base = account.text("webhook_address", cure=cure)
    parts = urlsplit(base)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ConfigError(f"connection {account.conn_id}: extra key `webhook_address` is no https address; {cure}")
    return f"{base.rstrip('/')}{PREFIX}/{account.conn_id}/{_secret(account)}"


def _secret(account: Account) -> str:
    secret = account.text("webhook_secret", cure=SECRET_CURE)
    if len(secret) < LEAST_SECRET or not secret.isascii() or not secret.replace("-", "").replace("_", "").isalnum():
        raise ConfigError(
            f"connection {account.conn_id}: extra key `webhook_secret` is short or not fit for a path; {SECRET_CURE}"
        )
    return secret


def _networks(account: Account, key: str, default: tuple[str, ...]) -> tuple[_Network, ...]:
    cure = "set networks such as 87.251.83.160/27, one a line or with commas"
    try:
        return tuple(ip_network(name) for name in account.names(key, default, cure=cure))
    except ValueError:
        raise ConfigError(f"connection {account.conn_id}: extra key `{key}` holds what is no network; {cure}") from None


def _address(text: str | None) -> _Address | None:
    """An address as servers and proxies write it, with or without a port; None for anything else."""
    if not text:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _among(address: _Address, networks: Iterable[_Network]) -> bool:
    return any(address in network for network in networks)
