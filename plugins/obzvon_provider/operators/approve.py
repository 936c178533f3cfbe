"""Ask a person whether the plan may be called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import CreateHITLDetailPayload, HITLDetailRequestResult

from obzvon.warehouse.db import connect
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.links import CampaignLink
from obzvon_provider.runtime import stored_spec

if TYPE_CHECKING:
    from obzvon.stages.planning.document import PlanDocument

__all__ = ["ApproveOperator", "Said"]

NOBODY = "nobody, time was up"


class Said(StrEnum):
    """What a person can answer."""

    CALL = "Call them"
    DO_NOT_CALL = "Do not call"


class ApproveOperator(HITLOperator):
    """Asks whether the plan may be called, where its campaign file wants that; returns the plan's id.

    The question waits (state `awaiting_input`, no slot) until `approval.timeout_hours` or until it is too late to call.
    A no skips everything after it, no answer fails the run; in both cases nobody is called. The answer, who gave it and
    when go to `ops.plan_approval`, bound to the plan's hash. A yes is not asked for twice.
    """

    template_fields: Sequence[str] = ("plan_id",)
    operator_extra_links = (CampaignLink(),)

    def __init__(self, *, plan_id: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        kwargs["params"] = {}  # the run's own params have no place in the question
        options = [str(said) for said in Said]
        super().__init__(subject="May they be called?", options=options, defaults=[str(Said.DO_NOT_CALL)], **kwargs)
        self.plan_id, self.warehouse_conn_id = plan_id, warehouse_conn_id

    def execute(self, context: Context) -> str:
        from obzvon.stages.approve import answer_until, approval_of, ask, why_not_asked  # noqa: PLC0415 - as in operators/plan.py

        dsn = WarehouseHook(self.warehouse_conn_id).dsn()
        with one_sentence(), connect(dsn) as conn:
            spec, state = stored_spec(dsn, self.plan_id), approval_of(conn, self.plan_id)
            if state.given_up:
                self._stop(state.by, state.at, rejected=state.decision == "rejected")
            if not state.needed or state.stands:
                self.log.info(why_not_asked(state, spec))
                return self.plan_id
            document = ask(conn, self.plan_id, context["run_id"])
        until = answer_until(spec, document.summary.window_end, datetime.now(UTC))
        if until > datetime.now(UTC):
            self._ask(context, document, until)
        return self._answered(document.summary.plan_hash, None, None, until)

    def execute_complete(self, context: Context, event: dict[str, Any], plan_hash: str = "") -> str:
        """Store the answer about the plan that was shown, and go on or stop. Without a person there is no yes."""
        said = super().execute_complete(context, event)
        by = (said["responded_by_user"] or {}).get("name")
        return self._answered(plan_hash, by, said["chosen_options"][0], said["responded_at"])

    def _answered(self, plan_hash: str, by: str | None, said: str | None, at: datetime) -> str:
        from obzvon.stages.approve import Decision, decide  # noqa: PLC0415 - as in operators/plan.py

        decision = Decision.TIMED_OUT
        if by is not None:
            decision = Decision.APPROVED if said == Said.CALL else Decision.REJECTED
        with one_sentence(), connect(WarehouseHook(self.warehouse_conn_id).dsn()) as conn:
            decide(conn, self.plan_id, plan_hash, decision, by or NOBODY, at)
        if decision is not Decision.APPROVED:
            self._stop(by, at, rejected=decision is Decision.REJECTED)
        self.log.info("%s said yes to plan %s", by, plan_hash[:12])
        return self.plan_id

    def _stop(self, by: str | None, at: datetime | None, *, rejected: bool) -> NoReturn:
        from obzvon.stages.approve import ANEW  # noqa: PLC0415 - as in operators/plan.py

        who = f"{by} said no at" if rejected else "nobody answered until"
        sentence = f"{who} {at:%Y-%m-%d %H:%M} UTC: nobody is called; to be asked again, {ANEW}"
        self.log.warning(sentence)  # of a skip Airflow logs nothing
        raise AirflowSkipException(sentence) if rejected else AirflowFailException(sentence)

    def _ask(self, context: Context, document: PlanDocument, until: datetime) -> NoReturn:
        from obzvon.stages.planning.document_text import headline, markdown  # noqa: PLC0415 - as in operators/plan.py

        self.subject, self.body = headline(document), markdown(document)
        self.response_timeout = until - datetime.now(UTC)
        self.log.info("%s\nwaiting for an answer until %s", self.subject, until.isoformat())
        self._shows(context, document)
        try:
            super().execute(context)
        except TaskAwaitingInput as parked:
            parked.kwargs = {"plan_hash": document.summary.plan_hash}
            raise
        raise AssertionError("asking always parks the task")

    def _shows(self, context: Context, document: PlanDocument) -> None:
        """Fail where Airflow would go on showing the question about an earlier plan.

        A task that is cleared keeps the question it once asked, words and all; only another run asks in new ones.
        """
        from obzvon.stages.approve import ANEW  # noqa: PLC0415 - as in operators/plan.py

        shown = task_runner.SUPERVISOR_COMMS.send(
            CreateHITLDetailPayload(
                ti_id=context["ti"].id,
                options=self.options,
                subject=self.subject,
                body=self.body,
                defaults=self.defaults,
                params={},
                multiple=False,
                assigned_users=[],
            )
        )
        if not isinstance(shown, HITLDetailRequestResult) or not shown.subject.endswith(document.hash):
            sentence = (
                f"plan {document.hash} is not the one that this task asked about before, and Airflow would show the "
                f"old question: {ANEW}; nobody was called"
            )
            self.log.error(sentence)
            raise AirflowFailException(sentence)
