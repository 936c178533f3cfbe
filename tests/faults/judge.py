"""The figures of a case. The sandbox knows who was dialled; the ledger and the warehouse are the accused."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from faults.campaigns import campaign
from faults.world import Scene

#: Virtual seconds after which every campaign has dialled whom it would ever dial.
IN_THE_END = 5 * 86_400.0


def figures(scene: Scene) -> dict[str, int]:
    """What the vendor and Qolio did against what we know of it; docs/faults.md explains the figures."""
    scene.books.tell("clock", {"speed": 0, "advance_seconds": IN_THE_END})
    vendor = campaign(scene.vendor).vendor.type
    attempts = scene.books.look("dials", vendor=vendor)
    campaigns = scene.books.look("campaigns", vendor=vendor)
    records = scene.books.look("qolio/calls")
    with scene.connection() as conn:
        facts = {call for (call,) in conn.execute("select vendor_call_id from dwh.fact_call_attempt")}
        known = {task for (task,) in conn.execute("select vendor_task_id from ops.campaign_intent")}
        unexplained = {phone for (phone,) in conn.execute(_TO_BE_CALLED)}
        (silent,) = conn.execute(_SILENT).fetchone() or (0,)
    orphans = {one["task_id"] for one in campaigns} - known
    # whoever waited in a campaign that was halted before it dialled anybody has a row there, but was never called
    attempts = [a for a in attempts if a["dialed"] or a["task_id"] not in orphans]
    calls = {attempt["call_id"] for attempt in attempts}
    never = unexplained - {digits(attempt["phone"]) for attempt in attempts}
    talks = {f"{vendor}:{a['call_id']}" for a in attempts if a["recorded"] and a["responder"] == "human"}
    return {
        "twice": len(twice(scene.vendor, attempts)),
        "lost": len(calls - facts) + max(0, len(never) - silent),
        "silent": silent,
        "orphaned": len(orphans),
        "orphaned_dials": sum(attempt["task_id"] in orphans for attempt in attempts),
        "qolio_doubled": doubled(records),
        "person": scene.questions,
        "dialled": len([a for a in attempts if a["dialed"]]),
        "invented": len(facts - calls),
        "qolio_missing": len(talks - {record["uid"] for record in records}),
        "qolio_sent_again": sum(record["writes"] - 1 for record in records),
    }


# Everybody to be called but those excluded with a reason and those whom the vendor itself refused.
_TO_BE_CALLED = """
select trim(leading '+' from p.phone_e164)
from ops.plan_contact c join pii.contact_payload p using (plan_id, row_no)
where c.exclusion_code is null and c.sent_state is distinct from 'rejected'
"""

# People whom the vendor said it took and never called; the audit counts them and says so.
_SILENT = "select coalesce(sum(explained), 0)::int from ops.audit_check where check_name = 'reported'"


def twice(vendor: str, attempts: list[dict[str, Any]]) -> set[str]:
    """Phones in more than one vendor campaign, or dialled more often than the campaign file allows."""
    tasks, dials = defaultdict(set), Counter[str]()
    for attempt in attempts:
        tasks[attempt["phone"]].add(attempt["task_id"])
        dials[attempt["phone"]] += attempt["dialed"]
    most = campaign(vendor).vendor.max_attempts
    return {phone for phone, of in tasks.items() if len(of) > 1 or dials[phone] > most}


def doubled(records: list[dict[str, Any]]) -> int:
    """Records that tell of a call another record tells of already."""
    calls = Counter((record["body"]["client_phone_number"], record["body"]["started_at"]) for record in records)
    return sum(calls.values()) - len(calls)


def digits(phone: str) -> str:
    return phone.removeprefix("+")
