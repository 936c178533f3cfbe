"""Hooks of the vendors: an Airflow connection as an `Account`, and the Test button.

The connection's host may hold a scheme and a path (`https://ai-assistant.is74.ru`); without a scheme the field "Schema"
gives it, `https` by default. HttpAsyncHook is not used: it turns every unknown extra key into a request header and logs
bodies.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

from airflow.sdk import BaseHook, Connection

from obzvon.errors import ObzvonError
from obzvon.qolio.trial import qolio_trial
from obzvon.vendors.account import Account
from obzvon.vendors.registry import dialer_class, dialer_classes
from obzvon.vendors.trial import in_time

__all__ = ["QolioHook", "VendorHook", "account_of"]

UNDER_TEST = "under test"


def account_of(conn: Connection) -> Account:
    """The connection as plain values. The extra key `token` is a ready token that replaces a login."""
    host = (conn.host or "").rstrip("/")
    if "://" not in host:
        host = f"{conn.schema or 'https'}://{host}"
    if conn.port:
        scheme, _, rest = host.partition("://")
        name, slash, path = rest.partition("/")
        if not re.search(r":\d+$", name):  # the address may have one of its own, which goes before
            host = f"{scheme}://{name}:{conn.port}{slash}{path}"
    options = dict(conn.extra_dejson)
    token = options.pop("token", None)
    return Account(host, conn.login, conn.password, token, options, conn.conn_id)


class VendorHook(BaseHook):
    """Base of the vendors' hooks."""

    conn_name_attr = "conn_id"

    def __init__(self, conn_id: str) -> None:
        super().__init__()
        self.conn_id = conn_id

    async def account(self) -> Account:
        """The account, from a trigger or an async operator."""
        return account_of(await self.aget_connection(self.conn_id))

    async def check(self, account: Account) -> str:
        """A few requests that change nothing; what they prove and what not."""
        return await dialer_class(self.conn_type).test(account)

    def test_connection(self) -> tuple[bool, str]:
        """The Test button and `airflow connections test`: a trial of some seconds, and what came of it.

        The UI tests a copy under a name that it invents, so the sentences speak of the connection under test.
        """
        account = replace(account_of(self.get_connection(self.conn_id)), conn_id=UNDER_TEST)
        try:
            return True, asyncio.run(in_time(self.check(account)))
        except ObzvonError as error:
            return False, str(error)


class QolioHook(VendorHook):
    """Qolio."""

    conn_type, hook_name, default_conn_name = "qolio", "Qolio", "qolio_default"

    async def check(self, account: Account) -> str:
        return await qolio_trial(account)


def __getattr__(name: str) -> Any:
    """`<Vendor>Hook` for every dialer of the registry, so that a new dialer needs no line here."""
    code = name.removesuffix("Hook").lower()
    if not name.endswith("Hook") or code not in dialer_classes():
        raise AttributeError(f"module {__name__} has no {name}")
    attributes = {"conn_type": code, "hook_name": code.capitalize(), "default_conn_name": f"{code}_default"}
    return type(name, (VendorHook,), {"__doc__": f"Hook of connections of type {code}.", **attributes})
