"""Dialog («Диалог», Intersvyaz): login, create a campaign with its contacts, read the report.

Source: Dialog's API book. Those three calls are all of the documented API: nothing can be listed, stopped or asked for
its status.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast, get_args
from zoneinfo import ZoneInfo

from obzvon.errors import ConfigError, InDoubt
from obzvon.vendors.account import Account
from obzvon.vendors.auth import Auth, FixedToken
from obzvon.vendors.base import Acceptance, Contact, Dialer, Order, Page, Progress, Row, StopOutcome, Task, Totals
from obzvon.vendors.cabinet import origin
from obzvon.vendors.connection_forms import DIALOG
from obzvon.vendors.dialog_auth import DialogLogin
from obzvon.vendors.dialog_draft import draft
from obzvon.vendors.dialog_report import raw_rows, redials, report_contents, report_rows, report_totals
from obzvon.vendors.dialog_settings import DataType, DialogSettings
from obzvon.vendors.dialog_trial import dialog_trial
from obzvon.vendors.http import Stream, VendorSession
from obzvon.vendors.tally import Queued, Tally

if TYPE_CHECKING:
    from obzvon.campaigns.spec import CampaignSpec
    from obzvon.vendors.observed import Observation

ZONE_CURE = "set it to the IANA time zone in which the platform reads a schedule; ask your manager at Dialog"
#: The filter encloses the window: calls that began a little early by the platform's clock or ran over are in it.
_BEFORE, _AFTER = timedelta(hours=1), timedelta(hours=24)
_LONGEST_ID = 200


class Dialog(Dialer):
    """Dialog's campaigns: the contacts travel inside the one request that creates."""

    code = "dialog"
    contacts_in_create = True

    def __init__(self, session: VendorSession, spec: CampaignSpec) -> None:
        super().__init__(session, spec)
        if not isinstance(spec.vendor, DialogSettings):
            raise ConfigError(f"campaign {spec.name}: `vendor.type` is not dialog")
        self.settings = spec.vendor
        self._api = session.account.text("api_path", "/api").rstrip("/")

    @classmethod
    def auth(cls, account: Account) -> Auth:
        """A ready token from support where the connection has one, else a login."""
        return FixedToken(account.token) if account.token else DialogLogin(account)

    @classmethod
    async def test(cls, account: Account) -> str:
        return await dialog_trial(account)

    @classmethod
    def connection_form(cls) -> Mapping[str, Any]:
        return DIALOG

    @classmethod
    def cabinet(cls, account: Account) -> str | None:
        return origin(account.base_url)  # the book: the web interface stands at the API's host

    @classmethod
    def parse_settings(cls, value: Mapping[str, Any]) -> DialogSettings:
        return DialogSettings.model_validate(value)

    def check(self, order: Order, now: datetime) -> None:
        self.session.account.check()
        schedule = _schedule(order, self._zone())
        starts = order.starts_at.astimezone(self._zone())
        ends = order.ends_at.astimezone(self._zone())
        if schedule["start_time"] >= schedule["end_time"] or ends <= starts:
            raise ConfigError(
                f"campaign {self.spec.name}: the window is reversed on the platform's clock"
                f" ({schedule['date']} {schedule['start_time']} to {schedule['end_time']}, {self._zone()});"
                " Dialog's schedule holds one date, so narrow the window or correct `platform_timezone`"
            )
        if order.starts_at < now:
            raise ConfigError(
                f"campaign {self.spec.name}: the start {starts:%Y-%m-%d %H:%M} ({self._zone()}) is in the past;"
                " Dialog takes a date and time to come, so choose a later call date"
            )

    async def create(self, order: Order, contacts: Sequence[Contact]) -> str:
        answer = await self.session.send(
            "POST", f"{self._api}/campaigns", action="create a campaign", json=self._campaign(order, contacts)
        )
        body = answer.json()
        campaign = body.get("campaign") if isinstance(body, dict) else None
        campaign_id = campaign.get("id") if isinstance(campaign, dict) else None
        if isinstance(campaign_id, bool) or not isinstance(campaign_id, int | str) or not _is_id(str(campaign_id)):
            raise InDoubt(self.code, answer.action, "the answer has no campaign.id", status=answer.status)
        return str(campaign_id)

    async def add_contacts(self, task_id: str, order: Order, contacts: Sequence[Contact]) -> Acceptance:
        raise NotImplementedError("Dialog takes its contacts with the campaign (contacts_in_create)")

    async def start(self, task_id: str, order: Order, now: datetime) -> None:
        """Nothing to do: the schedule starts the campaign."""

    async def cancel(self, task_id: str) -> StopOutcome:
        """Dialog documents no way to stop a campaign."""
        return StopOutcome.NOT_POSSIBLE

    async def look(self, task: Task) -> Progress:
        """The report goes to a temporary file and is counted in a thread, so that its size does not matter."""
        with TemporaryFile(prefix="obzvon-dialog-") as spool:
            async with self._report(task, "look at a report", transcripts=False) as answer:
                async for chunk in answer.chunks:
                    spool.write(chunk)
            spool.seek(0)
            tally = await asyncio.to_thread(self._count, self.settings, self.spec, spool)
        return tally.progress(answer.date)

    async def report(self, task: Task) -> AsyncIterator[Page]:
        async with self._report(task, "read a report", transcripts=True) as answer:
            request = self._request(task, transcripts=True)
            named = [column["name"] for column in request["columns"]]  # a filter's value may be a phone
            yield Page("report", 1, request | {"columns": named}, answer.chunks)

    @classmethod
    def contents(cls, spec: CampaignSpec, kind: str, stream: IO[bytes]) -> Iterator[Row | Totals]:
        return (each for each in report_contents(spec, stream) if not isinstance(each, Queued))

    @classmethod
    def totals(cls, kind: str, stream: IO[bytes]) -> Totals:
        return report_totals(stream)

    async def whole_report(self, task: Task) -> AsyncIterator[Page]:
        # whether no columns at all means every column is documented nowhere; asking by type is
        every = [{"id": number, "data_type": kind} for number, kind in enumerate(get_args(DataType), 1)]
        request = self._request(task, transcripts=True) | {"columns": every}
        async with self._ask(request, "read every column of a report") as answer:
            yield Page("report", 1, request, answer.chunks)

    @classmethod
    def raw_rows(cls, kind: str, stream: IO[bytes]) -> Iterator[Mapping[str, Any]]:
        return raw_rows(stream)

    @classmethod
    def draft(cls, spec: CampaignSpec, seen: Observation) -> str:
        return draft(cast(DialogSettings, spec.vendor).report, seen)

    def _report(self, task: Task, action: str, *, transcripts: bool) -> AbstractAsyncContextManager[Stream]:
        return self._ask(self._request(task, transcripts=transcripts), action)

    def _ask(self, request: Mapping[str, Any], action: str) -> AbstractAsyncContextManager[Stream]:
        path = f"{self._api}/analytics/{self.settings.project_id}/report"
        return self.session.stream("POST", path, action=action, json=request)

    def _request(self, task: Task, *, transcripts: bool) -> dict[str, Any]:
        columns = self.settings.report.request_columns
        return {
            "analytics_filter": {
                "scenario_id": self.settings.scenario_id,
                "start_block_id": self.settings.start_block_id,
                "outgoing_campaign_id": int(task.task_id) if task.task_id.isdecimal() else task.task_id,
                "date_start": _instant(task.order.starts_at - _BEFORE),
                "date_end": _instant(task.order.ends_at + _AFTER),
            },
            "columns": [c for c in columns if transcripts or c.get("data_type") != "dialog"],
        }

    def _campaign(self, order: Order, contacts: Sequence[Contact]) -> dict[str, Any]:
        settings = self.settings
        campaign: dict[str, Any] = {
            "project_id": settings.project_id,
            "name": order.name,
            "description": order.description,
            "start_block_id": settings.start_block_id,
            "schedule": _schedule(order, self._zone()) | settings.schedule_rules(),
            "phone_id": settings.phone_id,
        }
        # only the older pages' template has it, yet every worked example sends it
        if self.session.account.flag("send_state", True):
            campaign["state"] = "Создано"
        return {"campaign": campaign, "phones": [_phone(contact) for contact in contacts]}

    def _zone(self) -> ZoneInfo:
        return self.session.account.zone("platform_timezone", cure=ZONE_CURE)

    @staticmethod
    def _count(settings: DialogSettings, spec: CampaignSpec, stream: IO[bytes]) -> Tally:
        tally = Tally(partial(redials, settings), recordings=settings.expects_recordings)
        tally.add_all(report_rows(spec, stream))
        return tally


def _is_id(text: str) -> bool:
    """Whether a text can be kept and sent again as an id."""
    return bool(text.strip()) and len(text) <= _LONGEST_ID and text.isprintable()


def _phone(contact: Contact) -> dict[str, Any]:
    said = {name: value for name, value in contact.variables.items() if value is not None}
    return {"phone": contact.phone, "add_data": said}


def _schedule(order: Order, zone: ZoneInfo) -> dict[str, str]:
    """Date and hours on the platform's clock: whole minutes inside the window, cut at midnight of the start's date."""
    start = order.starts_at.astimezone(zone)
    start += timedelta(seconds=-(start.second + start.microsecond / 1e6) % 60)
    end = order.ends_at.astimezone(zone)
    last = end.strftime("%H:%M") if end.date() <= start.date() else "23:59"
    return {"date": start.date().isoformat(), "start_time": start.strftime("%H:%M"), "end_time": last}


def _instant(moment: datetime) -> str:
    """ISO 8601 with milliseconds and Z, as in the document's example."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
