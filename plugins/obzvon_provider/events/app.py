"""The receiver over Airflow's connections: which doors there are, and which warehouse has the inbox.

No login: a vendor has none. The secret of the address and the sender's network decide (`obzvon.events.door`).
"""

from __future__ import annotations

import asyncio
import logging
import re
from time import monotonic

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from obzvon.errors import ConfigError
from obzvon.events.door import Door
from obzvon.events.inbox import Inbox
from obzvon.events.receiver import Receiver
from obzvon.vendors.base import Event
from obzvon.vendors.registry import dialer_class, dialer_classes
from obzvon_provider.hooks.vendor import account_of
from obzvon_provider.hooks.warehouse import WarehouseHook

__all__ = ["AirflowDoors", "create_receiver"]

log = logging.getLogger(__name__)

#: So long what a connection says is good, seconds; a changed secret works after that.
KNOWN_SECONDS = 15.0
#: Names that are remembered; whoever tries names pushes out what he tried.
MOST_KNOWN = 64
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}", re.ASCII)


class AirflowDoors:
    """The doors of connections, looked up one at a time: who tries names keeps one thread busy and no more."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Door | None]] = {}
        self._asking = asyncio.Lock()

    async def __call__(self, conn_id: str) -> Door | None:
        """The door of a connection; None where there is none."""
        if not _NAME.fullmatch(conn_id):
            return None
        if (known := self._known.get(conn_id)) and monotonic() < known[0]:
            return known[1]
        async with self._asking:
            if (known := self._known.get(conn_id)) and monotonic() < known[0]:
                return known[1]
            door = await asyncio.to_thread(_door, conn_id)
            self._remember(conn_id, door)
            return door

    def _remember(self, conn_id: str, door: Door | None) -> None:
        self._known.pop(conn_id, None)
        while len(self._known) >= MOST_KNOWN:
            shut = next((name for name, (_, each) in self._known.items() if each is None), next(iter(self._known)))
            del self._known[shut]
        self._known[conn_id] = monotonic() + KNOWN_SECONDS, door


def _door(conn_id: str) -> Door | None:
    try:
        connection = BaseHook.get_connection(conn_id)
        if connection.conn_type not in dialer_classes():
            return None
        return Door.of(connection.conn_type, account_of(connection))
    except AirflowNotFoundException:
        return None
    except (ConfigError, AirflowException) as error:
        log.error("no event of connection %s is let in: %s", conn_id, error)
        return None


def _reads(vendor: str, body: bytes) -> Event:
    return dialer_class(vendor).event(body)


def create_receiver() -> Receiver:
    """The application; the inbox is that of connection `warehouse_default`."""
    made: list[Inbox] = []
    opening = asyncio.Lock()

    async def inbox() -> Inbox:
        async with opening:
            if not made:
                made.append(Inbox(await asyncio.to_thread(_dsn), _reads))
            return made[0]

    return Receiver(AirflowDoors(), inbox)


def _dsn() -> str:
    try:
        return WarehouseHook().dsn()
    except AirflowNotFoundException:
        raise ConfigError("no connection warehouse_default; create it in Airflow (type postgres)") from None
