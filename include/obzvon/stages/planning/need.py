"""Whether a person must say yes to a plan before anybody is called."""

from __future__ import annotations

from decimal import Decimal

from obzvon.campaigns.spec import CampaignSpec

__all__ = ["needs_approval"]


def needs_approval(spec: CampaignSpec, to_call: int, cost_high: Decimal | None) -> bool:
    """True when `approval` of the campaign file asks for a person's yes.

    `cost_high`: the forecast's upper end in rubles; None when nobody can know it (no price, or no call of the kind was
    ever made), which counts as above any limit.
    """
    rule = spec.approval
    if rule.when != "above":
        return rule.when == "always"
    if to_call > rule.contacts:
        return True
    return rule.cost_rub is not None and (cost_high is None or cost_high > rule.cost_rub)
