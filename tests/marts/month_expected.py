"""What every mart must say about the month, computed in pandas from the truth alone by the formulas of §3.4."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import pandas as pd
from month import FEE, ROOT, Plan
from month_judged import AUDITED, MOST_POINTS, at_qolio, complaints, reviews
from month_meanings import GROUP, RPC, TERMINAL

Rows = list[dict[str, Any]]
SEEDS = ROOT / "include" / "obzvon" / "warehouse" / "seeds" / "dispositions.csv"
DISPOSITIONS = {row["disposition_code"]: row for row in csv.DictReader(SEEDS.read_text(encoding="utf-8").splitlines())}
Z = Decimal("1.96")


def rounded(value: Decimal, places: int) -> Decimal:
    """Half away from zero, as money and shares are rounded."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def ratio(above: Any, below: Any, places: int = 4) -> Decimal | None:
    """The share, None over nothing."""
    if not below:
        return None
    with localcontext() as context:
        context.prec = 50
        return rounded(_exact(above) / _exact(below), places)


def wilson(hits: int, n: int) -> tuple[Decimal, Decimal]:
    """Both ends of Wilson's interval, 95 %, not rounded: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)."""
    with localcontext() as context:
        context.prec = 50
        p, size = Decimal(hits) / n, Decimal(n)
        middle = p + Z**2 / (2 * size)
        reach = Z * (p * (1 - p) / size + Z**2 / (4 * size**2)).sqrt()
        whole = 1 + Z**2 / size
        return (middle - reach) / whole, (middle + reach) / whole


def _exact(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(int(value))


class Truth:
    """The month as two frames: `dials`, one row an attempt, and `rows`, one row of a list."""

    def __init__(self, plans: list[Plan]) -> None:
        self.plans = plans
        self.of_plan = {plan.plan_id: plan for plan in plans}
        self.dials = pd.DataFrame([_dial(plan, dial) for plan in plans for dial in plan.dials])
        self.rows = pd.DataFrame([_row(plan, row) for plan in plans for row in plan.rows])
        mine = self.dials[self.dials.row_no >= 0]
        spent = mine.groupby(["plan_id", "row_no"]).agg(
            attempts=("is_dialed", "sum"), human=("is_human", "any"), rpc=("is_rpc", "any"), goal=("goal", "any"),
            terminal=("is_terminal", "any"), invalid=("is_invalid", "any"), cost=("cost", "sum"), fee=("fee", "sum"),
        )  # fmt: skip
        spent["first_human"] = mine[mine.is_human].groupby(["plan_id", "row_no"]).attempt_no.min()
        kept = self.rows.merge(spent, how="left", left_on=["plan_id", "row_no"], right_index=True)
        for name in ("attempts", "first_human"):
            kept[name] = kept[name].fillna(0).astype(int)
        for name in ("human", "rpc", "goal", "terminal", "invalid"):
            kept[name] = kept[name].eq(True)
        for name in ("cost", "fee"):
            kept[name] = [value if isinstance(value, Decimal) else Decimal(0) for value in kept[name]]
        self.contacts = kept

    def flags(self, plan_ids: Iterable[str]) -> dict[str, bool]:
        """is_final and is_partial of a figure over these plans."""
        states = {self.of_plan[plan_id].state for plan_id in plan_ids}
        return {"is_final": "running" not in states, "is_partial": "final_partial" in states}

    def groups(self, frame: pd.DataFrame, *by: str) -> Iterable[tuple[tuple[Any, ...], pd.DataFrame, dict[str, bool]]]:
        """Groups with their keys and whether they are final; a group without a value has None."""
        for key, part in frame.groupby(list(by), dropna=False):
            named = tuple(None if pd.isna(value) else value for value in key)
            yield named, part, self.flags(part.plan_id.unique())


def _dial(plan: Plan, dial: Mapping[str, Any]) -> dict[str, Any]:
    person, group = dial["person"], GROUP[dial["code"]]
    # a call that was never dialled belongs to the moment it was queued
    local = (dial["started"] + timedelta(minutes=person.offset)).replace(tzinfo=None)
    listed = dial["row_no"] is not None
    state = at_qolio(dial["call_id"]) if dial["responder"] == "human" and dial["record"] else None
    scores = list(reviews(dial["call_id"])) if dial["responder"] == "human" and dial["record"] else []
    dialed = group not in ("NOT_DIALED", "PENDING")
    return {
        "plan_id": plan.plan_id, "campaign_id": plan.spec.name, "vendor_code": plan.vendor, "call_date": plan.day,
        "version": plan.version, "script": plan.script if listed else None, "call_id": dial["call_id"],
        "row_no": dial["row_no"] if listed else -1, "phone": person.phone, "region": person.region or None,
        "certain": listed and len(person.offsets) == 1, "caller_id": dial["caller"], "started": dial["started"],
        "date_key": int(f"{local:%Y%m%d}"), "hour": local.hour, "dow": local.isoweekday(),
        "attempt_no": dial["attempt_no"] if listed else -1, "code": dial["code"], "group": group,
        "title": DISPOSITIONS[dial["code"]]["title_ru"],
        "is_dialed": dialed, "is_human": group == "HUMAN", "is_machine": group == "MACHINE",
        "is_rpc": dial["code"] in RPC, "is_terminal": dial["code"] in TERMINAL,
        "is_invalid": dial["code"] == "INVALID_NUMBER", "goal": dial["code"] == "GOAL",
        "moved": dial["moved"] or dial["code"] == "TRANSFERRED", "talk": Decimal(str(int(dial["talk"]))),
        "cost": Decimal(str(dial["price"])), "fee": Decimal(FEE) if dialed else Decimal(0), "late": dial["late"],
        "record": dial["record"], "qolio": state, "reviewed": bool(scores), "scores": len(scores),
        "score_sum": sum((rounded(Decimal(score) / MOST_POINTS, 6) for score in scores), Decimal(0)),
    }  # fmt: skip


def _row(plan: Plan, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "plan_id": plan.plan_id, "campaign_id": plan.spec.name, "call_date": plan.day, "script": plan.script,
        "version": plan.version, "row_no": row["row_no"], "code": row["exclusion_code"],
        "reason": row["exclusion_reason"], "eligible": row["exclusion_code"] is None, "refused": row["refused"],
        "most": plan.spec.vendor.max_attempts,
    }  # fmt: skip


def funnel(truth: Truth) -> Rows:
    found = []
    for (plan_id,), part, final in truth.groups(truth.contacts, "plan_id"):
        plan, e = truth.of_plan[plan_id], int(part.eligible.sum())
        d, human, goal = (int(n) for n in ((part.attempts > 0).sum(), part.human.sum(), part.goal.sum()))
        rpc, invalid, attempts = (int(part[name].sum()) for name in ("rpc", "invalid", "attempts"))
        billed = truth.dials[truth.dials.plan_id == plan_id]
        cost = sum(billed.cost + billed.fee, Decimal(0))
        found.append({
            "campaign_id": plan.spec.name, "purpose": plan.spec.purpose, "call_date": plan.day,
            "contacts_total": len(part), "contacts_excluded": len(part) - e, "contacts_eligible": e,
            "contacts_rejected": int(part.refused.sum()), "contacts_dialed": d, "contacts_human": human,
            "contacts_rpc": rpc, "contacts_goal": goal, "contacts_invalid": invalid, "attempts": attempts,
            "penetration_rate": ratio(d, e), "contact_rate": ratio(human, e), "rpc_rate": ratio(rpc, d),
            "goal_rate_rpc": ratio(goal, rpc), "goal_rate_list": ratio(goal, e),
            "invalid_number_rate": ratio(invalid, d),
            "attempts_per_contact": ratio(attempts, d, 3),
            "attempts_to_first_human": ratio(part.first_human.sum(), human, 3), "cost_rub": cost,
            "cost_per_human": ratio(cost, human, 2), "cost_per_goal": ratio(cost, goal, 2), **final,
        })  # fmt: skip
    return found


def exclusions(truth: Truth) -> Rows:
    out, by = truth.contacts[~truth.contacts.eligible], ("campaign_id", "call_date", "code", "reason")
    return [
        {"campaign_id": campaign, "call_date": day, "exclusion_code": code, "exclusion_reason": reason,
         "exclusion_title": DISPOSITIONS[code]["title_ru"], "contacts": len(part), **final}
        for (campaign, day, code, reason), part, final in truth.groups(out, *by)
    ]  # fmt: skip


def attempt_kpi_daily(truth: Truth) -> Rows:
    found = []
    by = ("date_key", "vendor_code", "campaign_id", "version", "script")
    for key, part, final in truth.groups(truth.dials, *by):
        spoken = part[part.is_human]
        n, human, machine = int(part.is_dialed.sum()), len(spoken), int(part.is_machine.sum())
        moved = spoken[spoken.moved]

        def share(code: str, spoken: pd.DataFrame = spoken) -> Decimal | None:
            return ratio((spoken.code == code).sum(), len(spoken))

        found.append({
            **dict(zip(by, key, strict=True)), "attempts": n, "connected": human + machine, "human": human,
            "connect_rate": ratio(human + machine, n), "human_answer_rate": ratio(human, n),
            "machine_rate": ratio(machine, human + machine), "aht_sec": ratio(sum(spoken.talk, Decimal(0)), human, 1),
            "aht_transferred_sec": ratio(sum(moved.talk, Decimal(0)), len(moved), 1),
            "short_call_rate": share("HUMAN_SHORT"), "optout_rate": share("RPC_OPTOUT"),
            "wrong_party_rate": share("WRONG_PARTY"), "transfer_rate": ratio(len(moved), human),
            "unmapped": int((part.code == "UNKNOWN").sum()), "late": int(part.late.sum()),
            "orphans": int((part.row_no < 0).sum()), **final,
        })  # fmt: skip
    return found


def disposition_mix(truth: Truth) -> Rows:
    of_day = truth.dials[truth.dials.is_dialed].groupby(["campaign_id", "date_key"]).size()
    by = ("campaign_id", "vendor_code", "date_key", "code")
    return [
        {"campaign_id": campaign, "vendor_code": vendor, "date_key": day, "disposition_code": code,
         "disposition_title": DISPOSITIONS[code]["title_ru"], "disposition_group": part.group.iloc[0],
         "is_dialed": bool(part.is_dialed.iloc[0]), "attempts": len(part),
         "share": ratio(len(part), of_day[campaign, day]) if part.is_dialed.iloc[0] else None, **final}
        for (campaign, vendor, day, code), part, final in truth.groups(truth.dials, *by)
    ]  # fmt: skip


def recall_effectiveness(truth: Truth) -> Rows:
    found: Rows = []
    mine = truth.dials[truth.dials.row_no >= 0]
    sums: dict[tuple[str, int], int] = {}
    for (campaign, version, number), part, final in truth.groups(mine, "campaign_id", "version", "attempt_no"):
        n, human, goals = (int(part[name].sum()) for name in ("is_dialed", "is_human", "goal"))
        cost = sum(part.cost + part.fee, Decimal(0))
        sums[campaign, version] = sums.get((campaign, version), 0) + goals
        found.append({
            "campaign_id": campaign, "version": version, "attempt_no": number, "attempts": n, "human_at_n": human,
            "human_rate_at_n": ratio(human, n), "goals_at_n": goals, "goals_cum": sums[campaign, version],
            "cost_rub_at_n": cost, "cost_per_goal_at_n": ratio(cost, goals, 2), **final,
        })  # fmt: skip
    return found


def best_time(truth: Truth) -> Rows:
    dials = truth.dials
    fair = dials[dials.is_dialed & (dials.attempt_no == 1) & dials.certain]
    return [
        {"campaign_id": campaign, "dow": dow, "local_hour": hour, "attempts": len(part),
         "human": int(part.is_human.sum()), "human_rate": ratio(part.is_human.sum(), len(part)),
         "human_rate_low95": rounded(wilson(int(part.is_human.sum()), len(part))[0], 4),
         "is_enough": len(part) >= 30, **final}
        for (campaign, dow, hour), part, final in truth.groups(fair, "campaign_id", "dow", "hour")
    ]  # fmt: skip


def list_exhaustion(truth: Truth) -> Rows:
    found = []
    for (plan_id,), part, final in truth.groups(truth.contacts[truth.contacts.eligible], "plan_id"):
        plan, limit = truth.of_plan[plan_id], (part.attempts >= part.most) & ~part.terminal
        by_outcome, by_limit = int(part.terminal.sum()), int(limit.sum())
        found.append({
            "campaign_id": plan.spec.name, "call_date": plan.day, "intent_id": plan.intent_id, "eligible": len(part),
            "closed": by_outcome + by_limit, "exhaustion_rate": ratio(by_outcome + by_limit, len(part)),
            "closed_by_outcome": by_outcome, "closed_by_limit": by_limit, **final,
        })  # fmt: skip
    return found


def cost(truth: Truth) -> Rows:
    found = []
    for (plan_id,), part, final in truth.groups(truth.dials, "plan_id"):
        plan, reached = truth.of_plan[plan_id], truth.contacts[truth.contacts.plan_id == plan_id]
        calls, fees, n = sum(part.cost, Decimal(0)), sum(part.fee, Decimal(0)), int(part.is_dialed.sum())
        human, goal = int(reached.human.sum()), int(reached.goal.sum())
        found.append({
            "campaign_id": plan.spec.name, "vendor_code": plan.vendor, "call_date": plan.day, "attempts": n,
            "calls_rub": calls, "marking_fee_rub": fees, "cost_rub": calls + fees, "contacts_human": human,
            "contacts_goal": goal, "cost_per_attempt": ratio(calls + fees, n),
            "cost_per_human": ratio(calls + fees, human, 2),
            "cost_per_goal": ratio(calls + fees, goal, 2), **final,
        })  # fmt: skip
    return found


def ab_test(truth: Truth) -> Rows:
    found: Rows = []
    assigned = truth.contacts[truth.contacts.eligible]
    for campaign, arms in assigned.groupby("campaign_id"):
        first = arms.sort_values("call_date").script.iloc[0]
        base = arms[arms.script == first]
        p0, (l0, u0) = Decimal(int(base.goal.sum())) / len(base), wilson(int(base.goal.sum()), len(base))
        for (script,), part, final in truth.groups(arms, "script"):
            goals, n = int(part.goal.sum()), len(part)
            p1, (l1, u1) = Decimal(goals) / n, wilson(goals, n)
            lift = p1 - p0
            said: list[Decimal | None] = [None, None, None]
            if script != first:  # Newcombe's hybrid score interval
                low = lift - ((p1 - l1) ** 2 + (u0 - p0) ** 2).sqrt()
                high = lift + ((u1 - p1) ** 2 + (p0 - l0) ** 2).sqrt()
                said = [rounded(value, 4) for value in (lift, low, high)]
            found.append({
                "campaign_id": campaign, "vendor_script_id": script, "script_version": "unversioned",
                "ab_variant": None,
                "is_control": script == first, "first_date": part.call_date.min(), "last_date": part.call_date.max(),
                "is_concurrent": set(part.call_date) == set(base.call_date), "contacts_assigned": n,
                "contacts_goal": goals, "goal_rate_list": ratio(goals, n),
                "goal_rate_low95": rounded(l1, 4),
                "goal_rate_high95": rounded(u1, 4), "lift": said[0], "lift_low95": said[1],
                "lift_high95": said[2], **final,
            })  # fmt: skip
    return found


def optouts(truth: Truth) -> Rows:
    dialed = truth.dials[truth.dials.is_dialed]
    mine = dialed[dialed.row_no >= 0]
    found = {
        key: {
            "human": int(part.is_human.sum()),
            "optouts": int((part.code == "RPC_OPTOUT").sum()),
            "complaints": 0,
            **final,
        }
        for key, part, final in truth.groups(dialed, "campaign_id", "date_key")
    }
    for phone, _, at in complaints(truth.plans):
        before = mine[(mine.phone == phone) & (mine.started <= at) & (mine.started > at - timedelta(days=30))]
        if before.empty:
            found[None, int(f"{at + timedelta(hours=3):%Y%m%d}")] = {
                "human": 0, "optouts": 0, "complaints": 1, "is_final": True, "is_partial": False,
            }  # fmt: skip
        else:
            last = before.sort_values(["started", "call_id"]).iloc[-1]
            found[last.campaign_id, last.date_key]["complaints"] += 1
    return [
        {"campaign_id": campaign, "date_key": day, **said, "optout_rate": ratio(said["optouts"], said["human"]),
         "complaints_per_1000": ratio(1000 * said["complaints"], said["human"], 2)}
        for (campaign, day), said in found.items()
    ]  # fmt: skip


def caller_health(truth: Truth) -> Rows:
    found = []
    by = ("vendor_code", "caller_id", "region", "date_key")
    for key, part, final in truth.groups(truth.dials[truth.dials.is_dialed], *by):
        n, errors = len(part), int(part.code.isin(["NETWORK_ERROR", "CARRIER_BLOCK"]).sum())
        human, low = int(part.is_human.sum()), wilson(errors, n)[0]
        found.append({
            **dict(zip(by, key, strict=True)), "attempts": n, "network_errors": errors,
            "connected": human + int(part.is_machine.sum()), "human": human, "network_error_rate": ratio(errors, n),
            "network_error_rate_low95": rounded(max(low, Decimal(0)), 4), "human_answer_rate": ratio(human, n),
            "is_enough": n >= 30, "is_block_suspected": n >= 30 and low >= Decimal("0.3"), **final,
        })  # fmt: skip
    return found


def _recorded(truth: Truth) -> pd.DataFrame:
    return truth.dials[truth.dials.is_human & truth.dials.record]


def qa_reconciliation(truth: Truth) -> Rows:
    states = {
        "delivered": ("SENT", "VERIFIED"), "verified": ("VERIFIED",), "silently_dropped": ("MISSING",),
        "rejected": ("REJECTED",), "skipped": ("SKIPPED",), "in_doubt": ("SENDING", "IN_DOUBT"),
    }  # fmt: skip
    by = ("date_key", "vendor_code", "campaign_id")
    return [
        {**dict(zip(by, key, strict=True)), "should_send": len(part), "not_sent": int(part.qolio.isna().sum()),
         **{name: int(part.qolio.isin(these).sum()) for name, these in states.items()}, **final}
        for key, part, final in truth.groups(_recorded(truth), *by)
    ]  # fmt: skip


def qa_coverage(truth: Truth) -> Rows:
    found = []
    for (campaign, script, day), part, final in truth.groups(_recorded(truth), "campaign_id", "script", "date_key"):
        sent = int(part.qolio.isin(["SENT", "VERIFIED", "MISSING"]).sum())
        lost, scores, total = (
            int((part.qolio == "MISSING").sum()),
            int(part.scores.sum()),
            sum(part.score_sum, Decimal(0)),
        )
        found.append({
            "campaign_id": campaign, "vendor_script_id": script, "date_key": day, "conversations": len(part),
            "sent": sent, "silently_dropped": lost, "reviewed": int(part.reviewed.sum()), "scores": scores,
            "qa_coverage_rate": ratio(part.reviewed.sum(), len(part)), "silent_drop_rate": ratio(lost, sent),
            "score_sum": total, "score_rate": ratio(total, scores), **final,
        })  # fmt: skip
    return found


def freshness(truth: Truth) -> Rows:
    found = []
    for plan in truth.plans:
        part = truth.dials[truth.dials.plan_id == plan.plan_id]
        newest, late = len(plan.reports[-1]), int(part.late.sum())
        found.append({
            "campaign_id": plan.spec.name, "vendor_code": plan.vendor, "call_date": plan.day, "intents": 1,
            "intents_closed": int(plan.state != "running"), "is_stale": False, "pulls_waiting": 0,
            "control_count": newest, "rows_loaded": newest, "completeness_rate": Decimal(1), "quarantined": 1,
            "attempts": len(part), "unmapped": int((part.code == "UNKNOWN").sum()),
            "orphans": int((part.row_no < 0).sum()), "late": late, "late_rate": ratio(late, len(part)),
            **truth.flags([plan.plan_id]),
        })  # fmt: skip
    return found


def compliance(truth: Truth) -> Rows:
    found = []
    for plan in truth.plans:
        n = int(truth.dials[truth.dials.plan_id == plan.plan_id].is_dialed.sum())
        breaches, rules = AUDITED.get(plan.day, (0, None))
        found.append({
            "campaign_id": plan.spec.name, "purpose": plan.spec.purpose, "call_date": plan.day, "attempts": n,
            "checks": 2,
            "checks_failed": int(breaches > 0), "failed_checks": "compliance" if breaches else None,
            "breaches": breaches, "rules_broken": rules, "breaches_per_1000": ratio(1000 * breaches, n, 3),
            **truth.flags([plan.plan_id]),
        })  # fmt: skip
    return found


#: Every mart with a figure, and what it must say.
EXPECTED: dict[str, Callable[[Truth], Rows]] = {
    f"v_{rule.__name__}": rule
    for rule in (
        funnel, exclusions, attempt_kpi_daily, disposition_mix, recall_effectiveness, best_time, list_exhaustion, cost,
        ab_test, optouts, caller_health, qa_reconciliation, qa_coverage, freshness, compliance,
    )
}  # fmt: skip
EXPECTED["v_campaign_funnel"] = EXPECTED.pop("v_funnel")
