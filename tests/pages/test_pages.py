"""The pages behind Airflow's login: who may read them, what they say, and that nothing can be written through them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from pages_asked import read_csv, rows, text
from pages_month import LAST
from pages_routes import SIGNED, addresses, routes, tokens
from psycopg import sql

from obzvon_provider.pages.reader import marts
from obzvon_provider.pages.sections import SECTIONS
from obzvon_provider.pages.texts import words

Site = Callable[..., httpx.Client]
PAGES = ("", "campaigns/clinic_visits", "best-time", "health", "marts", "marts/v_campaign_funnel")
ROOT = Path(__file__).resolve().parents[2]
DAY = f"from={LAST}&to={LAST}"


# who --------------------------------------------------------------------------------------------------------------


def test_these_are_all_routes_and_each_only_reads() -> None:
    pages = ("/", "/campaigns/{campaign_id}", "/best-time", "/health", "/marts", "/marts/{view}", "/data/{section}.csv",
             "/data/{section}.json")  # fmt: skip
    others = {"/static": set(), "/recordings/{path:path}": {"GET", "HEAD"}}
    assert routes() == {path: {"GET"} for path in pages} | others
    assert len(addresses()) == 6 + 2 * len(SECTIONS) + 1


@pytest.mark.parametrize("path", addresses())
def test_only_who_is_logged_in_and_may_read_dags_gets_an_answer(site: Site, month_dsn: str, path: str) -> None:
    client = site(month_dsn, role=None)
    for shown, (token, answer) in tokens().items():
        status = 403 if path.startswith(SIGNED) else answer
        headers = {"authorization": f"Bearer {token}"} if token else {}
        assert client.get(f"/obzvon/{path}", headers=headers).status_code == status, shown
        if status != 200:  # all other tests read by the cookie
            client.cookies.update({"_token": token} if token else {})
            assert client.get(f"/obzvon/{path}").status_code == status, shown
            client.cookies.clear()


def test_the_page_of_a_refusal_leads_to_the_login_and_shows_no_number(site: Site, month_dsn: str) -> None:
    answer = site(month_dsn, role=None, lang="ru").get("/obzvon/")
    assert "Нужен вход" in answer.text
    assert re.search(r'href="/auth/login\?next=[^"]+" target="_top"', answer.text)
    assert "clinic_visits" not in answer.text


METHODS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_there_is_nothing_to_write_to(site: Site, month_dsn: str, role: str) -> None:
    client = site(month_dsn, role=role)
    for path, method in itertools.product([*addresses(), "static/pages.css"], METHODS):
        assert client.request(method, f"/obzvon/{path}").status_code == 405, (method, path)


READ_ALL = "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace" \
    " where n.nspname in ('dwh', 'ops', 'pii') and c.relkind in ('r', 'p', 'v')"  # fmt: skip


def test_the_database_session_of_a_page_reads_marts_and_nothing_else(
    site: Site, month_dsn: str, warehouse: psycopg.Connection
) -> None:
    """Through the pages' own connection, though its user is the pipeline's, who may do all of it."""
    closed = warehouse.execute(READ_ALL).fetchall()
    assert {schema for schema, _ in closed} == {"dwh", "ops", "pii"}
    site(month_dsn)
    with marts() as opened:
        for schema, name in closed:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                opened.ask(sql.SQL("select from {}").format(sql.Identifier(schema, name)), {})
        for statement in ("delete from mart.attempt_daily", "create temporary table t (n int)"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                opened.ask(statement, {})  # type: ignore[arg-type]
        assert opened.ask("select current_user::text as who", {})[1] == [{"who": "obzvon_analyst"}]


def test_the_user_of_the_docs_cannot_become_another(site: Site, month_dsn: str, warehouse: psycopg.Connection) -> None:
    made = re.search(r"create user (\w+) .+;", (ROOT / "docs" / "pages.md").read_text(encoding="utf-8"))
    assert made
    warehouse.execute(made[0].encode())
    warehouse.commit()
    client = site(month_dsn.replace("//obzvon@", f"//{made[1]}@"))
    assert client.get("/obzvon/").status_code == 200
    with marts() as opened:
        opened.ask("select set_config('role', 'none', false)", {})
        for statement in (
            "select from pii.phone",
            "select from dwh.dim_contact",
            "select set_config('role', 'obzvon', false)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                opened.ask(statement, {})  # type: ignore[arg-type]
    warehouse.execute(sql.SQL("drop role {}").format(sql.Identifier(made[1])))
    warehouse.commit()


def test_where_nobody_made_the_role_the_session_is_read_only_all_the_same(
    site: Site, month_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obzvon_provider.pages.reader.ROLE", "a_role_that_is_not_there")
    site(month_dsn)
    with marts() as opened, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        opened.ask("delete from mart.attempt_daily", {})


def test_without_a_reading_connection_the_pipelines_own_is_taken(
    site: Site, month_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = site(month_dsn)
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE_READONLY")
    assert client.get("/obzvon/").status_code == 503
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", month_dsn)
    assert client.get("/obzvon/").status_code == 200


# what -------------------------------------------------------------------------------------------------------------


def test_campaigns_show_name_stage_progress_and_cost(site: Site, month_dsn: str) -> None:
    said = text(site(month_dsn), f"?{DAY}")
    for word in ("Напоминание о приёме", "calling", "awaits approval", "in doubt", "collecting", "50.0% done"):
        assert word in said
    assert "Calls allowed" in said
    by_campaign = {row["campaign_id"]: row for row in rows(site(month_dsn), "campaigns", DAY)}
    assert {name: row["stage"] for name, row in by_campaign.items()} == {
        "clinic_visits": "calling", "credit_reminder": "awaiting_approval", "autumn_offer": "in_doubt",
        "visit_survey": "collecting",
    }  # fmt: skip
    assert sorted(float(row["progress"]) for row in by_campaign.values()) == [0, 0.5, 0.5, 0.5]


def test_the_status_of_a_campaign_equals_a_count_of_its_facts(
    site: Site, month_dsn: str, warehouse: psycopg.Connection
) -> None:
    counted = warehouse.execute(
        "select f.campaign_key, count(*), sum(a.cost_rub + a.marking_fee_rub)"
        " from dwh.fact_call_attempt a join dwh.fact_campaign_contact f using (intent_id, contact_key)"
        " group by 1"
    ).fetchall()
    names = dict(warehouse.execute("select campaign_key, campaign_id from dwh.dim_campaign").fetchall())
    shown: dict[str, list[float]] = {name: [0, 0.0] for name in names.values()}
    for row in rows(site(month_dsn), "campaigns"):
        shown[row["campaign_id"]][0] += row["attempts"]
        shown[row["campaign_id"]][1] += float(row["cost_rub"])
    for key, attempts, cost in counted:
        assert shown[names[key]] == [attempts, pytest.approx(float(cost))]


def test_one_campaign_has_every_part_and_no_gap(site: Site, month_dsn: str) -> None:
    answer = site(month_dsn).get("/obzvon/campaigns/autumn_offer")
    parts = re.findall(r'data-section="(\w+)"', answer.text)
    assert parts == ["campaigns", "funnel", "exclusions", "hours", "dispositions", "funnel", "recalls", "costs",
                     "qolio", "ab", "qa", "archive"]  # fmt: skip
    assert "This warehouse has no" not in answer.text
    assert "Nothing matches" not in answer.text
    assert len(re.findall(r"data-chart=", answer.text)) == 9


def test_links_lead_to_the_run_the_plan_and_the_archive(site: Site, month_dsn: str) -> None:
    page = site(month_dsn).get(f"/obzvon/campaigns/visit_survey?{DAY}").text
    run = f"/dags/campaign__visit_survey/runs/scheduled__{LAST}T05%3A00%3A00%2B00%3A00"
    assert f'href="{run}" target="_top"' in page
    assert f'href="{run}/tasks/plan" target="_top"' in page
    assert f"visit_survey/{LAST}/0/calls-0001.zst" in page


def test_every_number_leads_to_its_mart(site: Site, month_dsn: str) -> None:
    client = site(month_dsn)
    for path in ("", "campaigns/clinic_visits", "best-time", "health"):
        page = client.get(f"/obzvon/{path}").text
        targets = set(re.findall(r'href="(/obzvon/marts/v_[^"]+)"', page))
        assert len(targets) > 5
        for target in targets:
            mart, _, column = target.partition("#")
            there = client.get(mart)
            assert there.status_code == 200
            assert not column or f'id="{column}"' in there.text, target
        tables = re.findall(r"<thead>.*?</thead>", page, flags=re.DOTALL)
        headings = [th for table in tables for th in re.findall(r"<th .*?</th>", table, flags=re.DOTALL)]
        assert [th for th in headings if "/marts/v_" not in th and "Look" not in th] == []


def test_the_best_hours_are_those_of_the_mart(site: Site, month_dsn: str, warehouse: psycopg.Connection) -> None:
    best = warehouse.execute(
        "select local_hour from mart.v_best_time where campaign_id = 'visit_survey' and is_enough"
        " order by human_rate_low95 desc limit 5"
    ).fetchall()
    said = text(site(month_dsn), "best-time?campaign=visit_survey")
    assert [int(hour) for hour in re.findall(r"(\d\d):00", said)[:5]] == [hour for (hour,) in best]


def test_data_health_shows_breaches_failed_checks_and_partial_runs(site: Site, month_dsn: str) -> None:
    client = site(month_dsn)
    said = text(client, "health")
    assert "Outside the window" in said
    assert {row["campaign_id"] for row in rows(client, "breaches")} == {"clinic_visits"}
    assert [row["check_name"] for row in rows(client, "audit") if not row["holds"]] == ["compliance"]
    partial = [row for row in rows(client, "completeness") if row["is_partial"]]
    assert [(row["campaign_id"], row["control_count"] - row["rows_loaded"]) for row in partial] == [
        ("autumn_offer", 24)
    ]


def test_data_health_shows_what_drifted_and_which_contract_is_broken(site: Site, changed: Callable[[str], str]) -> None:
    changed(
        "insert into ops.status_alert (intent_id, vendor_status_raw, cause, calls, first_seen_at)"
        " select intent_id, 'WONDERFUL', 'unknown', 7, now() from ops.campaign_intent"
        " where campaign_id = 'visit_survey'"
    )
    client = site(
        changed(
            "insert into ops.check_result (run_id, contract_hash, table_name, rule, kind, severity, says, checked,"
            " failed, examples, holds) values ('r1', repeat('0', 64), 'dwh.fact_call_attempt', 'talk_is_short',"
            " 'range', 'error', 'talk_sec is at most an hour', 200000, 3, '{twin:17}', false)"
        )
    )
    assert {(row["campaign_id"], row["name"]) for row in rows(client, "drift")} == {("visit_survey", "WONDERFUL")}
    said = text(client, "health")
    assert "WONDERFUL" in said
    assert "talk_sec is at most an hour" in said


@pytest.mark.parametrize(
    ("value", "said"),
    [("off", "Calls allowed"), ("on", "All calls stopped"), ("only autumn_offer", "Stopped: autumn_offer")],
)
def test_the_kill_switch_is_shown_as_it_stands(
    site: Site, month_dsn: str, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_KILL_SWITCH", value)
    page = text(site(month_dsn), f"?{DAY}")
    assert said in page
    assert page.count("stopped") == {"off": 0, "on": 5, "only autumn_offer": 1}[value]


# filters ----------------------------------------------------------------------------------------------------------


def test_filters_leave_what_they_name(site: Site, month_dsn: str) -> None:
    client = site(month_dsn)
    assert {row["campaign_id"] for row in rows(client, "campaigns", "campaign=visit_survey")} == {"visit_survey"}
    assert {row["campaign_id"] for row in rows(client, "campaigns", "purpose=debt")} == {"credit_reminder"}
    assert {row["call_date"] for row in rows(client, "campaigns", DAY)} == {str(LAST)}
    assert {row["campaign_id"] for row in rows(client, "completeness", "purpose=debt")} == {"credit_reminder"}
    one_day = sum(row["should_send"] for row in rows(client, "qolio", "from=2026-11-10&to=2026-11-10"))
    assert 0 < one_day < sum(row["should_send"] for row in rows(client, "qolio")) / 25
    assert text(client, "?purpose=debt").count("Осеннее предложение") == 1  # only in the list to choose from


def test_a_table_that_dates_do_not_filter_says_so(site: Site, month_dsn: str) -> None:
    client = site(month_dsn)
    whole = {name for name in SECTIONS if client.get(f"/obzvon/data/{name}.json").json()["all_dates"]}
    assert whole == {"best", "recalls", "ab", "drift", "checks"}
    for path in ("campaigns/autumn_offer", "best-time", "health"):
        for card in client.get(f"/obzvon/{path}?{DAY}").text.split('data-section="')[1:]:
            assert ("all dates</span></h2>" in card) == (card.partition('"')[0] in whole)
    for name in whole:
        assert rows(client, name, DAY) == rows(client, name, "from=2026-11-02&to=2026-11-02")


BAD = {
    "from=yesterday": "from — не дата", "to=2026-13-01": "to — не дата", "to=0001-01-05": "to — не дата",
    "from=2026-11-20&to=2026-11-01": "даты кончаются раньше, чем начинаются", "campaign=%00": "в campaign есть знак",
    "purpose=debt%00": "в purpose есть знак",
}  # fmt: skip


@pytest.mark.parametrize("query", BAD)
def test_a_filter_that_is_not_understood_is_named(site: Site, month_dsn: str, query: str) -> None:
    for path in ("", "best-time", "campaigns/clinic_visits", "data/campaigns.csv"):
        asked = query if not path.startswith("campaigns/") else query.replace("campaign=", "purpose=")
        assert site(month_dsn).get(f"/obzvon/{path}?{asked}").status_code == 400
    page = site(month_dsn, lang="ru").get(f"/obzvon/?{query}").text
    assert BAD[query] in page
    assert 'href="/obzvon/">← Все кампании' in page


@pytest.mark.parametrize("path", ["campaigns/nobody", "marts/v_nothing", "data/nothing.csv", "nowhere"])
def test_what_is_not_there_is_404_and_a_page_of_it_has_a_way_out(site: Site, month_dsn: str, path: str) -> None:
    answer = site(month_dsn).get(f"/obzvon/{path}")
    assert answer.status_code == 404
    assert ('href="/obzvon/">← All campaigns' in answer.text) == (not path.startswith("data/"))


# csv --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", SECTIONS)
def test_the_csv_of_every_table_has_the_rows_of_the_table(site: Site, month_dsn: str, section: str) -> None:
    client = site(month_dsn)
    found, as_json = read_csv(client, section), rows(client, section)
    assert len(found) == len(as_json)
    columns = client.get(f"/obzvon/data/{section}.json").json()["columns"]
    assert [name for name in columns if not words("en").named("columns", name)] == []
    if section not in {"drift", "checks"}:
        assert found
    for line, row in zip(found, as_json, strict=True):
        assert list(line) == list(row)


def test_a_russian_spreadsheet_gets_its_own_commas(site: Site, month_dsn: str) -> None:
    (row, *_) = read_csv(site(month_dsn, lang="ru"), "days", delimiter=";")
    assert re.fullmatch(r"0,\d{4}", row["human_answer_rate"])


def test_no_cell_of_a_csv_is_a_formula(site: Site, changed: Callable[[str], str]) -> None:
    for name in ("=cmd|' /C calc'!A0", "+7", "-2+3", "@SUM(A1)", "\t=1", " =1", "%0A"):
        quoted = name.replace("'", "''")
        dsn = changed(f"update ops.campaign_plan set spec = jsonb_build_object('title', E'{quoted}')")
        assert {row["campaign_name"] for row in read_csv(site(dsn), "campaigns")} == {f"'{name}"}


def test_a_name_is_text_and_never_markup(site: Site, changed: Callable[[str], str]) -> None:
    name = "<script>alert(1)</script><b>"
    dsn = changed(f"update ops.campaign_plan set spec = jsonb_build_object('title', '{name}')")
    for path in ("", "campaigns/autumn_offer", "best-time"):
        page = site(dsn).get(f"/obzvon/{path}").text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


# words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "title"),
    [
        ("ru", "Кампании"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "Кампании"),
        ("en;q=0.3,ru;q=0.2", "Campaigns"),
        ("de", "Campaigns"),
    ],
)
def test_the_browser_decides_about_the_language(site: Site, month_dsn: str, accepted: str, title: str) -> None:
    assert f"<h1>{title}</h1>" in site(month_dsn, lang=accepted).get("/obzvon/").text


def test_a_language_that_was_chosen_stays(site: Site, month_dsn: str) -> None:
    client = site(month_dsn, lang="ru")
    assert "<h1>Campaigns</h1>" in client.get("/obzvon/?lang=en").text
    assert "<h1>Data health</h1>" in client.get("/obzvon/health").text


# nothing there ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "campaigns/any", "best-time", "health"])
def test_an_empty_warehouse_explains_itself(site: Site, warehouse_dsn: str, path: str) -> None:
    said = text(site(warehouse_dsn), path)
    assert "The warehouse has no plan yet" in said
    assert "campaign__" in said


def test_an_older_warehouse_loses_a_part_and_not_the_page(site: Site, changed: Callable[[str], str]) -> None:
    for view in ("v_ab_test", "v_drift", "v_freshness", "v_attempt_by_hour", "v_campaign_funnel", "v_campaign_status"):
        client = site(changed(f"drop view mart.{view} cascade"))
        pages = [client.get(f"/obzvon/{path}") for path in ("", "campaigns/autumn_offer", "best-time", "health")]
        assert [page.status_code for page in pages] == [200] * 4
        assert any(f"This warehouse has no mart.{view}" in page.text for page in pages)


def test_a_warehouse_before_the_marts_explains_itself(site: Site, changed: Callable[[str], str]) -> None:
    client = site(changed("drop schema mart cascade"))
    assert client.get("/obzvon/").status_code == 200
    assert client.get("/obzvon/data/campaigns.csv").status_code == 404


def test_a_warehouse_that_is_away_is_said_without_its_address(site: Site, tmp_path: Path) -> None:
    answer = site(f"postgresql://someone:open-sesame@/nowhere?host={tmp_path}").get("/obzvon/")
    assert answer.status_code == 503
    assert "warehouse_readonly" in answer.text
    assert "open-sesame" not in answer.text
    assert str(tmp_path) not in answer.text


def test_pages_are_not_kept_and_load_nothing_from_elsewhere(site: Site, month_dsn: str) -> None:
    client = site(month_dsn)
    for path in PAGES:
        answer = client.get(f"/obzvon/{path}")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'self';")
        assert re.findall(r'(?:src|href)="(?:https?:)?//', answer.text) == []
