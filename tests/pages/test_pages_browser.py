"""The pages in a real headless Chromium, served by a real Airflow web server, on 200,000 dials."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pages_month import LAST
from pages_work import Load, Workers, is_fast, loads
from playwright.sync_api import Browser, BrowserContext, Page, expect

from obzvon.local.postgres import Postgres

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
PAGES = ("", "campaigns/autumn_offer", "best-time", "health", "marts", "marts/v_campaign_funnel")
#: Airflow's own frame says so of every external view.
KNOWN = "An iframe which has both allow-scripts and allow-same-origin"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class Visit:
    """A tab of a user who is logged in, and what it saw: console messages and requests."""

    def __init__(self, page: Page, server: str) -> None:
        self.page, self.server = page, server
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))

    def go(self, path: str) -> Page:
        """Open a page of ours and wait until its charts are drawn."""
        answer = self.page.goto(f"{self.server}/obzvon/{path}")
        assert answer is not None
        assert answer.status == 200
        if self.page.locator("script[data-chart]").count():
            self.page.wait_for_selector("html[data-drawn]")
        return self.page

    @property
    def complaints(self) -> list[str]:
        return [line for line in self.said if KNOWN not in line]

    @property
    def strangers(self) -> list[str]:
        return [url for url in self.asked if not url.startswith((self.server, "data:", "blob:"))]


@pytest.fixture
def visit(browser: Browser, server: str, login: str) -> Iterator[Callable[..., Visit]]:
    """Opens tabs: `size`, `lang`, `scheme` (light or dark)."""
    contexts: list[BrowserContext] = []

    def tab(size: dict[str, int] = DESKTOP, lang: str = "en-US", scheme: Any = "light") -> Visit:
        context = browser.new_context(viewport=size, locale=lang, color_scheme=scheme)  # type: ignore[arg-type]
        context.add_cookies([{"name": "_token", "value": login, "url": server}])
        contexts.append(context)
        return Visit(context.new_page(), server)

    yield tab
    for context in contexts:
        context.close()


Tab = Callable[..., Visit]


@pytest.fixture(scope="module")
def workers(server: str, postgres: Postgres) -> Workers:
    return Workers.of(int(server.rpartition(":")[2]), postgres.data)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_takes_less_than_a_second(visit: Tab, workers: Workers, path: str) -> None:
    tab = visit()
    found = loads(tab.page, f"{tab.server}/obzvon/{path}", workers)
    assert is_fast(found), found


def test_a_page_that_waits_or_works_is_seen_to(visit: Tab, workers: Workers) -> None:
    """A page that waits has it on its clock, one that computes in its work, as much of it as neighbours let it have."""
    waits, works = visit(), visit()
    waits.page.route("**/obzvon/marts", lambda route: (time.sleep(1.5), route.continue_()))
    (late,) = loads(waits.page, f"{waits.server}/obzvon/marts", workers, least=1, most=1)
    assert late.work < 1000 < 1500 <= late.clock
    works.page.add_init_script("for (const end = performance.now() + 1500; performance.now() < end; );")
    (busy,) = loads(works.page, f"{works.server}/obzvon/marts", workers, least=1, most=1)
    assert busy.clock >= 1500
    assert busy.work > late.work + 150


@pytest.mark.parametrize(
    ("load", "fast"),
    [
        (Load(clock=700, work=300), True),
        (Load(clock=1900, work=450, stretch=3.5), True),  # 1,125 of it were the neighbours'
        (Load(clock=1500, work=300), False),  # waits
        (Load(clock=500, work=1500), False),  # works beside its clock: the database's other processes
        (Load(clock=1600, work=1500), False),
        (Load(clock=2100, work=300, stretch=2.0), False),  # busy neighbours, and it waits too
    ],
)
def test_a_page_is_fast_where_it_neither_waits_nor_works_a_second(load: Load, fast: bool) -> None:
    assert is_fast([load]) is fast


def test_the_work_of_the_database_is_counted(workers: Workers, month_dsn: str) -> None:
    before = workers.seconds()
    with psycopg.connect(month_dsn) as conn:
        conn.execute("set jit = off; select count(sqrt(n)) from generate_series(1, 2000000) n")
    assert workers.seconds() - before > 0.1


@pytest.mark.parametrize(("lang", "scheme"), [("ru-RU", "light"), ("en-US", "dark")])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_complained_of_nothing_leaves_the_host_and_every_chart_is_drawn(
    visit: Tab, path: str, lang: str, scheme: str
) -> None:
    tab = visit(lang=lang, scheme=scheme)
    page = tab.go(path)
    wanted = page.locator("script[data-chart]").count()
    assert wanted == {"": 1, "campaigns/autumn_offer": 9, "best-time": 1}.get(path, 0)
    expect(page.locator(".chart svg")).to_have_count(wanted)
    for chart in page.locator(".chart").all():
        assert chart.locator("svg path").count() > 3
    assert tab.complaints == []
    assert tab.strangers == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_the_screen(visit: Tab, path: str, size: dict[str, int]) -> None:
    page = visit(size=size, lang="ru-RU").go(path)  # the longer words
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    outside = page.evaluate(
        "[...document.querySelectorAll('h1, h2, .tile, .card, .filters > *, nav a')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 90))"
    )
    assert outside == []


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")],
    ids=["desktop-light", "desktop-dark", "phone-light"],
)
@pytest.mark.parametrize("path", PAGES)
def test_axe_has_no_serious_finding(visit: Tab, path: str, scheme: str, size: dict[str, int]) -> None:
    page = visit(size=size, scheme=scheme).go(path)
    for table in page.locator("details").all():
        table.evaluate("(e) => { e.open = true; }")
    page.evaluate(AXE + "; 0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"]
    serious = [
        (one["id"], one["impact"], [node["target"] for node in one["nodes"]][:3], one["nodes"][0]["failureSummary"])
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def shown(page: Page) -> set[str]:
    return set(page.locator('[data-section="campaigns"] tbody th a').all_inner_texts())


def test_filters_work(visit: Tab) -> None:
    tab = visit(lang="ru-RU")
    page = tab.go("")
    assert len(shown(page)) == 4
    page.locator("select[name=purpose]").select_option("debt")
    page.wait_for_url("**purpose=debt**")
    assert shown(page) == {"Напоминание о платеже"}
    page.get_by_role("link", name="Сбросить").click()
    page.locator("select[name=campaign]").select_option("visit_survey")
    page.wait_for_url("**campaign=visit_survey**")
    assert shown(page) == {"Опрос после визита"}
    page.locator("input[name=from]").fill("2026-11-03")
    page.locator("input[name=to]").fill("2026-11-04")
    page.get_by_role("button", name="Показать").click()
    page.wait_for_url("**from=2026-11-03**")
    assert page.locator('[data-section="campaigns"] td.day').all_inner_texts() == ["04.11.2026", "03.11.2026"]
    page.get_by_role("link", name="Опрос после визита").first.click()
    page.wait_for_url("**/campaigns/visit_survey?**from=2026-11-03**")
    assert page.locator('[data-section="campaigns"] td.day').count() == 2
    assert tab.complaints == []


def test_the_theme_is_the_browsers_until_one_is_chosen(visit: Tab) -> None:
    page = visit(scheme="dark").go("")
    paint = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paint)
    button = page.locator("#theme")
    assert button.inner_text() == "Theme: auto"
    button.click()
    assert button.inner_text() == "Theme: light"
    light = page.evaluate(paint)
    assert light != dark
    page.reload()
    assert page.evaluate(paint) == light
    button.click()
    assert page.evaluate(paint) == dark


def test_the_language_switch_keeps_the_page_and_its_filters(visit: Tab) -> None:
    page = visit(lang="ru-RU").go("health?purpose=service")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Data health")
    assert page.get_by_label("Purpose").input_value() == "service"


def test_a_table_is_downloaded(visit: Tab) -> None:
    page = visit().go(f"?from={LAST}&to={LAST}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the table “Runs of campaigns” as CSV").click()
    assert download.value.suggested_filename == "obzvon-campaigns.csv"
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 5


def test_without_scripts_every_number_is_there(browser: Browser, server: str, login: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "_token", "value": login, "url": server}])
    page = context.new_page()
    page.goto(f"{server}/obzvon/campaigns/autumn_offer")
    assert page.locator("table").count() == 12
    context.close()


def test_it_stands_in_the_menu_of_the_ui_and_its_links_lead_out_of_the_frame(visit: Tab) -> None:
    tab = visit(size={"width": 1440, "height": 900})
    tab.page.goto(tab.server)
    tab.page.get_by_role("link", name="Obzvon").first.click()
    inside = tab.page.frame_locator("iframe")
    expect(inside.get_by_role("heading", level=1)).to_have_text("Campaigns", timeout=20_000)
    assert "allow-top-navigation" not in str(tab.page.locator("iframe").get_attribute("sandbox"))
    inside.get_by_role("link", name="Archive").first.click()
    expect(inside.locator("#archive")).to_be_in_viewport()
    for name, leads_to in (("Plan", "tasks/plan"), ("DAG run", "05%3A00%3A00%2B00%3A00")):
        link = inside.get_by_role("link", name=name, exact=True).first
        href = str(link.get_attribute("href"))
        assert href.endswith(leads_to)
        link.click()
        tab.page.wait_for_url(f"{tab.server}{href}")
        tab.page.go_back()
        expect(inside.get_by_role("heading", level=1)).to_be_visible(timeout=20_000)
    assert tab.strangers == []


def test_another_purpose_of_the_best_time_means_another_campaign(visit: Tab) -> None:
    page = visit().go("best-time?campaign=visit_survey")
    page.locator("select[name=purpose]").select_option("debt")
    page.wait_for_url("**/best-time?purpose=debt")
    expect(page.get_by_role("heading", level=1)).to_have_text("Best time to call: Напоминание о платеже")


PICTURES = (
    ("pages-campaigns", "", DESKTOP, "ru-RU", "light"),
    ("pages-campaign", "campaigns/autumn_offer", DESKTOP, "en-US", "dark"),
    ("pages-best-time", "best-time?campaign=visit_survey", DESKTOP, "ru-RU", "light"),
    ("pages-health", "health", DESKTOP, "ru-RU", "light"),
    ("pages-phone", "campaigns/clinic_visits", PHONE, "ru-RU", "light"),
)


@pytest.mark.parametrize(("name", "path", "size", "lang", "scheme"), PICTURES, ids=[one[0] for one in PICTURES])
def test_pictures_can_be_taken(
    visit: Tab, tmp_path: Path, name: str, path: str, size: dict[str, int], lang: str, scheme: str
) -> None:
    """With OBZVON_PICTURES=docs/pictures they are those of the documentation."""
    page = visit(size=size, lang=lang, scheme=scheme).go(path)
    page.wait_for_function("document.getAnimations().length === 0")
    target = Path(os.environ.get("OBZVON_PICTURES") or tmp_path) / f"{name}.png"
    page.screenshot(path=target, clip={"x": 0, "y": 0, "width": size["width"], "height": 1500}, full_page=True)
    assert target.stat().st_size > 20_000
