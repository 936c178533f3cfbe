"""The document says everything that a yes or no rests on, on one screen, without a phone or a name."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from approving import DAY, called, campaign, no_phone, person, planned, rules
from rich.console import Console

from obzvon.dispositions import Disposition
from obzvon.errors import LedgerError
from obzvon.policy.model import Cap
from obzvon.stages.planning.document import PlanDocument, read_document
from obzvon.stages.planning.document_text import WORDS, ZONES, headline, markdown, print_document

BEFORE = date(2031, 5, 16)
PEOPLE = [
    *map(person, range(1, 6)),
    person(6, tz_offsets=[600]),
    person(7, tz_offsets=[120, 180, 240, 300]),
    no_phone(8, "foreign"),
    no_phone(9, "two_phones"),
    no_phone(10, "foreign"),
]


@pytest.fixture
def document(conn: psycopg.Connection) -> PlanDocument:
    ours = campaign(canary={"contacts": 2}, contacts=_loose())
    called(conn, planned(conn, 8, spec=ours, day=BEFORE), BEFORE, dials=1, talk=30)
    changed = campaign(canary={"contacts": 2}, contacts=_loose(), limits={"chunk_size": 2})
    return read_document(conn, planned(conn, PEOPLE, spec=changed).plan_id)


def _loose() -> dict[str, object]:
    return {**campaign().contacts.model_dump(mode="json"), "max_reject_share": 1.0}


def test_it_holds_what_the_plan_holds(document: PlanDocument) -> None:
    assert (document.summary.contacts_to_call, document.summary.contacts_total) == (7, 10)
    assert sum(part.contacts for part in document.zones) + (document.canary.contacts if document.canary else 0) == 7
    assert document.canary is not None
    assert document.canary.contacts == 1
    assert document.last is not None
    assert document.last.call_date == BEFORE
    assert document.head.policy_version == rules().version
    assert document.hash == document.summary.plan_hash[:12]


def test_the_markdown_says_it_all(document: PlanDocument) -> None:
    text = markdown(document)
    for said in (
        "| To call | 7 of 10 contacts, 5 vendor campaigns of up to 2 |",
        "| Dials | 14 at most, 7 expected |",
        "| Cost | 31.50–63.00 ₽, 31.50 ₽ expected |",
        "| Hours | 10:00–20:00 local time of each; 20.05 03:00–20:00 Moscow (20.05 00:00–17:00 UTC) |",
        "* forecast: 8 past dials on 1 call date of this campaign: 0.50 min of talk a dial (0.50 to 0.50)",
        "| EXCL_INVALID | no phone to call, or a variable that does not fit | foreign 2, two_phones 1 | 3 |",
        "* policy version 2026-11-20",
        "**Since the plan of 2031-05-16**",
        "* contacts 8 → 10, to call 8 → 7, dials at most 16 → 14",
        "* not called: EXCL_INVALID/foreign 0 → 2, EXCL_INVALID/two_phones 0 → 1",
        "* settings that differ: limits.chunk_size",
        f"* plan {document.hash}, made 2031-05-19 15:00 Moscow (12:00 UTC)",
    ):
        assert said in text
    assert re.search(r"\| \+03:00 \| 10:00–20:00 \| 20\.05 10:00–20:00 \| 20\.05 07:00–17:00 \| \d \| \d \|", text)
    assert "| First alone | 1 contacts, 20.05 03:00–04:00 Moscow (20.05 00:00–01:00 UTC) |" in text


def test_what_a_person_decides_on_comes_first(document: PlanDocument) -> None:
    """The facts are five lines, then what changed and the warnings; tables and details follow."""
    lines = markdown(replace(document, warnings=("canary: too small",))).splitlines()
    starts = ("| **test_campaign**", "**Since the plan", "**Warnings**", "**Not called**", "**Zones**", "**How it was")
    places = [next(n for n, line in enumerate(lines) if line.startswith(start)) for start in starts]
    assert places == sorted(places)
    assert places[1] <= 6
    facts = "\n".join(lines[: places[1]])
    assert [name for name in ("Calls", "To call", "Hours", "Cost", "Finish") if f"| {name} |" not in facts] == []


def test_every_exclusion_has_plain_words() -> None:
    assert set(WORDS) == {code for code in Disposition if code.startswith("EXCL_")}


def test_a_window_over_midnight_names_both_dates(conn: psycopg.Connection) -> None:
    """Kamchatka's morning is the day before in UTC."""
    text = markdown(read_document(conn, planned(conn, [person(1, tz_offsets=[720])]).plan_id))
    assert "| 20.05 01:00–11:00 | 19.05 22:00–20.05 08:00 |" in text


def test_campaigns_that_have_the_people_that_day_are_named(conn: psycopg.Connection) -> None:
    policy = rules(one_campaign_a_day=True)
    one, two = ("a" * 64, "b" * 64)
    first = [person(1), person(2), person(3, person_key=one)]
    planned(conn, first, spec=campaign(name="first_campaign"), policy=policy)
    planned(conn, [person(4, person_key=two)], spec=campaign(name="second_campaign"), policy=policy)
    planned(conn, [person(6)], spec=campaign(name="earlier_campaign"), policy=policy, day=BEFORE)
    people = [person(1), person(2), person(4), person(5), person(6), person(7, person_key=one)]
    loose = campaign(contacts=_loose())
    text = markdown(read_document(conn, planned(conn, people, spec=loose, policy=policy).plan_id))
    said = "other_campaign_phone 3 (first_campaign 2, second_campaign 1), other_campaign_person 1 (first_campaign 1)"
    assert f"| EXCL_DUPLICATE | twice in the list, or with another campaign | {said} | 4 |" in text


def test_both_renderings_say_the_same(document: PlanDocument) -> None:
    out = io.StringIO()
    print_document(Console(file=out, width=200, highlight=False), document)
    printed = re.sub(r"\s+", " ", out.getvalue())
    cells = [cell.strip(" *") for line in markdown(document).splitlines() for cell in line.strip("|* ").split("|")]
    told = [cell for cell in cells if cell and not set(cell) <= set("-:")]
    assert len(told) > 40
    assert [cell for cell in told if re.sub(r"\s+", " ", cell) not in printed] == []


def test_the_headline_is_one_line_with_the_numbers_and_the_hash(document: PlanDocument) -> None:
    assert headline(document) == (
        f"Call 7 contacts by Dialog on 20.05.2031? test_campaign: 14 dials at most, 31.50–63.00 ₽, plan {document.hash}"
    )


def test_it_has_no_phone_no_name_and_no_id_of_a_person(document: PlanDocument) -> None:
    text = headline(document) + markdown(document)
    assert not re.search(r"\+?79\d{9}|Person|\bc\d\b", text)


def test_many_zones_stay_on_one_screen(conn: psycopg.Connection) -> None:
    offsets = [sorted({120 + 60 * (n % 6), 180 + 60 * (n % 5)}) for n in range(30)]
    people = [person(n + 1, tz_offsets=zone) for n, zone in enumerate(offsets)]
    text = markdown(read_document(conn, planned(conn, people).plan_id))
    zones = {tuple(zone) for zone in offsets}
    assert len(zones) > ZONES
    assert f"| {len(zones) - ZONES} more |" in text
    assert len(text.splitlines()) < 50


def test_a_plan_without_history_says_that_the_talk_is_unknown(conn: psycopg.Connection) -> None:
    text = markdown(read_document(conn, planned(conn, 4).plan_id))
    assert "without talk, whose length nobody knows yet" in text
    assert "* forecast: no past calls of this campaign, nor of this vendor and purpose" in text
    assert "| Finish | 2031-05-20 20:00 Moscow (17:00 UTC) at the latest |" in text
    assert "Since the plan" not in text


def test_a_plan_without_a_forecast_is_shown_without_one(conn: psycopg.Connection) -> None:
    plan = planned(conn, 4).plan_id
    conn.execute("update ops.campaign_plan set forecast = null, policy_hash = null")
    found = read_document(conn, plan)
    assert found.forecast is None
    assert "* policy version not stored" in markdown(found)


def test_the_lint_of_campaign_and_policy_is_in_it(conn: psycopg.Connection) -> None:
    """A cap that counts persons, and a list without an id of the person: a warning of the lint."""
    shipped = rules()
    cap = Cap(day=2, week=9, month=20, scope=("phone", "person"))
    policy = shipped.model_copy(
        update={
            "purposes": {name: purpose.model_copy(update={"cap": cap}) for name, purpose in shipped.purposes.items()}
        }
    )
    found = read_document(conn, planned(conn, 4, policy=policy).plan_id)
    assert any(warning.startswith("contacts.columns.contact_id: ") for warning in found.warnings)
    assert f"* {found.warnings[0]}" in markdown(found)


def test_no_plan_is_an_error(conn: psycopg.Connection) -> None:
    with pytest.raises(LedgerError, match="is not in the ledger"):
        read_document(conn, "0" * 64)


def test_money_and_counts_are_grouped(conn: psycopg.Connection) -> None:
    plan = planned(conn, 4, policy=rules(marking_fee_rub=Decimal(1000))).plan_id
    conn.execute("update ops.campaign_plan set contacts_total = 1234567")
    text = markdown(read_document(conn, plan))
    assert "4 of 1 234 567 contacts" in text
    assert "4 004.00–8 008.00 ₽" in text
    assert str(DAY) in text
