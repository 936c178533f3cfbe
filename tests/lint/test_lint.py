"""What a campaign may not do under the policy that ships: level, key, the arithmetic and the cure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from lint_campaigns import BETA, CALLER, DIALOG, EXAMPLE_HOURS, EXAMPLE_RECALLS, V1, campaign, without
from policies import SHIPPED, relaxed

from obzvon.campaigns.catalogue import Catalogue
from obzvon.campaigns.spec import CampaignSpec, Purpose
from obzvon.errors import PolicyError
from obzvon.policy.lint import Level, check_call_date, consent_needed, lint, refuse
from obzvon.policy.model import Policy, load_policy
from obzvon.vendors.settings import VendorSettings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shipped() -> Policy:
    return load_policy(SHIPPED)


def changed(policy: Policy, purpose: str, **rules: Any) -> Policy:
    """The policy with some rules of one purpose changed."""
    purposes = policy.purposes | {Purpose(purpose): policy.rules(Purpose(purpose)).model_copy(update=rules)}
    return policy.model_copy(update={"purposes": purposes})


def beta(**recalls: tuple[int, int]) -> dict[str, Any]:
    """TWIN beta with recalls, as rule = (tries, interval)."""
    rules = {name: {"enabled": True, "tries": tries, "interval": every} for name, (tries, every) in recalls.items()}
    return BETA | {"recall_rules": rules}


def v1(**redial: Any) -> dict[str, Any]:
    """TWIN v1 with redials, as rule = (count, time) and limits as they are."""
    rules = {k: v if isinstance(v, int) else {"count": v[0], "time": v[1]} for k, v in redial.items()}
    return V1 | {"redial": rules}


def dials(vendor: Any, policy: Policy, purpose: str = "survey") -> list[str]:
    """What is said of the dials, without the policy file's path."""
    found = lint(campaign(vendor=vendor, purpose=purpose), policy)
    assert all(f.level is Level.ERROR and f.key.startswith("vendor") for f in found), found
    return [f.message.replace(policy.source, "POLICY") for f in found]


def test_a_campaign_in_order_has_no_findings(shipped: Policy) -> None:
    assert lint(campaign(), shipped) == []
    refuse(campaign(), shipped)


def test_the_campaigns_that_ship_have_no_findings(shipped: Policy) -> None:
    specs = Catalogue(ROOT / "include" / "campaigns").specs
    assert {spec.name: lint(spec, shipped) for spec in specs} == {"demo_dialog": [], "demo_twin": []}


def test_the_recalls_of_twins_own_example_are_refused_for_debts(shipped: Policy) -> None:
    spec = campaign(purpose="debt", vendor=BETA | {"recall_rules": EXAMPLE_RECALLS}, window=EXAMPLE_HOURS)
    a_day, in_all, hours = lint(spec, shipped)
    assert (a_day.key, in_all.key, hours.key) == ("vendor.recall_rules", "vendor.recall_rules", "window")
    arithmetic = "1 + BUSY 3 + NO_ANSWER 3 + MACHINE 2 + CONGESTION 3 = 12"
    assert a_day.message == (
        f"{arithmetic} dials a day; purpose debt allows 1 ({shipped.source}, purposes.debt.cap.day): switch recalls "
        "off or lower their `tries`, or leave further tries to runs of later "
        "days"
    )
    assert in_all.message == (
        f"{arithmetic} dials in all; purpose debt allows 2 a week ({shipped.source}, purposes.debt.cap.week): switch "
        "recalls off or lower their `tries`"
    )
    assert "(32500–79000 s of the day) reaches outside 09:00–20:00" in hours.message
    with pytest.raises(PolicyError) as refused:
        refuse(spec, shipped)
    for finding in (a_day, in_all, hours):
        assert f"{finding.key}: {finding.message}" in str(refused.value)


@pytest.mark.parametrize(
    ("purpose", "vendor", "day", "whole"),
    [
        # the day's sum and the whole one, where they are more than the policy allows; debt 1 and 2, service 2 and 4
        ("debt", DIALOG | {"attempts": 1, "interval_minutes": 5}, None, None),
        ("debt", DIALOG | {"attempts": 2, "interval_minutes": 1439}, "1 + further attempts 1 = 2", None),
        ("debt", DIALOG | {"attempts": 2, "interval_minutes": 1440}, None, None),
        ("debt", DIALOG | {"attempts": 3, "interval_minutes": 1440}, None, "1 + further attempts 2 = 3"),
        ("service", DIALOG | {"attempts": 5}, "1 + further attempts 4 = 5", "1 + further attempts 4 = 5"),
        ("debt", BETA, None, None),
        ("debt", beta(BUSY=(1, 86_399)), "1 + BUSY 1 = 2", None),
        ("debt", beta(BUSY=(1, 900), NO_ANSWER=(1, 86_400)), "1 + BUSY 1 = 2", "1 + BUSY 1 + NO_ANSWER 1 = 3"),
        ("service", v1(busy=(1, 900), no_answer=(1, 3600)), "1 + busy 1 + no_answer 1 = 3", None),
        ("service", v1(busy=(1, 900), no_answer=(1, 3600), candidate_limit=2), None, None),
        ("service", v1(busy=(5, 900), candidate_limit=9, number_limit=2), None, None),
        (
            "debt",
            v1(busy=(5, 900), not_effective=(1, 900), candidate_limit=4),
            "1 + busy 5 + not_effective 1 = 7, of which the limit leaves 4",
            "1 + busy 5 + not_effective 1 = 7, of which the limit leaves 4",
        ),
        ("debt", v1(congestion=(1, 86_400)), None, None),
        ("debt", v1(answering_machine=(3, 90_000), candidate_limit=2), None, None),
    ],
)  # fmt: skip
def test_worst_case_dials_against_the_caps(
    shipped: Policy, purpose: str, vendor: dict[str, Any], day: str | None, whole: str | None
) -> None:
    caps = {"debt": (1, 2), "service": (2, 4)}[purpose]
    expected = [f"{day} dials a day; purpose {purpose} allows {caps[0]} (POLICY, purposes.{purpose}.cap.day): "] * bool(
        day
    )
    expected += [
        f"{whole} dials in all; purpose {purpose} allows {caps[1]} a week (POLICY, purposes.{purpose}.cap.week): "
    ] * bool(whole)
    said = dials(vendor, shipped, purpose)
    assert len(said) == len(expected)
    assert all(message.startswith(start) for message, start in zip(said, expected, strict=True)), said


@pytest.mark.parametrize(
    ("purpose", "vendor"),
    [("debt", beta(BUSY=(1, 86_400))), ("service", beta(BUSY=(1, 900))), ("service", beta(NO_ANSWER=(2, 86_400)))],
)
def test_redials_that_nothing_ends_with_the_day_are_refused(
    shipped: Policy, purpose: str, vendor: dict[str, Any]
) -> None:
    (said,) = dials(vendor, shipped, purpose)
    assert "redialled on a later date" in said
    assert dials(beta(), shipped, purpose) == []


@pytest.mark.parametrize(
    ("vendor", "key", "cure"),
    [
        (
            DIALOG | {"attempts": 2},
            "vendor.attempts",
            ": lower `attempts`, or leave further tries to runs of later days",
        ),
        (
            v1(busy=(1, 900)),
            "vendor.redial",
            ": take redials out or lower `candidate_limit`, set their `time` to 86400 or more, or leave",
        ),
        (
            beta(BUSY=(1, 900)),
            "vendor.recall_rules",
            ": switch recalls off or lower their `tries`, or leave further tries to runs of later days",
        ),
    ],
)
def test_each_vendor_names_its_own_keys(shipped: Policy, vendor: dict[str, Any], key: str, cure: str) -> None:
    (finding,) = lint(campaign(vendor=vendor), shipped)
    assert (finding.level, finding.key) == (Level.ERROR, key)
    assert cure in finding.message


class ThreeTries(VendorSettings):
    """A dialer that says how often it may ring, and nothing about when."""

    type: str = "three_tries"
    conn_id: str = "nowhere"

    @property
    def script_id(self) -> str:
        return "script"

    @property
    def max_attempts(self) -> int:
        return 3


def test_a_dialer_that_says_only_how_often_is_taken_to_ring_on_one_day(shipped: Policy) -> None:
    worst = ThreeTries().worst_case
    assert (worst.a_day, worst.total, worst.sum_of_day()) == (3, 3, "1 + further attempts 2 = 3")
    said = dials(ThreeTries(), shipped)
    assert said[0].startswith("1 + further attempts 2 = 3 dials a day; purpose survey allows 1 ")
    assert said[0].endswith(": lower the number of attempts, or leave further tries to runs of later days")


def test_a_purpose_without_a_cap_allows_any_number(shipped: Policy) -> None:
    assert dials(DIALOG | {"attempts": 5}, changed(shipped, "survey", cap=None)) == []


def test_the_worst_case_counts_although_only_answered_calls_are_capped(shipped: Policy) -> None:
    cap = shipped.rules(Purpose.SURVEY).cap
    assert cap is not None
    lenient = changed(shipped, "survey", cap=cap.model_copy(update={"count": "answered"}))
    assert len(dials(DIALOG | {"attempts": 2}, lenient)) == 1


def test_a_test_task_is_refused_unless_its_connection_is_a_sandboxs(shipped: Policy) -> None:
    spec = campaign(vendor=BETA | {"is_test": True})
    (finding,) = lint(spec, shipped)
    assert (finding.level, finding.key) == (Level.ERROR, "vendor.is_test")
    assert "connection twin_default is not a sandbox's" in finding.message
    assert "sandbox_connections: none): take the key out, or name the sandbox's connection" in finding.message
    other = shipped.model_copy(update={"sandbox_connections": ("twin_sandbox",)})
    assert "sandbox_connections: twin_sandbox)" in lint(spec, other)[0].message
    assert lint(campaign(vendor=BETA | {"is_test": True, "conn_id": "twin_sandbox"}), other) == []


#: (what the campaign says, level, key, words of the message)
WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    ({"caller_ids": None}, "error", "caller_ids", "missing, and purpose survey needs labelled numbers"),
    ({"caller_ids": [CALLER, "74950000009"]}, "error", "caller_ids.1", "no label, category and contract in"),
    (
        {"vendor": BETA | {"default_caller_id": {"type": "Custom", "data": "74950000002"}}},
        "error", "vendor.default_caller_id.data", "none of `caller_ids`: name it there, or correct it here",
    ),
    (
        {"purpose": "advertising"},
        "error", "legal_approval_ref", "(purposes.advertising.legal_approval_ref) asks for it: say where a lawyer",
    ),
    (
        {"purpose": "debt", "contacts": without("consent_date", "consent_ref")},
        "error", "legal_approval_ref", "give `legal_approval_ref`, where a lawyer approved this campaign, or contacts",
    ),
    (
        {"contacts": without("consent_date", "consent_ref")},
        "warning", "contacts.columns.consent_date", "only those whom the register ops.consent knows will be called",
    ),
    (
        {"contacts": without("contact_id"), "purpose": "debt"},
        "error", "contacts.columns.contact_id", "one person with two phones may be called 2 times a day",
    ),
    (
        {"contacts": without("contact_id"), "purpose": "service"},
        "warning", "contacts.columns.contact_id", "one person with two phones may be called 4 times a day",
    ),
    ({"canary": {"minutes": 30}}, "error", "canary.minutes", "30 minutes, and a window of 30 or less is hardly"),
    ({"canary": {"minutes": 20}}, "error", "canary.minutes", "give the canary at least 31, or lower the limit"),
    ({"window": {"from": "09:00", "to": "17:00", "dayoff": "closed"}}, "error", "window", "outside 10:00–20:00"),
    ({"window": {"from": "10:00", "to": "20:00"}}, "error", "window", "allows on days off: give window.dayoff"),
    (
        {"window": {"from": "10:00", "to": "20:00", "dayoff": {"from": "11:00", "to": "19:00"}}},
        "error", "window.dayoff", "narrow window.dayoff",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "level", "key", "words"), WRONG)
def test_one_thing_wrong_is_one_finding(
    shipped: Policy, changes: dict[str, Any], level: str, key: str, words: str
) -> None:
    (finding,) = lint(campaign(**changes), shipped)
    assert (finding.level, finding.key) == (level, key)
    assert words in finding.message
    assert CALLER not in finding.message


RIGHT: list[dict[str, Any]] = [
    {"purpose": "advertising", "legal_approval_ref": "Заключение 17"},
    {"purpose": "debt", "legal_approval_ref": "Заключение 17", "contacts": without("consent_date", "consent_ref")},
    {"purpose": "debt"},
    {"canary": {"minutes": 31}, "approval": {"when": "always"}},
    {"canary": {"minutes": 10}, "limits": {"min_minutes_left": 9}},
    {"vendor": BETA | {"default_caller_id": {"type": "Custom", "data": CALLER}}},
    {"window": {"from": "10:00", "to": "20:00", "dayoff": "closed"}},
]


@pytest.mark.parametrize("changes", RIGHT)
def test_the_cures_help(shipped: Policy, changes: dict[str, Any]) -> None:
    assert lint(campaign(**changes), shipped) == []


def test_what_the_policy_does_not_ask_for_is_not_missed() -> None:
    bare = {"contacts": without("contact_id", "consent_date", "consent_ref"), "caller_ids": None}
    for purpose in Purpose:
        assert lint(campaign(purpose=purpose, vendor=DIALOG | {"attempts": 5}, **bare), relaxed()) == []


def test_an_unlabelled_number_is_a_warning_where_none_is_required() -> None:
    (finding,) = lint(campaign(caller_ids=["74950000009"]), relaxed())
    assert (finding.level, finding.key) == (Level.WARNING, "caller_ids.0")


def test_a_purpose_the_policy_does_not_have_is_the_only_finding(shipped: Policy) -> None:
    few = shipped.model_copy(update={"purposes": {Purpose.DEBT: shipped.rules(Purpose.DEBT)}})
    (finding,) = lint(campaign(), few)
    assert (finding.level, finding.key) == (Level.ERROR, "purpose")
    assert "has no purposes.survey: add its rules there, or change the purpose" in finding.message


def test_a_plan_is_refused_with_every_error_and_no_warning(shipped: Policy, caplog: pytest.LogCaptureFixture) -> None:
    spec = campaign(caller_ids=None, canary={"minutes": 10}, contacts=without("contact_id"))
    found = {finding.key: finding for finding in lint(spec, shipped)}
    with pytest.raises(PolicyError) as refused:
        refuse(spec, shipped)
    warned = found.pop("contacts.columns.contact_id")
    assert str(refused.value) == (
        "campaign autumn: " + "; ".join(f"{f.key}: {f.message}" for f in found.values()) + "; nobody was called"
    )
    assert set(found) == {"caller_ids", "canary.minutes"}
    assert warned.message in caplog.text


def test_warnings_refuse_nothing(shipped: Policy) -> None:
    spec = campaign(contacts=without("contact_id", "consent_date", "consent_ref"))
    assert [finding.level for finding in lint(spec, shipped)] == [Level.WARNING, Level.WARNING]
    refuse(spec, shipped)


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({"purpose": "survey"}, True),
        ({"purpose": "survey", "legal_approval_ref": "17"}, True),
        ({"purpose": "debt"}, True),
        ({"purpose": "debt", "legal_approval_ref": "17"}, False),
    ],
)
def test_a_lawyers_word_stands_for_consents_only_where_the_policy_lets_it(
    shipped: Policy, changes: dict[str, Any], needed: bool
) -> None:
    assert consent_needed(campaign(**changes), shipped) is needed
    assert not consent_needed(campaign(**changes), relaxed())


# Kaliningrad, the westernmost zone, is two hours ahead of UTC: there a date ends at 22:00 UTC.
@pytest.mark.parametrize(
    ("now", "over"),
    [
        (datetime(2026, 11, 20, 0, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 21, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 22, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 19, 12, 0, tzinfo=UTC), False),
        (datetime(2027, 1, 1, 0, 0, tzinfo=UTC), True),
    ],
)
def test_a_call_date_is_over_when_it_is_over_in_the_westernmost_zone(now: datetime, over: bool) -> None:
    if not over:
        check_call_date(date(2026, 11, 20), now)
        return
    with pytest.raises(PolicyError, match=r"call date 2026-11-20 is over: .* start a run for today or later"):
        check_call_date(date(2026, 11, 20), now)


def test_a_stored_campaign_is_judged_like_its_file(shipped: Policy) -> None:
    spec = campaign(purpose="debt", vendor=BETA | {"recall_rules": EXAMPLE_RECALLS}, window=EXAMPLE_HOURS)
    found = lint(spec, shipped)
    assert len(found) == 3
    assert lint(CampaignSpec.model_validate(spec.canonical()), shipped) == found
