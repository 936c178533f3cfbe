"""The v1 tasks of TWIN once they exist: read, started, stopped, found again.

Source: C-LIST for the list; play, pause, halted and the single task as public clients use them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import tenacity

from obzvon.errors import AuthRefused, ContractBreak, NotSent, RateLimited, Refused, VendorError
from obzvon.vendors.base import Found, Standing, StopOutcome
from obzvon.vendors.http import VendorSession
from obzvon.vendors.twin_auth import service
from obzvon.vendors.twin_calls import listed

log = logging.getLogger(__name__)
_CONFIRMATIONS, _CONFIRM_PAUSE = 5, 2.0
_ID = re.compile(r"(?!\.+$)[\w.:~-]{1,200}", re.ASCII)


class V1Tasks:
    """What can be done to tasks of one account."""

    def __init__(self, session: VendorSession) -> None:
        self._session, self._account = session, session.account
        self._ready: set[str] = set()

    async def find(self, marker: str, since: datetime, until: datetime) -> tuple[Found, ...]:
        """Tasks created between two moments (UTC) whose name carries the marker; whatever is unclear raises."""
        found: dict[str, Found] = {}
        url = service(self._account, "cis_url", "telephony/autoCall")
        query = {"keyword": marker}
        async for page in listed(self._session, url, query, action="list tasks", since=since, until=until):
            for task in map(_found, page.items):
                if marker in task.name:
                    found[task.task_id] = task
        return tuple(found.values())

    async def standings(self, since: datetime, until: datetime) -> dict[str, Standing]:
        """How every task created between two moments (UTC) stands, ours or not, by id."""
        found: dict[str, Standing] = {}
        url = service(self._account, "cis_url", "telephony/autoCall")
        async for page in listed(self._session, url, {}, action="list tasks", since=since, until=until):
            for item in page.items:
                task_id, standing = self._standing(item, page.answer.date)
                found[task_id] = standing
        return found

    async def play(self, task_id: str) -> None:
        """Start now, or go on after a pause."""
        await self._command(task_id, "play")

    async def stop(self, task_id: str) -> StopOutcome:
        """Pause, halt, then look until the status says so. A refused pause (nothing runs) is no reason not to halt."""
        for command in ("pause", "halted"):
            try:
                await self._command(task_id, command)
            except VendorError as error:
                log.warning("task %s: %s", task_id, error)
        return await self._confirmed(task_id)

    async def readable(self, task_id: str) -> None:
        """Wait until a task can be read: candidates that come earlier may be lost. NotSent when it never can be."""
        if task_id in self._ready:
            return
        patience = self._account.number("ready_seconds", 30)
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, Refused) and error.status == 404),
            wait=tenacity.wait_fixed(1),
            stop=tenacity.stop_after_delay(patience),
            sleep=self._session.sleep,
            reraise=True,
        )
        try:
            await retrying(self.status, task_id)
        except (AuthRefused, RateLimited):
            raise
        except VendorError as error:
            failure = NotSent(self._session.vendor, "add candidates", f"the new task cannot be read ({error})")
        else:
            self._ready.add(task_id)
            return
        raise failure

    async def status(self, task_id: str) -> str | None:
        """The task's status in TWIN's words, None where the answer names none."""
        url = service(self._account, "cis_url", f"telephony/autoCall/{quote(task_id, safe='')}")
        body = (await self._session.read("GET", url, action="look at a task")).json()
        return _status(body) if isinstance(body, dict) else None

    def is_final(self, status: str) -> bool:
        """HALTED, and what the option `finished_statuses` adds: TWIN's public table of statuses is cut off."""
        return status == "HALTED" or status in self._account.names("finished_statuses", ())

    def _standing(self, item: object, vendor_time: datetime) -> tuple[str, Standing]:
        shown = item if isinstance(item, dict) else {}
        task_id, status = identity(shown.get("id")), _status(shown)
        if task_id is None:
            raise ContractBreak("twin.list", "id", "a task of the list has no id")
        finished = status is not None and self.is_final(status)
        return task_id, Standing(vendor_time, status, finished, _count(shown.get("callCount")))

    async def _command(self, task_id: str, command: str) -> None:
        """Play, pause and halted may be repeated: the second time changes nothing."""
        url = service(self._account, "cis_url", f"telephony/autoCall/{quote(task_id, safe='')}/{command}")
        await self._session.read("POST", url, action=f"{command} a task")

    async def _confirmed(self, task_id: str) -> StopOutcome:
        for _ in range(_CONFIRMATIONS):
            try:
                if self.is_final(await self.status(task_id) or ""):
                    return StopOutcome.CONFIRMED
            except VendorError as error:
                log.warning("task %s: %s", task_id, error)
            await self._session.sleep(_CONFIRM_PAUSE)
        return StopOutcome.UNCONFIRMED


def identity(value: object) -> str | None:
    """A task's id: flat in beta, `{identity}` in v1. None too for what would not be one part of an address."""
    if isinstance(value, dict):
        value = value.get("identity")
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _status(task: Mapping[str, Any]) -> str | None:
    status = task.get("status")
    return status if isinstance(status, str) and status else None


def _found(item: object) -> Found:
    """A task of the list. One without id or name breaks the contract: it must not look like "not there"."""
    named = item if isinstance(item, dict) else {}
    task_id, name, status = identity(named.get("id")), named.get("name"), named.get("status")
    if task_id is None or not isinstance(name, str):
        raise ContractBreak("twin.list", "id, name", "a task of the list has no id or no name")
    return Found(
        task_id,
        name,
        status if isinstance(status, str) else None,
        contacts=_count(named.get("candidateCount")),
        calls=_count(named.get("callCount")),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
