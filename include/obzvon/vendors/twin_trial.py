"""Trying a connection to TWIN: who is signed in, its tasks (v1), its calls. Only requests that a run makes too."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from obzvon.errors import ConfigError
from obzvon.vendors.account import Account
from obzvon.vendors.auth import Auth
from obzvon.vendors.connection_forms import TWIN
from obzvon.vendors.http import VendorSession
from obzvon.vendors.trial import ONCE, Step, hurried, local_time, require_fields, step
from obzvon.vendors.twin_auth import service
from obzvon.vendors.twin_calls import listed

__all__ = ["twin_trial"]

_LOG_IN = Step("log in", "address or `iam_url`", login=True)
_WHO = Step("ask who is signed in", "address or `iam_url`", "a user of the cabinet whose API is switched on")
_TASKS = Step("list tasks", "address or `cis_url`", "given the right to see tasks of calls")
_CALLS = Step("list calls", "address or `analytics_url`", "given the right to see reports of calls")
_SPAN = timedelta(minutes=1)
_REST = "the right to create tasks, which no reading request shows"


async def twin_trial(account: Account, auth: Auth) -> str:
    """Log in and read what a run reads, of the last minute; what is proven and what is not."""
    require_fields(account, TWIN)
    account.check()
    family = _families(account)
    async with VendorSession("twin", hurried(account), auth, patience=ONCE) as session:
        with step(_LOG_IN):
            await auth.header(session)
        with step(_WHO):
            await session.read("GET", service(account, "iam_url", "users/me"), action=_WHO.what)
        if "v1" in family:
            with step(_TASKS):
                await _first_page(session, service(account, "cis_url", "telephony/autoCall"), {}, _TASKS.what)
        with step(_CALLS):  # ids alone: nothing personal travels for a trial
            url = service(account, "analytics_url", "search/cis/calls")
            await _first_page(session, url, {"fields": "id", "sort": "createdAt"}, _CALLS.what)
    read = "login, tasks and calls can be read" if "v1" in family else "login, calls can be read"
    said = f"Proven, for api {' and '.join(family)}: {read}. Not proven: {_REST}."
    return f"{said} Compare {local_time(account, 'company_timezone')}." if "v1" in family else said


def _families(account: Account) -> list[str]:
    """Families of the API that the connection has the mandatory option of."""
    needed = {"v1": "company_timezone", "beta": "candidates_path"}
    found = [family for family, key in needed.items() if account.options.get(key)]
    if not found:
        raise ConfigError(
            f"connection {account.conn_id}: neither `company_timezone` (campaigns with api: v1) nor `candidates_path`"
            " (api: beta) is set; fill in the one that your campaigns need"
        )
    if "beta" in found and "{task_id}" not in account.text("candidates_path"):
        raise ConfigError(f"connection {account.conn_id}: extra key `candidates_path` lacks {{task_id}}")
    return found


async def _first_page(session: VendorSession, url: str, query: dict[str, str], action: str) -> None:
    now = datetime.now(UTC)
    async with aclosing(listed(session, url, query, action=action, since=now - _SPAN, until=now)) as pages:
        await anext(pages)
