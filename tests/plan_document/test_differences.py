"""What changed since the last plan, and a list that looks like the wrong one stops before anybody is called."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from approving import DAY, campaign, no_phone, person, planned, rules

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ListError
from obzvon.stages.planning.differences import ReasonChange, differences, list_changed_at, stop_if_changed

BEFORE, EARLIER = date(2031, 5, 16), date(2031, 5, 15)
NOW = datetime(2031, 5, 19, 12, tzinfo=UTC)


def contacts(**changes: Any) -> CampaignSpec:
    """The campaign with the limits of a file that names none."""
    spec, changes = campaign(), {"max_change_share": 0.5, **changes}
    return spec.model_copy(update={"contacts": spec.contacts.model_copy(update=changes)})


def test_a_first_plan_has_nothing_to_compare_with(conn: psycopg.Connection) -> None:
    planned(conn, 3, spec=campaign(name="another"), day=BEFORE)
    planned(conn, 3, day=date(2031, 5, 21))  # of a later date
    assert differences(conn, planned(conn, 3).plan_id) is None


def test_numbers_and_reasons_are_those_of_the_newest_earlier_date(conn: psycopg.Connection) -> None:
    spec = contacts(max_reject_share=1.0, max_change_share=None)
    planned(conn, 1, spec=spec, day=EARLIER)
    planned(conn, [*map(person, (1, 2, 3)), no_phone(4, "foreign"), no_phone(5, "empty")], spec=spec, day=BEFORE)
    now = [*map(person, (1, 2, 3, 4)), no_phone(5, "foreign"), no_phone(6, "foreign"), no_phone(7, "empty")]
    found = differences(conn, planned(conn, now, spec=spec).plan_id)
    assert found is not None
    assert (found.call_date, found.total, found.to_call, found.worst_case) == (BEFORE, (5, 7), (3, 4), (6, 8))
    assert found.reasons == (ReasonChange("EXCL_INVALID", "foreign", 1, 2),)
    assert found.settings == ()
    assert found.forecasts is not None
    assert [forecast.cost_rub.high for forecast in found.forecasts] == [Decimal("9.00"), Decimal("12.00")]


def test_settings_that_changed_are_named_by_their_keys(conn: psycopg.Connection) -> None:
    planned(conn, 3, day=BEFORE)
    spec = campaign(title="Другой", canary={"contacts": 1}, limits={"chunk_size": 2})
    found = differences(conn, planned(conn, 3, spec=spec, policy=rules(marking_fee_rub=Decimal(1))).plan_id)
    assert found is not None
    assert set(found.settings) == {
        "canary", "limits.chunk_size", "limits.marking_fee_rub", "policy.marking_fee_rub", "title",
    }  # fmt: skip


def stopped(conn: psycopg.Connection, total: int, spec: CampaignSpec, *, changed_at: datetime | None = None) -> str:
    with pytest.raises(ListError) as error:
        stop_if_changed(conn, spec, DAY, total, changed_at=changed_at, now=NOW)
    return str(error.value)


def test_a_list_of_another_size_stops_with_both_numbers(conn: psycopg.Connection) -> None:
    planned(conn, 10, day=BEFORE)
    assert stopped(conn, 16, contacts()) == (
        "campaign test_campaign: the list has 16 contacts, the last plan (2031-05-16) had 10: 60.00% more, more than "
        "contacts.max_change_share allows (50.00%): check that it is the right list, or raise the key in the campaign "
        "file; nobody was called"
    )
    assert "10: 60.00% fewer, more than" in stopped(conn, 4, contacts())


@pytest.mark.parametrize(("total", "share"), [(15, 0.5), (5, 0.5), (1000, None), (10, 0.01)])
def test_within_the_share_nothing_stops(conn: psycopg.Connection, total: int, share: float | None) -> None:
    planned(conn, 10, day=BEFORE)
    stop_if_changed(conn, contacts(max_change_share=share), DAY, total, changed_at=None, now=NOW)
    assert differences(conn, planned(conn, 10).plan_id) is not None


def test_an_old_list_stops_with_its_age(conn: psycopg.Connection) -> None:
    written = NOW - timedelta(hours=25)
    assert stopped(conn, 10, contacts(max_age_hours=24), changed_at=written) == (
        "campaign test_campaign: the list was written 25.0 hours ago (2031-05-18 11:00 UTC), more than "
        "contacts.max_age_hours allows (24): export it again, or raise the key in the campaign file; nobody was called"
    )
    for fresh in (NOW - timedelta(hours=24), None):
        stop_if_changed(conn, contacts(max_age_hours=24), DAY, 10, changed_at=fresh, now=NOW)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_a_file_says_when_it_was_written(tmp_path: Path, kind: str) -> None:
    spec = contacts(source=campaign(contacts={**_contacts(), "source": {"type": kind, "path": "a.x"}}).contacts.source)
    assert list_changed_at(spec, tmp_path) is None
    (tmp_path / "a.x").write_bytes(b"")
    os.utime(tmp_path / "a.x", (NOW.timestamp(), NOW.timestamp()))
    assert list_changed_at(spec, tmp_path) == NOW


@pytest.mark.parametrize(
    "source",
    [{"type": "sql", "conn_id": "crm", "query": "select 1"}, {"type": "http", "conn_id": "crm", "path": "/people"}],
)
def test_a_query_and_an_endpoint_say_nothing(tmp_path: Path, source: dict[str, str]) -> None:
    assert list_changed_at(campaign(contacts={**_contacts(), "source": source}), tmp_path) is None


def _contacts() -> dict[str, Any]:
    return {"columns": {"phone": "Телефон"}}
