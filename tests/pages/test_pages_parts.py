"""The parts of the pages by themselves: words, numbers, filters, cells."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from obzvon.dispositions import Disposition
from obzvon.ledger.states import IntentState
from obzvon_provider.pages import charts
from obzvon_provider.pages.csv_file import safe
from obzvon_provider.pages.filters import BadFilter, Campaign, Filters, chosen
from obzvon_provider.pages.page import as_json
from obzvon_provider.pages.shown import heading, shown, wilson
from obzvon_provider.pages.texts import LANGUAGES, language, words

PAGES = Path(str(files("obzvon_provider.pages")))
RU, EN = words("ru"), words("en")
LIST = (Campaign("a", "Альфа", "service"), Campaign("b", "Бета", "debt"))
DAY = date(2026, 11, 20)


def test_an_airflow_process_that_serves_no_page_does_not_import_the_application() -> None:
    code = (
        "import sys; from obzvon_provider.pages.plugin import ObzvonPlugin; assert ObzvonPlugin().fastapi_apps;"
        " print([name for name in sys.modules if name in ('fastapi', 'obzvon_provider.pages.app')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_word_is_there_in_both_languages() -> None:
    texts = yaml.safe_load((PAGES / "texts.yaml").read_text(encoding="utf-8"))
    lacking = [
        (group, key)
        for group, words_ in texts.items()
        for key, word in words_.items()
        if set(word) != set(LANGUAGES) or any(value is None for value in word.values())
    ]
    assert lacking == []


def test_templates_and_code_ask_for_no_word_that_is_missing() -> None:
    texts = yaml.safe_load((PAGES / "texts.yaml").read_text(encoding="utf-8"))["page"]
    sources = "".join(path.read_text(encoding="utf-8") for path in [*PAGES.glob("*.py"), *PAGES.glob("templates/*")])
    asked = set(re.findall(r"""\bt\(["'](\w+)["'][,)]""", sources)) | set(
        re.findall(r"""words\(["'](\w+)["'][,)]""", sources)
    )
    assert len(asked) > 60
    assert asked - set(texts) == {"ru", "en"} & asked


def test_every_disposition_and_stage_has_a_name() -> None:
    assert [code for code in Disposition if not EN.named("dispositions", code)] == []
    view = (files("obzvon.warehouse.marts") / "90_v_campaign_status.sql").read_text(encoding="utf-8")
    stages = re.findall(r"(?:then|else) '(\w+)'", view.partition("as stage")[0])
    assert len(set(stages)) == 15
    assert [stage for stage in stages if not RU.named("stages", stage)] == []


def test_the_view_of_stages_knows_every_state_of_an_intent() -> None:
    view = (files("obzvon.warehouse.marts") / "90_v_campaign_status.sql").read_text(encoding="utf-8")
    assert [state for state in IntentState if f"'{state}'" not in view] == []


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)]
)
def test_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=1e-4)
    assert wilson(hits, 0) is None


@pytest.mark.parametrize(
    ("column", "value", "russian", "english"),
    [
        ("contacts", 1234567, "1\u202f234\u202f567", "1,234,567"),
        ("goal_rate_list", Decimal("0.1234"), "12,3 %", "12.3%"),
        ("cost_rub", Decimal("12345.67"), "12\u202f346 ₽", "12,346 ₽"),
        ("cost_per_goal", Decimal("6.249"), "6,25 ₽", "6.25 ₽"),
        ("cost_rub", Decimal(0), "0 ₽", "0 ₽"),
        ("call_date", DAY, "20.11.2026", "2026-11-20"),
        ("date_key", 20261120, "20.11.2026", "2026-11-20"),
        ("checked_at", datetime(2026, 11, 20, 9, 5, tzinfo=UTC), "20.11.2026 09:05 UTC", "2026-11-20 09:05 UTC"),
        ("is_final", False, "нет", "no"),
        ("stage", "in_doubt", "ответ потерян", "in doubt"),
        ("stage", "a_new_stage", "a_new_stage", "a_new_stage"),
        ("explanation", None, "–", "–"),
    ],
)
def test_values_are_written_for_a_reader(column: str, value: object, russian: str, english: str) -> None:
    assert (shown(RU, column, value), shown(EN, column, value)) == (russian, english)


def test_a_column_that_nobody_named_has_the_name_of_its_comment() -> None:
    assert heading(RU, "new_column", "Новая цифра, шт.: a / b") == "Новая цифра"
    assert heading(EN, "new_column", "Новая цифра") == "New column"


@pytest.mark.parametrize(("value", "cell"), [(-5, "-5"), (Decimal("-1.5"), "-1.5"), ("=1", "'=1"), (" +1", "' +1"),
                                             ("а=1", "а=1"), (None, ""), (True, "1")])  # fmt: skip
def test_cells_of_a_csv(value: object, cell: str) -> None:
    assert safe(value) == cell


@pytest.mark.parametrize(
    ("asked", "accepted", "lang"),
    [("ru", "en", "ru"), ("xx", "ru", "ru"), (None, "", "en"), (None, "fr, ru;q=0.1", "ru"), (None, "ru;q=x", "en")],
)
def test_which_language(asked: str | None, accepted: str, lang: str) -> None:
    assert language(asked, accepted) == lang


def test_without_dates_a_month_up_to_the_newest_call_date_is_shown() -> None:
    found = chosen({}, LIST, DAY)
    assert (found.since, found.until) == (date(2026, 10, 22), DAY)
    assert chosen({"to": "2026-11-05"}, LIST, DAY).since == date(2026, 10, 7)
    assert chosen({}, (), None) == Filters()
    with pytest.raises(BadFilter, match="to is not a date"):
        chosen({"to": "5.11."}, LIST, DAY)


@pytest.mark.parametrize(
    ("columns", "conditions"),
    [
        ("campaign_id call_date", ["campaign_id = any(%(campaigns)s)", "call_date between %(since)s and %(until)s"]),
        ("purpose date_key", ["purpose = %(purpose)s", "date_key between %(since)s and %(until)s"]),
        ("rule", []),
    ],
)
def test_a_mart_is_filtered_by_the_columns_it_has(columns: str, conditions: list[str]) -> None:
    found, values = Filters(purpose="debt", since=DAY, until=DAY, campaigns=LIST).condition(columns.split())
    assert found == conditions
    assert values.get("campaigns", ["b"]) == ["b"]
    assert values.get("since") in {None, DAY, 20261120}


def test_json_cannot_end_its_script_element() -> None:
    assert "</script>" not in as_json({"name": "</script><script>alert(1)"})


def test_cells_of_few_dials_have_no_place_in_the_heat_map() -> None:
    cell = {"dow": 1, "local_hour": 9, "human_rate_low95": Decimal("0.5"), "is_enough": True}
    rare = cell | {"local_hour": 10, "is_enough": False}
    drawn = charts.heat(EN, [cell, rare])
    assert drawn["series"][0]["data"] == [[0, 0, 0.5]]
    assert drawn["xAxis"]["data"] == ["09:00", "10:00"]


def test_a_rate_of_few_dials_is_not_drawn() -> None:
    rows = [{"attempts": n, "rate": Decimal("0.5")} for n in (29, 30)]
    assert charts.with_rate(EN, ["09:00", "10:00"], rows, "rate", least=30)["series"][-1]["data"] == [None, 0.5]


def test_a_day_without_contacts_has_a_gap_and_no_interval() -> None:
    row = {"call_date": DAY, "contacts_goal": 0, "contacts_eligible": 0, "goal_rate_list": None}
    drawn = charts.goal_rate(EN, [row])
    assert [series["data"] for series in drawn["series"]] == [[[0, None, None]], [None]]
