"""One sandbox: its settings, memory, clocks and books, as every route finds them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from obzvon.sandbox.campaigns import Campaigns
from obzvon.sandbox.clock import Clock
from obzvon.sandbox.fault_wire import Holds
from obzvon.sandbox.faults import Faults
from obzvon.sandbox.journal import Journal
from obzvon.sandbox.lifecycle import Lifecycle
from obzvon.sandbox.settings import Settings
from obzvon.sandbox.store import Store
from obzvon.sandbox.tokens import Tokens
from obzvon.sandbox.views import Views


class World:
    """Everything a route needs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.state)
        self.faults = Faults()
        self.holds = Holds()
        self._assemble()

    def _assemble(self) -> None:
        self.clock = Clock(self.store, self.settings.speed)
        self.tokens = Tokens(self.store)
        self.journal = Journal(self.store)
        self.campaigns = Campaigns(self.store, self.clock)
        self.lifecycle = Lifecycle(self.campaigns, self.settings.seed)
        self.views = Views(self.campaigns)

    def reset(self) -> None:
        """Forget campaigns, records, tokens, journal and faults; the clock starts anew with the speed of the start."""
        self.store.wipe()
        self.faults.clear()
        self.holds.release()
        self._assemble()

    def close(self) -> None:
        self.store.close()


async def _world(request: Request) -> World:
    world: World = request.app.state.world
    return world


WorldDep = Annotated[World, Depends(_world)]
