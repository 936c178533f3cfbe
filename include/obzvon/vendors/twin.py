"""TWIN: create a task, add candidates, start and stop it, find it again, read calls and sessions.

Two families of the API, named by the campaign file's `api`. The beta family documents only the creation; where its
contacts go is an option of the connection, and nothing of it can be listed, stopped or asked for its status.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import tenacity

from obzvon.errors import (
    AuthRefused,
    ConfigError,
    ContractBreak,
    InDoubt,
    NotSent,
    RateLimited,
    Refused,
    VendorError,
)
from obzvon.vendors.account import Account
from obzvon.vendors.auth import Auth, FixedToken
from obzvon.vendors.base import (
    Acceptance,
    Contact,
    Dialer,
    Found,
    Order,
    Page,
    Progress,
    Row,
    StopOutcome,
    Task,
    Totals,
)
from obzvon.vendors.connection_forms import TWIN
from obzvon.vendors.http import VendorSession
from obzvon.vendors.tally import Tally
from obzvon.vendors.twin_auth import TwinLogin, service
from obzvon.vendors.twin_bodies import beta_task, candidates, v1_task
from obzvon.vendors.twin_calls import RECORD_CAP, ListPage, listed
from obzvon.vendors.twin_recalls import redials
from obzvon.vendors.twin_results import (
    CALL_FIELDS,
    SESSION_FIELDS,
    TRANSCRIPT_FIELDS,
    item_rows,
    page_rows,
    page_totals,
)
from obzvon.vendors.twin_settings import TwinBetaSettings, TwinSettings
from obzvon.vendors.twin_v1_settings import TwinV1Settings

if TYPE_CHECKING:
    from obzvon.campaigns.spec import CampaignSpec

log = logging.getLogger(__name__)
FAMILIES: dict[str, type[TwinSettings]] = {"beta": TwinBetaSettings, "v1": TwinV1Settings}
COMPANY_ZONE_CURE = "set it to the IANA time zone of the company in TWIN's cabinet; startMoment is read in it"
CANDIDATES_CURE = "set it to the path under which the beta API takes contacts, with {task_id} in it; ask TWIN's support"
#: A call is created when its contact is loaded, which may be days before the window.
_BEFORE, _AFTER = timedelta(days=7), timedelta(days=3)
_CONFIRMATIONS, _CONFIRM_PAUSE = 5, 2.0


class Twin(Dialer):
    """TWIN's tasks, of the family that the campaign file names."""

    code = "twin"
    contacts_in_create = False

    def __init__(self, session: VendorSession, spec: CampaignSpec) -> None:
        super().__init__(session, spec)
        if not isinstance(spec.vendor, TwinSettings):
            raise ConfigError(f"campaign {spec.name}: `vendor.type` is not twin")
        self.settings = spec.vendor
        self._ready: set[str] = set()

    @classmethod
    def auth(cls, account: Account) -> Auth:
        """A ready token where the connection has one, else a login that renews itself."""
        return FixedToken(account.token) if account.token else TwinLogin(account)

    @classmethod
    async def test(cls, account: Account) -> str:
        async with VendorSession(cls.code, account, cls.auth(account)) as session:
            await session.read("GET", service(account, "iam_url", "users/me"), action="ask who is signed in")
        return "login works"

    @classmethod
    def connection_form(cls) -> Mapping[str, Any]:
        return TWIN

    @classmethod
    def parse_settings(cls, value: Mapping[str, Any]) -> TwinSettings:
        family = FAMILIES.get(str(value.get("api")))
        if family is None:
            raise ValueError("`vendor.api` must say which TWIN API the account has: beta or v1")
        return family.model_validate(value)

    def check(self, order: Order, now: datetime) -> None:
        self._account.check()
        campaign = f"campaign {self.spec.name}"
        if order.local_from >= order.local_to:
            raise ConfigError(
                f"{campaign}: the window is reversed (allowedTimeRange from {order.local_from} to {order.local_to});"
                " TWIN takes one range within a day"
            )
        if order.ends_at <= max(order.starts_at, now):
            raise ConfigError(f"{campaign}: the window ends before the task could start; choose a later call date")
        if isinstance(self.settings, TwinV1Settings):
            self._company_zone()
            return
        self._candidates_url("check")
        if isinstance(self.settings, TwinBetaSettings) and self.settings.start == "scheduled" and order.starts_at < now:
            raise ConfigError(f"{campaign}: scheduledAt {order.starts_at:%Y-%m-%d %H:%M} UTC is in the past")

    async def create(self, order: Order, contacts: Sequence[Contact]) -> str:
        url, body = self._creation(order)
        answer = await self.session.send("POST", url, action="create a task", json=body)
        created = answer.json()
        task_id = _identity(created.get("id")) if isinstance(created, dict) else None
        if task_id is None:
            raise InDoubt(self.code, answer.action, "the answer has no id", status=answer.status)
        return task_id

    async def add_contacts(self, task_id: str, order: Order, contacts: Sequence[Contact]) -> Acceptance:
        """One batch. No page documents a body of the answer: a 2xx takes all of it."""
        url = self._candidates_url(task_id)
        await self._readable(task_id)
        unit = 60 if self._account.text("timezone_unit", "seconds") == "minutes" else 1
        body = candidates(task_id, order, contacts, zone_unit=unit)
        await self.session.send("POST", url, action="add candidates", json=body)
        return Acceptance(len(contacts))

    async def start(self, task_id: str, order: Order, now: datetime) -> None:
        """`play` for a v1 task whose window is open; a later window starts by `startMoment`, a beta task by itself."""
        if isinstance(self.settings, TwinV1Settings) and order.open_at(now):
            await self._command(task_id, "play")

    async def cancel(self, task_id: str) -> StopOutcome:
        """Pause, halt, then look until the status says so. A refused pause (nothing runs) is no reason not to halt."""
        if not isinstance(self.settings, TwinV1Settings):
            return StopOutcome.NOT_POSSIBLE
        for command in ("pause", "halted"):
            try:
                await self._command(task_id, command)
            except VendorError as error:
                log.warning("task %s: %s", task_id, error)
        return await self._confirmed(task_id)

    async def find(self, marker: str, since: datetime, until: datetime) -> tuple[Found, ...] | None:
        if not isinstance(self.settings, TwinV1Settings):
            return None
        found: dict[str, Found] = {}
        url = service(self._account, "cis_url", "telephony/autoCall")
        query = {"keyword": marker}
        async for page in listed(self.session, url, query, action="list tasks", since=since, until=until):
            for item in page.items:
                task = _found(item)
                if marker in task.name:
                    found[task.task_id] = task
        return tuple(found.values())

    async def look(self, task: Task) -> Progress:
        tally = Tally(partial(redials, self.settings), recordings=self._records)
        status = await self._status(task.task_id) if isinstance(self.settings, TwinV1Settings) else None
        vendor_time = self.session.clock()
        async for page in self._calls(task, "look at calls", CALL_FIELDS):
            vendor_time = page.answer.date
            await asyncio.to_thread(tally.add_all, item_rows(self.spec, "calls", page.items))
        return tally.progress(vendor_time, None if status is None else self._is_final(status), status)

    async def report(self, task: Task) -> AsyncIterator[Page]:
        """Calls, then for v1 the sessions with what was said; beta has it in the calls."""
        v1 = isinstance(self.settings, TwinV1Settings)
        number, answered = 0, False
        async for page in self._calls(task, "read calls", CALL_FIELDS if v1 else CALL_FIELDS + TRANSCRIPT_FIELDS):
            number += 1
            answered |= any(isinstance(item, dict) and item.get("status") == "ANSWERED" for item in page.items)
            yield Page("calls", number, page.query, _once(page.answer.body))
        if not (v1 and answered):
            return
        number = 0
        async for page in self._sessions(task):
            number += 1
            yield Page("sessions", number, page.query, _once(page.answer.body))

    @classmethod
    def parse(cls, spec: CampaignSpec, kind: str, stream: IO[bytes]) -> Iterator[Row]:
        return page_rows(spec, kind, stream)

    @classmethod
    def totals(cls, kind: str, stream: IO[bytes]) -> Totals:
        return page_totals(stream)

    def _calls(self, task: Task, action: str, fields: tuple[str, ...]) -> AsyncIterator[ListPage]:
        return self._search(task, action, "search/cis/calls", fields, "createdAt")

    def _sessions(self, task: Task) -> AsyncIterator[ListPage]:
        sort = self._account.text("sessions_sort", "startedAt")
        return self._search(task, "read sessions", "search/cis/sessions", SESSION_FIELDS, sort)

    def _search(
        self, task: Task, action: str, path: str, fields: tuple[str, ...], sort: str
    ) -> AsyncIterator[ListPage]:
        return listed(
            self.session,
            service(self._account, "analytics_url", path),
            {"taskId": task.task_id, "fields": ",".join(fields), "sort": sort},
            action=action,
            since=task.order.starts_at - _BEFORE,
            until=task.order.ends_at + _AFTER,
            cap=RECORD_CAP,
        )

    def _creation(self, order: Order) -> tuple[str, dict[str, Any]]:
        if isinstance(self.settings, TwinBetaSettings):
            return service(self._account, "beta_url", "tasks"), beta_task(self.settings, order)
        assert isinstance(self.settings, TwinV1Settings)
        body = v1_task(
            self.settings,
            order,
            company_zone=self._company_zone(),
            now=self.session.clock(),
            lifetime_from_start=self._account.text("lifetime_from", "start") != "creation",
        )
        return service(self._account, "cis_url", "telephony/autoCall"), body

    def _candidates_url(self, task_id: str) -> str:
        if isinstance(self.settings, TwinV1Settings):
            return service(self._account, "cis_url", "telephony/autoCallCandidate/batch")
        path = self._account.text("candidates_path", cure=CANDIDATES_CURE)
        if "{task_id}" not in path:
            raise ConfigError(f"connection {self._account.conn_id}: extra key `candidates_path` lacks {{task_id}}")
        return service(self._account, "beta_url", path.replace("{task_id}", task_id).lstrip("/"))

    async def _readable(self, task_id: str) -> None:
        """Wait until a v1 task can be read: candidates that come earlier may be lost. NotSent when it never can be."""
        if not isinstance(self.settings, TwinV1Settings) or task_id in self._ready:
            return
        patience = self._account.number("ready_seconds", 30)
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, Refused) and error.status == 404),
            wait=tenacity.wait_fixed(1),
            stop=tenacity.stop_after_delay(patience),
            sleep=self.session.sleep,
            reraise=True,
        )
        try:
            await retrying(self._status, task_id)
        except (AuthRefused, RateLimited):
            raise
        except VendorError as error:
            failure = NotSent(self.code, "add candidates", f"the new task cannot be read ({error})")
        else:
            self._ready.add(task_id)
            return
        raise failure

    async def _status(self, task_id: str) -> str | None:
        url = service(self._account, "cis_url", f"telephony/autoCall/{quote(task_id, safe='')}")
        body = (await self.session.read("GET", url, action="look at a task")).json()
        status = body.get("status") if isinstance(body, dict) else None
        return status if isinstance(status, str) and status else None

    async def _command(self, task_id: str, command: str) -> None:
        """Play, pause and halted may be repeated: the second time changes nothing."""
        url = service(self._account, "cis_url", f"telephony/autoCall/{quote(task_id, safe='')}/{command}")
        await self.session.read("POST", url, action=f"{command} a task")

    async def _confirmed(self, task_id: str) -> StopOutcome:
        for _ in range(_CONFIRMATIONS):
            try:
                if self._is_final(await self._status(task_id) or ""):
                    return StopOutcome.CONFIRMED
            except VendorError as error:
                log.warning("task %s: %s", task_id, error)
            await self.session.sleep(_CONFIRM_PAUSE)
        return StopOutcome.UNCONFIRMED

    def _is_final(self, status: str) -> bool:
        """HALTED, and what the option `finished_statuses` adds: TWIN's public table of statuses is cut off."""
        return status == "HALTED" or status in self._account.names("finished_statuses", ())

    def _company_zone(self) -> ZoneInfo:
        return self._account.zone("company_timezone", cure=COMPANY_ZONE_CURE)

    @property
    def _records(self) -> bool:
        recorded = not isinstance(self.settings, TwinV1Settings) or self.settings.record_call
        return recorded and self.settings.expect_recordings

    @property
    def _account(self) -> Account:
        return self.session.account


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _identity(value: object) -> str | None:
    """A task's id: flat in beta, `{identity}` in v1."""
    if isinstance(value, dict):
        value = value.get("identity")
    return value if isinstance(value, str) and value else None


def _found(item: object) -> Found:
    """A task of the list. One without id or name breaks the contract: it must not look like "not there"."""
    named = item if isinstance(item, dict) else {}
    task_id, name, status = _identity(named.get("id")), named.get("name"), named.get("status")
    if task_id is None or not isinstance(name, str):
        raise ContractBreak("twin.list", "id, name", "a task of the list has no id or no name")
    return Found(task_id, name, status if isinstance(status, str) else None)
