"""Create the vendor campaigns of a batch, each at most once."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseAsyncOperator, Context
from airflow.sdk.exceptions import AirflowException

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import KillSwitchOpen, TryEnds
from obzvon.ledger.intents import intents_of
from obzvon.stages.launch import Launcher, LaunchResult, launch
from obzvon.stages.stop import StopCause, stop
from obzvon.vendors.account import Account
from obzvon.warehouse.db import connect_async
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.vendor import VendorHook
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.lineage import WithLineage
from obzvon_provider.links import CabinetLink, publish
from obzvon_provider.runtime import dialer_for, kill_switch, stored_spec_async
from obzvon_provider.user_action import ended_by_user

__all__ = ["LaunchOperator"]

log = logging.getLogger(__name__)
ENDING = "this try was told to end before its batch was done; the next one goes on where it stopped"
NOBODY = "no user has ended this task: nothing is stopped at the vendor"


class LaunchOperator(WithLineage, BaseAsyncOperator):
    """Brings every intent of the batch to `running`. Safe to clear and to run twice: the ledger decides what is sent.

    Returns the number of intents by state and of contacts handed to the vendor. Where a user ends the running task, the
    batch's vendor campaigns are stopped; a worker that is shut down cancels nothing, and the next try does the rest.
    """

    template_fields: Sequence[str] = ("plan_id", "batch_no")
    operator_extra_links = (CabinetLink(),)

    def __init__(self, *, plan_id: str, batch_no: int, warehouse_conn_id: str = "warehouse_default", **kwargs: Any):
        super().__init__(**kwargs)
        self.plan_id, self.batch_no, self.warehouse_conn_id = plan_id, batch_no, warehouse_conn_id
        self._campaign = ""
        self._ending = False
        self._stopper: _Stopper | None = None

    async def aexecute(self, context: Context) -> dict[str, int]:
        with one_sentence():
            dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
            spec = await stored_spec_async(dsn, self.plan_id)
            self._campaign = spec.name
            account = await VendorHook(spec.vendor.conn_id).account()
            publish(self, context)
            self._stopper = _Stopper(context, dsn, spec, account, self.plan_id, int(self.batch_no))
            if self._ending:  # told so before there was anything to stop with
                self._stopper.start()
            async with dialer_for(account, spec, dsn) as connected, await connect_async(dsn) as conn:
                result = await self._launch(
                    Launcher(conn, connected.dialer, spec, context["run_id"], self._switched_off), self._stopper
                )
        self.log.info("batch %s: %s, %d contacts sent", self.batch_no, dict(result.states), result.contacts_sent)
        return {**result.states, "contacts_sent": result.contacts_sent}

    async def _launch(self, launcher: Launcher, stopper: _Stopper) -> LaunchResult:
        """The result, unless the task is ending: then it fails so that it is tried again, whatever it has done."""
        try:
            result = await launch(launcher, self.plan_id, int(self.batch_no))
        except KillSwitchOpen:
            if not self._ending:
                raise
        finally:
            await stopper.ended()
        if self._ending:
            raise AirflowException(ENDING)
        return result

    def on_kill(self) -> None:
        """No further request leaves. Called in a signal handler, with five seconds left: the rest is a thread's."""
        self._ending = True
        if self._stopper:
            self._stopper.start()

    def _switched_off(self) -> bool:
        if self._ending:
            raise TryEnds(ENDING)
        return kill_switch(self._campaign)


class _Stopper:
    """Stops the batch's vendor campaigns in a thread and event loop of its own, if it was a user who ended the task."""

    def __init__(
        self, context: Context, dsn: str, spec: CampaignSpec, account: Account, plan_id: str, batch_no: int
    ) -> None:
        self._ti, self._run_id = context["ti"], context["run_id"]
        self._dsn, self._spec, self._account = dsn, spec, account
        self._plan_id, self._batch_no = plan_id, batch_no
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="stop")
            self._thread.start()

    async def ended(self) -> None:
        """Return when nothing is being stopped any more: the process must not end before."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        if ended_by_user(self._ti):
            asyncio.run(self._stop())
        else:
            log.info(NOBODY)

    async def _stop(self) -> None:
        async with (
            dialer_for(self._account, self._spec, self._dsn) as connected,
            await connect_async(self._dsn) as conn,
        ):
            intents = await intents_of(conn, self._plan_id, self._batch_no)
            await stop(conn, connected.dialer, intents, StopCause.USER, run_id=self._run_id)
