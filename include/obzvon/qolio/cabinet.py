"""Qolio's cabinet, for people.

Source of the front page: Qolio's documentation names app.dealapp.io as its web interface; the hosts
api.prod1.dealapp.io and api.prod1.qolio.ru are one backend (a public client signs in at one and works with the other).
"""

from __future__ import annotations

import re

from obzvon.vendors.account import Account
from obzvon.vendors.cabinet import cabinet_address, host_is

__all__ = ["integration_of", "qolio_address"]

FRONT = "https://app.dealapp.io/"
_INTEGRATION = re.compile(r"/integrations/([^/]+)/")


def qolio_address(account: Account) -> str | None:
    """`cabinet_url` with the integration's id in it, else the front page where it is known."""
    front = FRONT if host_is(account, "qolio.ru", "qolio.io", "dealapp.io") else None
    return cabinet_address(account, front, integration=integration_of(account))


def integration_of(account: Account) -> str | None:
    """The integration's id, from the path of its address."""
    found = _INTEGRATION.search(str(account.options.get("integration_path") or ""))
    return found[1] if found else None
