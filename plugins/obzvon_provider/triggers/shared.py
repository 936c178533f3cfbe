"""What all waiting triggers of one triggerer share, so that a thousand campaigns cost little more than one.

A session with its login, its budget and its list of tasks for each account, a few connections to the warehouse, one
answer of the kill switch a second, one bell that rings when events come. Were each trigger to have its own, accounts
would see as many logins and lists, and the warehouse as many connections, as there are intents that wait.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from weakref import WeakKeyDictionary, WeakValueDictionary

from obzvon.campaigns.spec import CampaignSpec
from obzvon.events.bell import Bell, Waiter
from obzvon.ledger.intents import Intent, intents_of
from obzvon.ledger.states import IntentState
from obzvon.policy.switch import KillSwitch
from obzvon.stages.standings import Standings
from obzvon.vendors.account import Account
from obzvon.vendors.budget import request_budget
from obzvon.vendors.http import VendorSession
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect_async
from obzvon_provider.hooks.vendor import VendorHook
from obzvon_provider.runtime import ConnectedDialer, poll_seconds, stored_spec_async, switch

__all__ = ["WaitingRoom", "waiting_room"]

#: Connections to the warehouse that starting triggers have at once.
CONNECTIONS = 4
#: For so long one answer of the kill switch is good for everybody, seconds.
SWITCH_SECONDS = 1.0
#: Looks at reports that an account's triggers have under way at once. A session has 128 connections, and to wait for
#: one counts as connecting: where many windows close together, looks would fail of their own number. The rest is for
#: logins and the list of tasks, of which there is one at a time.
LOOKS = 64


@dataclass(slots=True)
class _Shared:
    """The open session of an account, its tasks as the vendor lists them, and how many wait with it."""

    dsn: str
    account: Account
    session: VendorSession
    standings: Standings
    stack: AsyncExitStack
    users: int = 0
    looks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKS))


class WaitingRoom:
    """Of one event loop. Nothing in it outlives the triggers that wait."""

    def __init__(self) -> None:
        self._turn, self._opening, self._asking = asyncio.Semaphore(CONNECTIONS), asyncio.Lock(), asyncio.Lock()
        self._sessions: list[_Shared] = []
        self.bell = Bell()
        self._specs: WeakValueDictionary[tuple[str, str], CampaignSpec] = WeakValueDictionary()
        self._said: KillSwitch | Exception = KillSwitch.parse("off")
        self._asked = float("-inf")

    async def running(self, dsn: str, plan_id: str, batch_no: int) -> tuple[CampaignSpec, list[Intent]]:
        """The plan's campaign file, and the intents of its batch that run now."""
        async with self._turn:
            spec = self._specs.get((dsn, plan_id)) or await stored_spec_async(dsn, plan_id)
            self._specs[dsn, plan_id] = spec
            async with await connect_async(dsn) as conn:
                return spec, await intents_of(conn, plan_id, batch_no, [IntentState.RUNNING])

    @asynccontextmanager
    async def dialer(self, spec: CampaignSpec, dsn: str) -> AsyncIterator[ConnectedDialer]:
        """The campaign's dialer over the session that its account has here already, or a new one.

        A connection that was changed in Airflow meanwhile is another account.
        """
        account, kind = await VendorHook(spec.vendor.conn_id).account(), dialer_class(spec.vendor.type)
        shared = await self._shared(dsn, account, spec)
        try:
            yield ConnectedDialer(kind(shared.session, spec), poll_seconds(account), shared.standings, shared.looks)
        finally:
            shared.users -= 1
            if not shared.users:
                self._sessions.remove(shared)
                await shared.stack.aclose()

    async def _shared(self, dsn: str, account: Account, spec: CampaignSpec) -> _Shared:
        kind = dialer_class(spec.vendor.type)
        async with self._opening:
            for shared in self._sessions:
                if (shared.dsn, shared.session.vendor, shared.account) == (dsn, kind.code, account):
                    shared.users += 1
                    return shared
            async with AsyncExitStack() as stack:
                budget = await stack.enter_async_context(
                    request_budget(dsn, kind.code, account, kind.requests_per_second)
                )
                session = VendorSession(kind.code, account, kind.auth(account), budget=budget)
                await stack.enter_async_context(session)
                standings = Standings(poll_seconds(account) / 2)
                self._sessions.append(shared := _Shared(dsn, account, session, standings, stack.pop_all(), 1))
            return shared

    @asynccontextmanager
    async def rung(self, connected: ConnectedDialer, dsn: str, tasks: Sequence[str]) -> AsyncIterator[Waiter]:
        """A sleep that events of these vendor campaigns end; where the connection takes none, one that nothing ends."""
        if not connected.dialer.session.account.options.get("webhook_secret"):
            yield Waiter(tasks, 0)
            return
        async with self.bell.waiter(dsn, tasks, connected.poll_seconds / 2) as waiter:
            yield waiter

    async def switched_off(self, campaign: str) -> bool:
        """Whether calling is switched off; the look at the Variable must not block the loop of all triggers.

        A look that fails is raised to all who waited for it: each would pay for its own in turn.
        """
        came = monotonic()
        async with self._asking:
            if not self._is_answer(came):
                try:
                    self._said = await asyncio.to_thread(switch)
                except Exception as error:
                    self._said, self._asked = error, monotonic()
                    raise
                self._asked = monotonic()
            if isinstance(self._said, Exception):
                raise self._said.with_traceback(None)
            return self._said.stops(campaign)

    def _is_answer(self, came: float) -> bool:
        """Whether what was said last answers somebody who came then."""
        if isinstance(self._said, Exception):
            return came < self._asked
        return monotonic() < self._asked + SWITCH_SECONDS


_ROOMS: WeakKeyDictionary[asyncio.AbstractEventLoop, WaitingRoom] = WeakKeyDictionary()


def waiting_room() -> WaitingRoom:
    """The room of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _ROOMS:
        # A full round of the garbage collector over all that Airflow has imported stops the loop for a third of a
        # second, and looks make it necessary again and again. Modules stay anyway: it may pass over them.
        gc.freeze()
        _ROOMS[loop] = WaitingRoom()
    return _ROOMS[loop]
