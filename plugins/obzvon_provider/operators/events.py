"""Bring events into the warehouse as they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from pydantic import ValidationError

from obzvon.errors import LedgerError
from obzvon.events.bell import Ear
from obzvon.events.follow import PACE, QUIET, follow
from obzvon.events.mover import Mover
from obzvon.reports.archive import Archive
from obzvon.warehouse.db import connect
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.runtime import archive_root, phone_secret
from obzvon_provider.triggers.events import EventsTrigger, InboxEvent

__all__ = ["EventsOperator"]

#: A trigger that says nothing for so long after its deadline is gone.
NET = timedelta(minutes=5)


class EventsOperator(BaseOperator):
    """Archives and loads events for `minutes`: a worker while they come, and until `quiet` seconds bring none; then a
    trigger. Returns how many calls were loaded; skipped, so that nobody refreshes anything, where there were none.
    """

    def __init__(
        self,
        *,
        minutes: float,
        quiet: float = QUIET,
        pace: float = PACE,
        warehouse_conn_id: str = "warehouse_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.minutes, self.quiet, self.pace = minutes, quiet, pace
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> int:
        return self._go_on(datetime.now(UTC) + timedelta(minutes=self.minutes), 0)

    def resume(self, context: Context, event: dict[str, Any] | None = None, *, deadline: str) -> int:
        """Go on where the trigger has seen something; end where the time is over."""
        try:
            said = InboxEvent.model_validate(event)
        except ValidationError as error:
            raise AirflowFailException(f"the trigger's event is not understood: {error.error_count()} faults") from None
        if said.status == "failed":
            raise AirflowException(said.error or "the trigger failed without a reason")
        return self._go_on(datetime.fromisoformat(deadline), said.loaded)

    def _go_on(self, deadline: datetime, loaded: int) -> int:
        with one_sentence():
            loaded += self._follow(deadline)
        left = deadline - datetime.now(UTC)
        if left > timedelta():
            until = deadline.isoformat()
            trigger = EventsTrigger(until, loaded, self.warehouse_conn_id)
            self.defer(trigger=trigger, method_name="resume", kwargs={"deadline": until}, timeout=left + NET)
        if not loaded:
            raise AirflowSkipException("no event told of a call")
        return loaded

    def _follow(self, deadline: datetime) -> int:
        dsn = WarehouseHook(self.warehouse_conn_id).dsn()
        with connect(dsn) as conn:
            conn.autocommit = True
            mover, ear = Mover(conn, Archive(archive_root()), secret=phone_secret()), Ear(dsn)
            try:
                if not mover.begin():
                    raise LedgerError("another task moves events of this warehouse; this one tries again later")
                done = follow(mover, ear, deadline, quiet=self.quiet, pace=self.pace)
            finally:
                ear.close()
        if mover.problems:
            raise mover.problems[0]
        self.log.info("events: %s", done)
        return done.loaded
