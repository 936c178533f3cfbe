"""The figures of one call date in a real Airflow, as judge.py has them of a whole warehouse."""

from __future__ import annotations

from typing import Any

from faults.airflow_scene import Scene
from faults.judge import IN_THE_END, digits, doubled, twice

CALLS = "select vendor_call_id from dwh.fact_call_attempt join ops.campaign_intent using (intent_id) where plan_id = %s"
TASKS = "select vendor_task_id from ops.campaign_intent where plan_id = %s and vendor_task_id is not null"
#: As in judge.py; here a campaign that somebody stopped is explained by the cause that the ledger has.
TO_BE_CALLED = """
select p.phone_e164
from ops.plan_contact c join pii.contact_payload p using (plan_id, row_no)
left join ops.campaign_intent i using (intent_id)
where c.plan_id = %s and c.exclusion_code is null and c.sent_state is distinct from 'rejected'
  and not (i.state in ('cancelled', 'refused') and i.note is not null) and i.stop_cause is null
"""
SILENT = "select explained from ops.audit_check where check_name = 'reported' and plan_id = %s"


def figures(scene: Scene, vendor: str) -> dict[str, Any]:
    """What a vendor and Qolio did on the call date against what we know of it."""
    scene.world.clock(speed=0, advance_seconds=IN_THE_END)
    attempts = [a for a in scene.world.book("dials", vendor=vendor) if str(scene.day) in a["task_name"]]
    facts, known = _column(scene, vendor, CALLS), _column(scene, vendor, TASKS)
    orphans = {one["task_id"] for one in scene.world.campaigns(vendor, scene.day)} - known
    attempts = [a for a in attempts if a["dialed"] or a["task_id"] not in orphans]
    calls = {a["call_id"] for a in attempts}
    never = set(map(digits, _column(scene, vendor, TO_BE_CALLED))) - {digits(a["phone"]) for a in attempts}
    talks = {f"{vendor}:{a['call_id']}" for a in attempts if a["recorded"] and a["responder"] == "human"}
    records = [r for r in scene.world.book("qolio/calls") if r["uid"] in {f"{vendor}:{call}" for call in calls | facts}]
    silent = sum(_column(scene, vendor, SILENT))
    return {
        "twice": len(twice(vendor, attempts)),
        "lost": len(calls - facts) + max(0, len(never) - silent),
        "silent": silent,
        "orphaned": len(orphans),
        "orphaned_dials": sum(a["task_id"] in orphans for a in attempts),
        "qolio_doubled": doubled(records),
        "person": scene.questions.get(vendor, 0),
        "dialled": len([a for a in attempts if a["dialed"]]),
        "invented": len(facts - calls),
        "qolio_missing": len(talks - {record["uid"] for record in records}),
        "qolio_sent_again": sum(record["writes"] - 1 for record in records),
        "stop": "; ".join(f"{cause}: {outcome}" for cause, outcome in sorted(scene.stops(vendor), key=str)) or None,
        "stopped_after": scene.stopped_after.get(vendor),
    }


def _column(scene: Scene, vendor: str, query: str) -> set[Any]:
    return {value for (value,) in scene.world.rows(query, scene.plan(vendor))}
