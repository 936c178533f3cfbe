"""The policy that ships, and one without the rules that a test is not about."""

from __future__ import annotations

from pathlib import Path

from obzvon.policy.model import Policy, load_policy

SHIPPED = Path(__file__).parents[1] / "include/policy/policy.yaml"


def relaxed() -> Policy:
    """The shipped windows; no caps, no consent, no caller ids asked for."""
    shipped = load_policy(SHIPPED)
    off = {"cap": None, "consent": "not_required", "caller_id": "not_required", "legal_approval_ref": "not_required"}
    rules = {purpose: rules.model_copy(update=off) for purpose, rules in shipped.purposes.items()}
    return shipped.model_copy(update={"purposes": rules, "one_campaign_a_day": False})
