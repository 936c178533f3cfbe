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

from obzvon.errors import (
    ConfigError,
    InDoubt,
)
from obzvon.events.door import address_of
from obzvon.vendors.account import Account
from obzvon.vendors.auth import Auth, FixedToken
from obzvon.vendors.base import (
    Acceptance,
    Contact,
    Dialer,
    Event,
    Found,
    Order,
    Page,
    Progress,
    Row,
    Standing,
    StopOutcome,
    Task,
    Totals,
)
from obzvon.vendors.cabinet import host_is
from obzvon.vendors.connection_forms import TWIN
from obzvon.vendors.http import VendorSession
from obzvon.vendors.tally import Tally
from obzvon.vendors.twin_auth import TwinLogin, service
from obzvon.vendors.twin_bodies import beta_task, candidates, v1_task
from obzvon.vendors.twin_calls import RECORD_CAP, ListPage, listed
from obzvon.vendors.twin_events import read_event
from obzvon.vendors.twin_recalls import redials
from obzvon.vendors.twin_results import (
    CALL_FIELDS,
    SESSION_FIELDS,
    TRANSCRIPT_FIELDS,
    draft_statuses,
    item_rows,
    page_contents,
    page_totals,
    raw_rows,
)
from obzvon.vendors.twin_settings import TwinBetaSettings, TwinSettings
from obzvon.vendors.twin_tasks import V1Tasks, identity
from obzvon.vendors.twin_trial import twin_trial
from obzvon.vendors.twin_v1_settings import TwinV1Settings

if TYPE_CHECKING:
    from obzvon.campaigns.spec import CampaignSpec
    from obzvon.vendors.observed import Observation

log = logging.getLogger(__name__)
FAMILIES: dict[str, type[TwinSettings]] = {"beta": TwinBetaSettings, "v1": TwinV1Settings}
#: As a public client of TWIN opens it; white labels have their own.
CABINET = "https://tcl.twin24.ai/"
COMPANY_ZONE_CURE = "set it to the IANA time zone of the company in TWIN's cabinet; startMoment is read in it"
CANDIDATES_CURE = "set it to the path under which the beta API takes contacts, with {task_id} in it; ask TWIN's support"
#: A call is created when its contact is loaded, which may be days before the window.
_BEFORE, _AFTER = timedelta(days=7), timedelta(days=3)


class Twin(Dialer):
    """TWIN's tasks, of the family that the campaign file names."""

    code = "twin"
    contacts_in_create = False

    def __init__(self, session: VendorSession, spec: CampaignSpec) -> None:
        super().__init__(session, spec)
        if not isinstance(spec.vendor, TwinSettings):
            raise ConfigError(f"campaign {spec.name}: `vendor.type` is not twin")
        self.settings = spec.vendor
        #: None in the beta family, which documents nothing but the creation.
        self._tasks = V1Tasks(session) if isinstance(spec.vendor, TwinV1Settings) else None

    @classmethod
    def auth(cls, account: Account) -> Auth:
        """A ready token where the connection has one, else a login that renews itself."""
        return FixedToken(account.token) if account.token else TwinLogin(account)

    @classmethod
    async def test(cls, account: Account) -> str:
        return await twin_trial(account, cls.auth(account))

    @classmethod
    def connection_form(cls) -> Mapping[str, Any]:
        return TWIN

    @classmethod
    def cabinet(cls, account: Account) -> str | None:
        return CABINET if host_is(account, "twin24.ai") else None

    @classmethod
    def parse_settings(cls, value: Mapping[str, Any]) -> TwinSettings:
        family = FAMILIES.get(str(value.get("api")))
        if family is None:
            raise ValueError("`vendor.api` must say which TWIN API the account has: beta or v1")
        return family.model_validate(value)

    def check(self, order: Order, now: datetime) -> None:
        self._account.check()
        address_of(self._account)
        campaign = f"campaign {self.spec.name}"
        if order.local_from >= order.local_to:
            raise ConfigError(
                f"{campaign}: the window is reversed (allowedTimeRange from {order.local_from} to {order.local_to});"
                " TWIN takes one range within a day"
            )
        if order.ends_at <= max(order.starts_at, now):
            raise ConfigError(f"{campaign}: the window ends before the task could start; choose a later call date")
        if isinstance(self.settings, TwinBetaSettings):
            self._candidates_url("check")
            self._check_beta_start(self.settings, order, now)
        else:
            self._company_zone()

    async def create(self, order: Order, contacts: Sequence[Contact]) -> str:
        url, body = self._creation(order)
        answer = await self.session.send("POST", url, action="create a task", json=body)
        created = answer.json()
        task_id = identity(created.get("id")) if isinstance(created, dict) else None
        if task_id is None:
            raise InDoubt(self.code, answer.action, "the answer has no id", status=answer.status)
        return task_id

    async def add_contacts(self, task_id: str, order: Order, contacts: Sequence[Contact]) -> Acceptance:
        """One batch. No page documents a body of the answer: a 2xx takes all of it."""
        url = self._candidates_url(task_id)
        if self._tasks:
            await self._tasks.readable(task_id)
        unit = 60 if self._account.text("timezone_unit", "seconds") == "minutes" else 1
        body = candidates(task_id, order, contacts, zone_unit=unit)
        await self.session.send("POST", url, action="add candidates", json=body)
        return Acceptance(len(contacts))

    async def start(self, task_id: str, order: Order, now: datetime) -> None:
        """`play` for a v1 task whose window is open; a later window starts by `startMoment`, a beta task by itself."""
        if self._tasks and order.open_at(now):
            await self._tasks.play(task_id)

    async def cancel(self, task_id: str) -> StopOutcome:
        """Pause, halt and confirm for v1; the beta family documents no way to stop a task."""
        return await self._tasks.stop(task_id) if self._tasks else StopOutcome.NOT_POSSIBLE

    async def find(self, marker: str, since: datetime, until: datetime) -> tuple[Found, ...] | None:
        return await self._tasks.find(marker, since, until) if self._tasks else None

    @property
    def lists(self) -> bool:
        return self._tasks is not None

    async def standings(self, since: datetime, until: datetime) -> Mapping[str, Standing]:
        return await (self._tasks.standings(since, until) if self._tasks else super().standings(since, until))

    async def look(self, task: Task) -> Progress:
        tally = Tally(partial(redials, self.settings), recordings=self.settings.expects_recordings)
        status = await self._tasks.status(task.task_id) if self._tasks else None
        finished = self._tasks.is_final(status) if self._tasks and status else None
        vendor_time = self.session.clock()
        async for page in self._calls(task, "look at calls", CALL_FIELDS):
            vendor_time = page.answer.date
            await asyncio.to_thread(tally.add_all, item_rows(self.spec, "calls", page.items))
        return tally.progress(vendor_time, finished, status)

    async def report(self, task: Task) -> AsyncIterator[Page]:
        """Calls, then for v1 the sessions with what was said; beta has it in the calls."""
        number, answered = 0, False
        async for page in self._calls(
            task, "read calls", CALL_FIELDS if self._tasks else CALL_FIELDS + TRANSCRIPT_FIELDS
        ):
            number += 1
            answered |= any(isinstance(item, dict) and item.get("status") == "ANSWERED" for item in page.items)
            yield Page("calls", number, page.query, _once(page.answer.body))
        if not (self._tasks and answered):
            return
        number = 0
        async for page in self._sessions(task):
            number += 1
            yield Page("sessions", number, page.query, _once(page.answer.body))

    @classmethod
    def contents(cls, spec: CampaignSpec, kind: str, stream: IO[bytes]) -> Iterator[Row | Totals]:
        return page_contents(spec, kind, stream)

    @classmethod
    def totals(cls, kind: str, stream: IO[bytes]) -> Totals:
        return page_totals(stream)

    @classmethod
    def event(cls, body: bytes) -> Event:
        return read_event(body)

    @classmethod
    def raw_rows(cls, kind: str, stream: IO[bytes]) -> Iterator[Mapping[str, Any]]:
        return raw_rows(stream) if kind == "calls" else iter(())

    @classmethod
    def draft(cls, spec: CampaignSpec, seen: Observation) -> str:
        return draft_statuses(spec, seen)

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
            return service(self._account, "beta_url", "tasks"), beta_task(self.settings, order, self._events_to)
        assert isinstance(self.settings, TwinV1Settings)
        body = v1_task(
            self.settings,
            order,
            company_zone=self._company_zone(),
            now=self.session.clock(),
            lifetime_from_start=self._account.text("lifetime_from", "start") != "creation",
            events_to=self._events_to,
        )
        return service(self._account, "cis_url", "telephony/autoCall"), body

    def _check_beta_start(self, settings: TwinBetaSettings, order: Order, now: datetime) -> None:
        campaign = f"campaign {self.spec.name}"
        if settings.start == "scheduled" and order.starts_at < now:
            raise ConfigError(
                f"{campaign}: the start (scheduledAt) {order.starts_at:%Y-%m-%d %H:%M} UTC is in the past;"
                " choose a later call date"
            )
        days = {(now + timedelta(minutes=offset)).date() for offset in order.offsets}
        if settings.start == "on_load" and days != {order.call_date}:
            raise ConfigError(
                f"{campaign}: `start: on_load` dials once contacts are loaded, and it is not yet {order.call_date};"
                " say `start: scheduled` or launch on the day"
            )

    def _candidates_url(self, task_id: str) -> str:
        if isinstance(self.settings, TwinV1Settings):
            return service(self._account, "cis_url", "telephony/autoCallCandidate/batch")
        path = self._account.text("candidates_path", cure=CANDIDATES_CURE)
        if "{task_id}" not in path:
            raise ConfigError(f"connection {self._account.conn_id}: extra key `candidates_path` lacks {{task_id}}")
        return service(self._account, "beta_url", path.replace("{task_id}", quote(task_id, safe="")).lstrip("/"))

    @property
    def _events_to(self) -> str | None:
        return address_of(self._account)

    def _company_zone(self) -> ZoneInfo:
        return self._account.zone("company_timezone", cure=COMPANY_ZONE_CURE)

    @property
    def _account(self) -> Account:
        return self.session.account


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
