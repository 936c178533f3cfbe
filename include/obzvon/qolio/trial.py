"""Trying a connection to Qolio: its host, and with a login for the account API users and communications.

The integration token opens one request alone, which adds a call; so nothing proves it before the first delivery.
"""

from __future__ import annotations

import re
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from obzvon.errors import ConfigError
from obzvon.qolio.account import QolioAccount
from obzvon.qolio.fields import ReviewFields
from obzvon.qolio.form import QOLIO_FORM
from obzvon.qolio.sign_in import account_login
from obzvon.vendors.account import Account
from obzvon.vendors.http import VendorSession
from obzvon.vendors.trial import ONCE, Step, hurried, require_fields, step

__all__ = ["qolio_trial"]

_LOOK = Step("ask the API for its version", "address")
_SIGN_IN = Step("sign in to the account API", "address or `sign_in_path`", login=True)
_USERS = Step("list users", "`users_path`", "a user who may read users")
_TALKS = Step("list communications", "`interactions_path`", "a user who may read communications")
_UNTRIED = "the integration token: the only request it opens adds a call, so the first delivery tries it"
_NOBODY_LOOKS = "Without an account login nobody looks at operators, deliveries and scores"
_PATH = re.compile(r"(https?://[^/]+)?(/[^/?#\s]+)*/integrations/[^/<>?#\s]+/phone_calls/?")


async def qolio_trial(account: Account) -> str:
    """See that the API answers, and read with the account's login where there is one."""
    require_fields(account, QOLIO_FORM)
    _require_integration(account)
    ReviewFields.of(account)
    login, short = account_login(account), hurried(account)
    async with VendorSession("qolio", short, patience=ONCE) as session:
        with step(_LOOK):
            (await session.read("GET", "/", action=_LOOK.what)).json()
    if login is None:
        return f"Proven: the API answers. Not proven: {_UNTRIED}. {_NOBODY_LOOKS}."
    async with QolioAccount.connected(short, patience=ONCE) as client:
        with step(_SIGN_IN):
            await client.sign_in()
        with step(_USERS):
            async with aclosing(client.users()) as users:
                await anext(users)
        with step(_TALKS):
            now = datetime.now(UTC)
            async with aclosing(client.interactions(now - timedelta(minutes=1), now)) as pages:
                await anext(pages)
    return f"Proven: the API answers; the account login may read users and communications. Not proven: {_UNTRIED}."


def _require_integration(account: Account) -> None:
    if not _PATH.fullmatch(account.text("integration_path")):
        raise ConfigError(
            f"connection {account.conn_id}: extra key `integration_path` is not of the form"
            " /api/v1/integrations/<id>/phone_calls; copy «URL интегрируемого приложения» from the integration's dialog"
        )
    if not (account.token or account.password):
        raise ConfigError(f"connection {account.conn_id}: the password is empty; put the «Токен интеграции» there")
