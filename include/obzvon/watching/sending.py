"""One POST of JSON to where a connection says. Its address may carry a token, so no error and no log line shows it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from obzvon.errors import ConfigError, ObzvonError
from obzvon.recordings.hosts import is_public

__all__ = ["NotTold", "post"]

#: A channel that does not answer must not hold up the others, seconds.
TIMEOUT = aiohttp.ClientTimeout(total=20, connect=10)


class NotTold(ObzvonError):
    """The channel did not take the message; the next look sends it again."""


async def post(
    conn_id: str, address: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None, private: bool
) -> None:
    """Send it once. `private`: the connection says that the address is within the own network, http is fine there.

    Otherwise only https and public addresses, whatever the name resolves to when the connection is made. Redirects are
    not followed. ConfigError where the address cannot be used, NotTold where the channel does not say 2xx.
    """
    url = _checked(conn_id, address, private)
    connector = aiohttp.TCPConnector(resolver=_Resolver(conn_id, private))
    failure: ObzvonError
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, trust_env=False) as session,
            session.post(url, json=body, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status < 300:
                return
            failure = NotTold(f"connection {conn_id}: the channel said HTTP {answer.status}")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        failure = NotTold(f"connection {conn_id}: the channel was not reached ({type(error).__name__})")
    raise failure  # outside the handler: the chained error would show the address


def _checked(conn_id: str, address: str, private: bool) -> URL:
    try:
        url = URL(address)
    except ValueError:
        url = URL()
    if url.scheme not in {"https", "http"} or not url.raw_host:
        raise ConfigError(f"connection {conn_id}: the host is no web address; write https://name/path")
    if not private and url.scheme != "https":
        raise ConfigError(f"connection {conn_id}: alerts go by https; within your own network set extra `private`")
    try:
        ipaddress.ip_address(url.raw_host)
    except ValueError:
        return url
    _allowed(conn_id, url.raw_host, private)
    return url


def _allowed(conn_id: str, address: str, private: bool) -> None:
    if not private and not is_public(address):
        raise ConfigError(
            f"connection {conn_id}: the host stands at an address that is not public; if that is meant, set extra"
            " `private` to true"
        )


class _Resolver(AbstractResolver):
    """Judges the very addresses that the connection goes to."""

    def __init__(self, conn_id: str, private: bool) -> None:
        self._conn_id, self._private, self._inner = conn_id, private, ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for one in found:
            _allowed(self._conn_id, one["host"], self._private)
        return found

    async def close(self) -> None:
        await self._inner.close()
