"""What the marts of single calls and plans must say about the month, and what each outcome means, said anew."""

from __future__ import annotations

from month_expected import EXPECTED, Rows, Truth


def attempt_by_hour(truth: Truth) -> Rows:
    return [
        {"campaign_id": campaign, "call_date": day, "purpose": truth.of_plan[part.plan_id.iloc[0]].spec.purpose,
         "local_hour": hour, "disposition_code": code, "disposition_title": part.title.iloc[0],
         "disposition_group": part.group.iloc[0], "attempts": int(part.is_dialed.sum()),
         "connected": int((part.is_human | part.is_machine).sum()), "human": int(part.is_human.sum()),
         "rows_loaded": len(part), **final}
        for (campaign, day, hour, code), part, final in truth.groups(
            truth.dials, "campaign_id", "call_date", "hour", "code"
        )
    ]  # fmt: skip


def campaign(truth: Truth) -> Rows:
    found = []
    for name in sorted({plan.spec.name for plan in truth.plans}):
        plans = [plan for plan in truth.plans if plan.spec.name == name]
        days = [plan.day for plan in plans]
        found.append({
            "campaign_id": name, "purpose": plans[-1].spec.purpose, "vendor_code": plans[-1].vendor,
            "plans": len(plans), "first_call_date": min(days), "last_call_date": max(days),
        })  # fmt: skip
    return found


EVERY = {**EXPECTED, "v_attempt_by_hour": attempt_by_hour, "v_campaign": campaign}
