"""One look at the state of everything: gauges, alerts, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow.sdk import BaseAsyncOperator, Context

from obzvon.warehouse.db import connect
from obzvon.watching.alerts import Case, note_told, renew
from obzvon.watching.message import Message
from obzvon.watching.state import Sample, read, show
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.notifiers.channels import Channel, channels, docs, tell

__all__ = ["WatchOperator", "look"]


class WatchOperator(BaseAsyncOperator):
    """Sends every gauge, renews `ops.alert`, and tells the channels what is new, what lasts and what is over.

    Returns how many values were sent and how many messages were due and taken. A message that no channel took is due
    again at the next look.
    """

    def __init__(self, *, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    async def aexecute(self, context: Context) -> dict[str, int]:
        with one_sentence():
            dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
            to, site = await asyncio.gather(asyncio.to_thread(channels), asyncio.to_thread(docs))
            counts = await look(dsn, to, site)
        self.log.info("%(values)d values, %(due)d messages due, %(taken)d taken", counts)
        return counts


async def look(dsn: str, to: Sequence[Channel], site: str | None, *, now: datetime | None = None) -> dict[str, int]:
    """One look. `site`: where the runbooks stand; `now`: by default the database's clock."""
    samples, due = await asyncio.to_thread(_judged, dsn, now)
    show(samples)
    taken = [case for case in due if await tell(to, Message.of(case, site))]
    await asyncio.to_thread(_note, dsn, taken, now)
    return {"values": len(samples), "due": len(due), "taken": len(taken)}


def _judged(dsn: str, now: datetime | None) -> tuple[list[Sample], list[Case]]:
    with connect(dsn) as conn:
        samples = read(conn, now=now)
        return samples, renew(conn, samples, now=now)


def _note(dsn: str, taken: list[Case], now: datetime | None) -> None:
    if taken:
        with connect(dsn) as conn:
            note_told(conn, taken, now=now)
