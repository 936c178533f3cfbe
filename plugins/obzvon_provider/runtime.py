"""What every stage needs at run time, read when a task runs and never at parse."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from airflow.configuration import conf
from airflow.sdk import Variable
from airflow.sdk.exceptions import AirflowNotFoundException

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ConfigError, LedgerError
from obzvon.policy.switch import VARIABLE, KillSwitch
from obzvon.qolio.account import QolioAccount
from obzvon.qolio.client import REQUESTS_PER_SECOND, VENDOR, QolioClient
from obzvon.qolio.sign_in import account_login
from obzvon.recordings.links import Links, links_of, signing_key
from obzvon.reports.archive import Archive
from obzvon.stages.standings import Standings
from obzvon.vendors.account import Account
from obzvon.vendors.base import Dialer
from obzvon.vendors.budget import request_budget
from obzvon.vendors.patience import Patience
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect, connect_async
from obzvon_provider.hooks.vendor import QolioHook, VendorHook, account_of

__all__ = [
    "archive_root",
    "copy_links",
    "dialer_for",
    "dialer_of",
    "has_account_login",
    "kill_switch",
    "link_key",
    "phone_secret",
    "poll_seconds",
    "qolio_account_of",
    "qolio_of",
    "stored_spec",
    "stored_spec_async",
    "switch",
]

log = logging.getLogger(__name__)

_SPEC = "select spec from ops.campaign_plan where plan_id = %s"


def phone_secret() -> bytes:
    """The secret of `phone_key`."""
    value: str | None = Variable.get("obzvon_phone_secret", default=None)
    if not value or len(value) < 32:
        raise ConfigError(
            "the phone secret is missing or short: set Variable obzvon_phone_secret to 32 or more random characters;"
            " afterwards only `obzvon rotate-phone-key` may change it"
        )
    return value.encode()


def archive_root() -> str:
    """Where raw answers are kept: a folder or an s3:// address."""
    value: str | None = Variable.get("obzvon_archive", default=None)
    if not value:
        raise ConfigError("set Variable obzvon_archive to the folder or s3:// address of the archive of raw answers")
    return value


def link_key() -> bytes:
    """The key of signed links to recordings: from Variable obzvon_link_secret, where there is one, else the phones'."""
    value: str | None = Variable.get("obzvon_link_secret", default=None)
    if value is not None and len(value) < 32:
        raise ConfigError("Variable obzvon_link_secret is short: set it to 32 or more random characters, or delete it")
    return signing_key(value.encode() if value else phone_secret())


async def copy_links(spec: CampaignSpec) -> Links | None:
    """How Qolio gets the copies of a campaign's recordings; None where it does not copy."""
    if not spec.recordings.copies:
        return None
    account = await QolioHook(spec.qolio.conn_id).account()
    web = conf.get("api", "base_url", fallback=None)
    base = f"{web.rstrip('/')}/obzvon/recordings" if web else None
    return links_of(account, Archive(archive_root()), link_key(), base)


def switch() -> KillSwitch:
    """The kill switch as it is set now."""
    return KillSwitch.parse(str(Variable.get(VARIABLE, default="off")))


def kill_switch(campaign: str) -> bool:
    """True when calling is switched off for this campaign, alone or with every other one."""
    return switch().stops(campaign)


def _spec(row: tuple[object, ...] | None, plan_id: str) -> CampaignSpec:
    if row is None:
        raise LedgerError(f"plan {plan_id[:8]} is not in the ledger; run the task `plan` of this DAG run again")
    return CampaignSpec.model_validate(row[0])


def stored_spec(dsn: str, plan_id: str) -> CampaignSpec:
    """The campaign file as it was when the plan was made."""
    with connect(dsn) as conn:
        return _spec(conn.execute(_SPEC, (plan_id,)).fetchone(), plan_id)


async def stored_spec_async(dsn: str, plan_id: str) -> CampaignSpec:
    """As `stored_spec`, without blocking the event loop."""
    async with await connect_async(dsn) as conn:
        cur = await conn.execute(_SPEC, (plan_id,))
        return _spec(await cur.fetchone(), plan_id)


@dataclass(frozen=True, slots=True)
class ConnectedDialer:
    """A dialer with an open session, and how often its account may be polled.

    Where others use the session too: the list that they read together, and the places that their looks have.
    """

    dialer: Dialer
    poll_seconds: float
    standings: Standings | None = None
    place: AbstractAsyncContextManager[object] | None = None


def poll_seconds(account: Account) -> float:
    """The pause between two looks, seconds."""
    return account.number("poll_seconds", 60, least=0.5)


@asynccontextmanager
async def dialer_of(
    spec: CampaignSpec, dsn: str, *, patience: Patience | None = None
) -> AsyncIterator[ConnectedDialer]:
    """The campaign's dialer over its Airflow connection; `dsn`: the warehouse, which keeps the account's budget."""
    account = await VendorHook(spec.vendor.conn_id).account()
    async with dialer_for(account, spec, dsn, patience=patience) as connected:
        yield connected


@asynccontextmanager
async def dialer_for(
    account: Account, spec: CampaignSpec, dsn: str, *, patience: Patience | None = None
) -> AsyncIterator[ConnectedDialer]:
    """As `dialer_of`, where the connection was read already."""
    kind = dialer_class(spec.vendor.type)
    async with (
        request_budget(dsn, kind.code, account, kind.requests_per_second) as budget,
        kind.connected(account, spec, budget=budget, patience=patience) as dialer,
    ):
        yield ConnectedDialer(dialer, poll_seconds(account))


@asynccontextmanager
async def qolio_of(spec: CampaignSpec, dsn: str) -> AsyncIterator[QolioClient]:
    """The campaign's Qolio client over its Airflow connection; `dsn` as for `dialer_of`."""
    account = await QolioHook(spec.qolio.conn_id).account()
    async with (
        request_budget(dsn, VENDOR, account, REQUESTS_PER_SECOND) as budget,
        QolioClient.connected(account, budget=budget) as client,
    ):
        yield client


def has_account_login(conn_id: str) -> bool:
    """Whether a Qolio connection is there and has a login for the account API. ConfigError when it has half of one."""
    try:
        connection = QolioHook(conn_id).get_connection(conn_id)
    except AirflowNotFoundException:
        log.warning("connection %s does not exist; create it in Airflow or correct `qolio.conn_id`", conn_id)
        return False
    return account_login(account_of(connection)) is not None


@asynccontextmanager
async def qolio_account_of(conn_id: str, dsn: str) -> AsyncIterator[QolioAccount | None]:
    """Qolio's account API over a connection, in the same budget as its calls; None where it has no login for it."""
    account = await QolioHook(conn_id).account()
    if account_login(account) is None:
        log.warning("connection %s: no account_email, so Qolio's account API is not asked", conn_id)
        yield None
        return
    async with (
        request_budget(dsn, VENDOR, account, REQUESTS_PER_SECOND) as budget,
        QolioAccount.connected(account, budget=budget) as client,
    ):
        yield client
