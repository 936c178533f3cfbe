"""What the numbers of the pages are of: the marts' formulas, and what a reader has to know beside them."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from pages_asked import rows, text
from pages_month import LAST

from obzvon.warehouse.db import connect

Site = Callable[..., httpx.Client]
DAY = f"from={LAST}&to={LAST}"
NO_PRICE = "No price of calls was loaded from the vendor's reports: the cost is the marking fee alone."


def test_the_share_of_a_disposition_is_that_of_the_mart(site: Site, changed: Callable[[str], str]) -> None:
    """Of dials: rows that were never dialled have no share and are in nobody's."""
    dsn = changed("update mart.attempt_daily set disposition_code = 'CANCELLED' where disposition_code = 'BUSY'")
    found = rows(site(dsn), "dispositions", f"campaign=visit_survey&{DAY}")
    with connect(dsn) as conn:
        mart = conn.execute(
            "select disposition_code, share from mart.v_disposition_mix"
            " where campaign_id = 'visit_survey' and date_key = %s", (int(f"{LAST:%Y%m%d}"),)
        ).fetchall()  # fmt: skip
    shares = {row["disposition_code"]: row["share"] and float(row["share"]) for row in found}
    assert shares == {code: share and float(share) for code, share in mart}
    assert shares["CANCELLED"] is None
    assert 0.999 < sum(share or 0 for share in shares.values()) < 1.001
    over_days = rows(site(dsn), "dispositions")
    dialed = sum(row["calls"] for row in over_days if row["disposition_code"] != "CANCELLED")
    assert all(row["share"] is None or abs(float(row["share"]) - row["calls"] / dialed) < 1e-4 for row in over_days)


def test_where_reports_have_no_price_of_calls_the_page_says_so(site: Site, changed: Callable[[str], str]) -> None:
    dsn = changed(
        "update mart.attempt_daily set cost_rub = 0 where plan_id in"
        " (select plan_id from ops.campaign_plan where campaign_id = 'visit_survey')"
    )
    page = text(site(dsn), "campaigns/visit_survey")
    assert NO_PRICE in page.replace("&#39;", "'")
    assert "marking fee alone" in page.partition("Kill switch")[0]
    assert {float(row["calls_rub"]) for row in rows(site(dsn), "costs", "campaign=visit_survey")} == {0}
    assert "marking fee alone" not in text(site(dsn), "campaigns/clinic_visits")


def test_the_pages_say_what_a_number_leaves_out(site: Site, month_dsn: str) -> None:
    for lang, campaigns, campaign in (
        ("ru", ["первые обзвоны — без платы за разговоры", "контактов к обзвону", "всего обзвонов: 1 ", "Назначение"],
         ["Если пояс абонента точно не известен, час московский", "Вне выборки или ждут копии записи",
          "плата за них в прогноз не входит", "Доля — от наборов"]),
        ("en", ["first runs without talk", "runs in all: 1 ", "Purpose"],
         ["zone is not certain, the hour is Moscow", "Not sampled, or waiting for their recording",
          "the forecast is without talk", "Shares are of dials"]),
    ):  # fmt: skip
        client = site(month_dsn, lang=lang)
        said = text(client, f"?{DAY}&campaign=clinic_visits"), text(client, "campaigns/clinic_visits")
        assert [words for words in campaigns if words not in said[0]] == []
        assert [words for words in campaign if words not in said[1]] == []


def _tiles(client: httpx.Client) -> dict[str, tuple[str, str]]:
    """Value and tone of the tiles of data health."""
    found = re.findall(
        r'<li class="tile(?: (\w+))?">.*?class="name">([^<]*)<.*?class="value[^>]*>([^<]*)<',
        client.get("/obzvon/health").text,
        flags=re.DOTALL,
    )
    return {name: (value, tone) for tone, name, value in found}


def test_broken_contracts_and_open_drift_are_numbers_of_data_health(
    site: Site, month_dsn: str, changed: Callable[[str], str]
) -> None:
    clean = _tiles(site(month_dsn))
    assert clean["Broken contracts"] == ("–", "")  # nobody has checked the month
    assert clean["Open drift"] == ("0", "good")
    changed(
        "insert into ops.status_alert (intent_id, vendor_status_raw, cause, calls, first_seen_at)"
        " select intent_id, 'WONDERFUL', 'unknown', 7, now() from ops.campaign_intent"
        " where campaign_id = 'visit_survey'"
    )
    dsn = changed(
        "insert into ops.check_result (run_id, contract_hash, table_name, rule, kind, severity, says, checked,"
        " failed, examples, holds) select 'r1', repeat('0', 64), 'dwh.fact_call_attempt', 'rule_' || n, 'range',"
        " 'error', 'talk_sec is at most an hour', 200000, n, '{}', n = 0 from generate_series(0, 2) n"
    )
    found = _tiles(site(dsn))
    assert (found["Broken contracts"], found["Open drift"]) == (("2", "bad"), ("1", "bad"))


def test_a_login_that_is_not_valid_is_led_to_the_login(site: Site, month_dsn: str) -> None:
    client = site(month_dsn, role=None, lang="ru")
    answer = client.get("/obzvon/", headers={"authorization": "Bearer e30.e30.e30"})
    assert answer.status_code == 401
    assert "недействителен" in answer.text
    assert 'href="/auth/login?next=' in answer.text
    assert "роль" not in answer.text


def test_a_campaign_and_a_purpose_that_contradict_each_other_leave_nothing(site: Site, month_dsn: str) -> None:
    client = site(month_dsn)
    assert "Nothing matches the filters" in text(client, "best-time?campaign=visit_survey&purpose=debt")
    assert "Nothing matches the filters" in text(client, "best-time?purpose=nothing")
    assert "Nothing matches" not in text(client, "best-time?purpose=debt")
