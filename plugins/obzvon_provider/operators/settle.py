"""Settle what is in doubt: by a look at the vendor, else by a person's answer in the UI."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import psycopg
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseOperator, Context, Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from pydantic import ValidationError

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.doubts import Doubt, doubt_of, sent_at_of
from obzvon.ledger.intents import Intent, intents_of
from obzvon.ledger.states import IntentState
from obzvon.stages.settle import (
    Answer,
    Choice,
    Question,
    Settler,
    UnusableAnswer,
    answer,
    check_at_vendor,
    deadline_of,
    take_apart,
)
from obzvon.stages.wait import deadline_of as wait_deadline
from obzvon.vendors.patience import Patience
from obzvon.warehouse.db import connect_async
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.links import CabinetLink, publish
from obzvon_provider.runtime import dialer_of, stored_spec_async
from obzvon_provider.triggers.doubt import DoubtTrigger, SightEvent

__all__ = ["DoubtsOperator", "SettleOperator"]

NOBODY = "nobody, time was up"
VENDOR_ID = Param("", type=["null", "string"], title="Id of the campaign at the vendor, if it exists", source="task")


class DoubtsOperator(BaseOperator):
    """Gives every doubt of the plan a batch of its own; returns their numbers, which settling is mapped over."""

    template_fields: Sequence[str] = ("plan_id",)

    def __init__(self, *, plan_id: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_id, self.warehouse_conn_id = plan_id, warehouse_conn_id

    def execute(self, context: Context) -> list[int]:
        with one_sentence():
            return asyncio.run(self._numbers(context["run_id"]))

    async def _numbers(self, run_id: str) -> list[int]:
        dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
        async with await connect_async(dsn) as conn:
            numbers = await take_apart(conn, self.plan_id, run_id)
        self.log.info("doubts of this plan, settled ones among them: %d", len(numbers))
        return numbers


class SettleOperator(HITLOperator):
    """Settles one doubt. Looks at the vendor where it can list, without holding a slot; else asks in the UI.

    The question waits (state `awaiting_input`, no slot) until the deadline of the plan's waits; unanswered means "leave
    it". The answer, who gave it and when go to `ops.settlement`. Clear the task to be asked again.
    """

    template_fields: Sequence[str] = ("plan_id", "batch_no")
    operator_extra_links = (CabinetLink(),)

    def __init__(self, *, plan_id: str, batch_no: int, warehouse_conn_id: str = "warehouse_default", **kwargs: Any):
        # the run's own params have no place in the question
        kwargs["params"] = {"vendor_id": VENDOR_ID}
        options = [str(choice) for choice in Choice]
        super().__init__(subject="Is it at the vendor?", options=options, defaults=[str(Choice.LEAVE)], **kwargs)
        self.plan_id, self.batch_no, self.warehouse_conn_id = plan_id, batch_no, warehouse_conn_id

    def execute(self, context: Context) -> str:
        with one_sentence():
            doubt, until = asyncio.run(self._doubt(context["run_id"]))
        if doubt is None:
            self.log.info("doubt %s is settled", self.batch_no)
            return "settled"
        self.log.info(
            "%s: in doubt; looking until %s, nothing is sent meanwhile", doubt.intent.title, until.isoformat()
        )
        publish(self, context)
        self.defer(
            trigger=DoubtTrigger(self.plan_id, int(self.batch_no), until.isoformat(), self.warehouse_conn_id),
            method_name="looked",
            timeout=max(until - datetime.now(UTC), timedelta()) + timedelta(minutes=15),
        )
        raise AssertionError("defer always raises")

    def looked(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Conclude from what the trigger saw. An event that is not exactly as expected settles nothing."""
        try:
            said = SightEvent.model_validate(event)
        except ValidationError as error:
            raise AirflowFailException(f"the trigger's event is not understood: {error.error_count()} faults") from None
        if said.status == "failed":
            raise AirflowException(said.error or "the trigger failed without a reason")
        with one_sentence():
            found = asyncio.run(self._conclude(said, context["run_id"]))
        if isinstance(found, Question):
            self._ask(context, found)
        return self._told(found)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Take the answer to the ledger; one that cannot be used is asked for again."""
        said = super().execute_complete(context, event)
        given = Answer(
            Choice(said["chosen_options"][0]),
            (said["responded_by_user"] or {}).get("name") or NOBODY,
            said["responded_at"],
            said["params_input"].get("vendor_id"),
        )
        with one_sentence():
            after = asyncio.run(self._answer(given, context["run_id"]))
        if isinstance(after, Question):
            self._ask(context, after)
        return self._told(after)

    def _told(self, intent: Intent) -> str:
        self.log.info("%s: %s; %s", intent.title, intent.state, intent.note)
        return intent.state

    def _ask(self, context: Context, question: Question) -> NoReturn:
        self.subject, self.body = question.subject, question.evidence
        self.log.warning("%s\n%s", self.subject, self.body)
        left = wait_deadline([question.doubt.intent], self._spec.wait) - datetime.now(UTC)
        self.response_timeout = max(left, timedelta(minutes=15))
        super().execute(context)
        raise AssertionError("asking always parks the task")

    async def _one(self, conn: psycopg.AsyncConnection) -> Intent:
        return (await intents_of(conn, self.plan_id, int(self.batch_no)))[0]

    async def _connect(self) -> tuple[str, CampaignSpec]:
        dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
        self._spec = await stored_spec_async(dsn, self.plan_id)
        return dsn, self._spec

    async def _doubt(self, run_id: str) -> tuple[Doubt | None, datetime]:
        """The doubt of this number, None when it is settled, and until when it is looked for."""
        dsn, spec = await self._connect()
        async with dialer_of(spec, dsn) as connected, await connect_async(dsn) as conn:
            doubt = await Settler(conn, connected.dialer, spec, run_id).doubt(await self._one(conn))
            mine = doubt is not None and doubt.sent_at == await sent_at_of(conn, self.plan_id, int(self.batch_no))
        return doubt if mine else None, deadline_of(spec.settle, datetime.now(UTC))

    async def _conclude(self, said: SightEvent, run_id: str) -> Intent | Question:
        dsn, spec = await self._connect()
        async with dialer_of(spec, dsn) as connected, await connect_async(dsn) as conn:
            found = await self._mine(conn)
            if isinstance(found, Intent):
                return found
            return await Settler(conn, connected.dialer, spec, run_id).conclude(found, said.sight())

    async def _answer(self, given: Answer, run_id: str) -> Intent | Question:
        dsn, spec = await self._connect()
        async with dialer_of(spec, dsn, patience=Patience(attempts=1)) as connected, await connect_async(dsn) as conn:
            found = await self._mine(conn)
            if isinstance(found, Intent):
                return found
            try:
                await check_at_vendor(connected.dialer, found, given, datetime.now(UTC))
                return await answer(conn, Question(found, ""), given, spec.settle, run_id=run_id)
            except UnusableAnswer as error:
                self.log.warning("%s; asking again", error)
                return Question(found, str(error))

    async def _mine(self, conn: psycopg.AsyncConnection) -> Doubt | Intent:
        """The doubt of this number; the intent where it is settled, or in doubt about something later."""
        intent = await self._one(conn)
        if intent.state != IntentState.IN_DOUBT:
            return intent
        doubt = await doubt_of(conn, intent)
        return doubt if doubt.sent_at == await sent_at_of(conn, self.plan_id, int(self.batch_no)) else intent
