"""Where a link may lead: named hosts, https, public addresses. The vendor's report is not ours, so its links are not.

Addresses are judged where they are used, in the resolver of the connection: a name that gives a public address to a
check and a private one to the connection gets through neither.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from obzvon.errors import ConfigError, RecordingRefused
from obzvon.vendors.account import Account

__all__ = ["GuardedResolver", "HostName", "Hosts", "is_public"]

#: A name in any alphabet, or an address; then a port.
_ENTRY = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d+)?")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: Never the open internet, whatever the version of Python says: a house's own NAT64, site-local, IPv4 within IPv6.
_INWARD = tuple(map(ipaddress.ip_network, ("64:ff9b:1::/48", "fec0::/10", "::/96")))


@dataclass(frozen=True, slots=True)
class HostName:
    """`name`, `name:port`, or `*.name` for every host below it. Without a port only the scheme's own is meant."""

    name: str
    port: int | None = None
    below: bool = False

    @classmethod
    def parse(cls, account: Account, key: str, text: str) -> Self:
        """An entry of a connection's list. ConfigError when it is none."""
        below, bare = text.startswith("*."), text.removeprefix("*.")
        try:
            url = URL(f"https://{bare}")
        except ValueError:
            url = URL()
        if not url.raw_host or _ENTRY.fullmatch(bare) is None:
            raise ConfigError(
                f"connection {account.conn_id}: extra key `{key}` has an entry that is no host;"
                " write records.example.ru, records.example.ru:8443 or *.example.ru"
            )
        return cls(_name(url), url.explicit_port, below)

    def names(self, host: str) -> bool:
        """Whether the host is meant, on whatever port."""
        return host.endswith(f".{self.name}") if self.below else host == self.name

    def meets(self, url: URL) -> bool:
        """Whether a link leads here."""
        usual = url.is_default_port() if self.port is None else url.port == self.port
        return usual and self.names(_name(url))


@dataclass(frozen=True, slots=True)
class Hosts:
    """What a connection allows its recordings' links. `login`: the hosts that get the vendor's token, and no other."""

    allowed: tuple[HostName, ...]
    plain: tuple[HostName, ...] = ()
    private: tuple[HostName, ...] = ()
    login: tuple[HostName, ...] = ()

    @classmethod
    def of(cls, account: Account) -> Self:
        """From the connection's extra keys `recording_hosts`, `recording_http_hosts`, `recording_private_hosts` and

        `recording_login_hosts`. By default the connection's own host and those below it, by https, without a login.
        """
        own = URL(account.url("/"))
        default = (HostName(_name(own), own.explicit_port), HostName(_name(own), None, below=True))
        allowed = _entries(account, "recording_hosts") or default
        hosts = cls(
            allowed,
            _entries(account, "recording_http_hosts"),
            _entries(account, "recording_private_hosts"),
            _entries(account, "recording_login_hosts"),
        )
        if any(not any(mine.names(entry.name) for mine in default) for entry in hosts.login):
            raise ConfigError(
                f"connection {account.conn_id}: extra key `recording_login_hosts` names a host that is not"
                " the connection's own one or below it; the vendor's token goes nowhere else"
            )
        return hosts

    def check(self, link: str | URL) -> URL:
        """The link, ready to be asked for. RecordingRefused, with the host in words, when it leads elsewhere."""
        try:
            url = URL(link)
            host, _ = _name(url), url.port
        except ValueError:
            raise RecordingRefused("the link is no web address") from None
        if url.scheme not in {"https", "http"} or not host:
            raise RecordingRefused("the link is no web address")
        if url.raw_user is not None or url.raw_password is not None:
            raise RecordingRefused("the link carries a login of its own")
        if not any(entry.meets(url) for entry in self.allowed):
            raise RecordingRefused(f"host {_said(url)} is not among `recording_hosts` of the vendor's connection")
        if url.scheme == "http" and not any(entry.names(host) for entry in self.plain):
            raise RecordingRefused(f"host {_said(url)} is asked by http, and `recording_http_hosts` does not name it")
        if _is_address(host):
            self.check_address(host, host)
        return url

    def check_address(self, host: str, address: str) -> None:
        """RecordingRefused when the host stands at an address of no public network and no setting allows it."""
        if not is_public(address) and not any(entry.names(host) for entry in self.private):
            raise RecordingRefused(
                f"host {host[:100]} stands at an address that is not public, and `recording_private_hosts` of the"
                " vendor's connection does not name it"
            )

    def wants_login(self, url: URL) -> bool:
        """Whether the vendor's token goes with a request there: by https, or by plain http within your own network."""
        unseen = url.scheme == "https" or (self._has(self.plain, url) and self._has(self.private, url))
        return unseen and any(entry.meets(url) for entry in self.login)

    @staticmethod
    def _has(entries: tuple[HostName, ...], url: URL) -> bool:
        return any(entry.names(_name(url)) for entry in entries)


class GuardedResolver(AbstractResolver):
    """Names to addresses, of which every one must be allowed: the connection goes to these and asks nobody again."""

    def __init__(self, hosts: Hosts, inner: AbstractResolver | None = None) -> None:
        self._hosts, self._inner = hosts, inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for one in found:
            self._hosts.check_address(host.lower(), one["host"])
        return found

    async def close(self) -> None:
        await self._inner.close()


def is_public(address: str) -> bool:
    """Whether an address belongs to the open internet, and so do the IPv4 ones that an IPv6 one stands for."""
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(given in network for network in _INWARD):
        return False
    return all(one.is_global and not one.is_multicast for one in (given, *_inside(given)))


def _inside(given: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(given, IPv4Address):
        return []
    found = [given.ipv4_mapped, given.sixtofour, *(given.teredo or ())]
    if given in _NAT64:
        found.append(IPv4Address(int(given) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


def _entries(account: Account, key: str) -> tuple[HostName, ...]:
    return tuple(HostName.parse(account, key, text) for text in account.names(key, ()))


def _name(url: URL) -> str:
    return (url.raw_host or "").lower().rstrip(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _said(url: URL) -> str:
    port = "" if url.explicit_port is None else f":{url.explicit_port}"
    return f"{_name(url)[:100]}{port}"
