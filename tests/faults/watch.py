"""What must hold after every step of a random sequence, and what must hold in the end. The sandbox's books judge."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

import psycopg

from faults.stages import Stages
from faults.world import Books

_ILLEGAL = """
select intent_id, from_state, to_state from (
    select e.*, coalesce(lag(to_state) over (partition by intent_id order by event_id), 'planned') as before
    from ops.intent_event e) e
where from_state <> before
   or from_state <> to_state and not exists (
       select from ops.intent_step s where (s.from_state, s.to_state) = (e.from_state, e.to_state))
union all
select intent_id, state, last from (
    select i.intent_id, i.state, (select to_state from ops.intent_event e where e.intent_id = i.intent_id
                                  order by event_id desc limit 1) as last from ops.campaign_intent i) i
where state <> coalesce(last, 'planned')
"""
_UNEXPLAINED = """
select trim(leading '+' from p.phone_e164)
from ops.plan_contact c join pii.contact_payload p using (plan_id, row_no)
left join ops.campaign_intent i using (intent_id)
where c.exclusion_code is null and c.sent_state is distinct from 'rejected'
  and i.state in ('final', 'final_partial') and i.stop_outcome is null
"""
ENDED = {"final", "final_partial", "cancelled", "refused"}


class Watch:
    """The books of one sequence. `opted_out`: phones and when their people asked not to be called again."""

    def __init__(self, books: Books, stages: Stages, conn: psycopg.Connection) -> None:
        self._books, self._stages, self._conn = books, stages, conn
        self._vendor = stages.spec.vendor.type
        self._seen = 0
        self._struck: list[dict[str, Any]] = []
        self.opted_out: dict[str, datetime] = {}

    def after_a_step(self) -> None:
        """Nobody is dialled twice, nobody is handed over against his will, the ledger moved along its steps."""
        self._nobody_twice(self._dials())
        self._nobody_against_his_will()
        assert self._rows(_ILLEGAL) == []

    def in_the_end(self) -> None:
        """And everything that was dialled is known and delivered, and every intent has come to an end."""
        dials, states = self._dials(), dict(self._rows("select vendor_task_id, state from ops.campaign_intent"))
        self._nobody_twice(dials)
        self._ended()
        self._all_known(dials, states)
        self._all_delivered([dial for dial in dials if states.get(dial["task_id"]) in ("final", "final_partial")])

    def _dials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._books.look("dials", vendor=self._vendor)
        return found

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._conn.execute(query.encode()).fetchall()

    def _nobody_twice(self, dials: list[dict[str, Any]]) -> None:
        tasks, calls = defaultdict(set), Counter[str]()
        for dial in dials:
            if dial["dialed"]:
                tasks[dial["phone"]].add(dial["task_id"])
                calls[dial["phone"]] += 1
        assert {phone: of for phone, of in tasks.items() if len(of) > 1} == {}, "in two vendor campaigns that dial"
        most = self._stages.spec.vendor.max_attempts
        assert {phone: n for phone, n in calls.items() if n > most} == {}, f"dialled more than {most} times"

    def _nobody_against_his_will(self) -> None:
        found = self._books.look("requests", vendor=self._vendor, method="POST", after=self._seen, limit=100_000)
        for entry in found:
            at, said = datetime.fromisoformat(entry["at"]), json.dumps(entry["body"])
            handed = [phone for phone, since in self.opted_out.items() if at > since and phone in said]
            assert handed == [], f"{entry['path']}: handed over after the opt-out"
        self._seen = max((entry["id"] for entry in found), default=self._seen)

    def _ended(self) -> None:
        asked = self._stages.questions
        left = [
            (intent_id, state, note)
            for intent_id, state, note in self._rows("select intent_id, state, note from ops.campaign_intent")
            if state not in ENDED and not (state == "in_doubt" and intent_id in asked)
        ]
        assert left == [], "no end, and nobody is asked"

    def _all_known(self, dials: list[dict[str, Any]], states: dict[str, str]) -> None:
        facts = {call for (call,) in self._rows("select vendor_call_id from dwh.fact_call_attempt")}
        assert facts - {dial["call_id"] for dial in dials} == set(), "facts that nobody dialled"
        final = {task for task, state in states.items() if state in ("final", "final_partial")}
        asked = {task for task, state in states.items() if state == "in_doubt"}
        due = {d["call_id"] for d in dials if d["task_id"] in final or (d["dialed"] and d["task_id"] not in asked)}
        assert due - facts == set(), "attempts that are in no fact"
        lossy = any(script["do"] == "lose_items" and script["hits"] for script in self._struck)
        if not lossy:
            shown = {dial["phone"].removeprefix("+") for dial in dials}
            assert {phone for (phone,) in self._rows(_UNEXPLAINED)} - shown == set(), (
                "never called, and nobody says why"
            )

    def _all_delivered(self, dials: list[dict[str, Any]]) -> None:
        records = self._books.look("qolio/calls")
        calls = Counter((one["body"]["client_phone_number"], one["body"]["started_at"]) for one in records)
        assert [call for call, n in calls.items() if n > 1] == [], "two records of one call"
        talks = {f"{self._vendor}:{d['call_id']}" for d in dials if d["recorded"] and d["responder"] == "human"}
        assert talks - {one["uid"] for one in records} == set(), "conversations that are not at Qolio"
        assert {one["uid"] for one in records} - talks == set(), "records of no conversation"

    def note_faults(self) -> None:
        """Remember what has struck, before the scripts are cleared."""
        self._struck = self._books.look("faults")
