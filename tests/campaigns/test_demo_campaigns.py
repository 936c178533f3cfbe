"""The two campaigns that ship: their files, their lists, and what becomes of every row."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from obzvon.campaigns.catalogue import Catalogue
from obzvon.campaigns.spec import CampaignSpec, Purpose
from obzvon.contacts.prepare import prepared
from obzvon.contacts.sources.connections import Endpoint
from obzvon.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
CAMPAIGNS = ROOT / "include" / "campaigns"
DEMOS = ("demo_dialog", "demo_twin")
ROWS = 299

#: The lists are spoilt in the same way; every row that is not called by itself has one of these reasons.
REASONS = {
    "abkhazia": 2,
    "bad_variable": 2,
    "empty": 3,
    "excel_apostrophe": 1,
    "excel_exponent": 2,
    "excel_float": 2,
    "foreign": 3,
    "invalid_range": 1,
    "kazakhstan": 2,
    "letters": 2,
    "plus_eight": 2,
    "short_number": 3,
    "toll_free": 2,
    "too_long": 1,
    "two_phones": 3,
}
REPEATED = 8
SOURCES = {"region": 238, "declared": 12, "numbering_plan": 10, "unknown": 8}
#: Codes of the numbering plan that are given to nobody, and 900/901 for the rows whose zone the plan knows.
NOBODYS = {"907", "935", "943", "944", "945", "946", "947", "948", "956", "957", "972", "973", "974", "975", "976"}


class NoConnections:
    """The demo lists are files; asking for a connection is an error."""

    def dsn(self, conn_id: str) -> str:
        raise ConfigError(conn_id)

    def endpoint(self, conn_id: str) -> Endpoint:
        raise ConfigError(conn_id)


@pytest.fixture(scope="module")
def specs() -> dict[str, CampaignSpec]:
    return {spec.name: spec for spec in Catalogue(CAMPAIGNS).specs}


@pytest.fixture(scope="module")
def lists(specs: dict[str, CampaignSpec]) -> dict[str, pd.DataFrame]:
    """Each demo list as prepared rows."""
    return {name: pd.concat(list(prepared(specs[name], ROOT, NoConnections(), b"secret"))) for name in DEMOS}


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """The script that makes the lists."""
    spec = importlib.util.spec_from_file_location("make_lists", CAMPAIGNS / "lists" / "make_lists.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_campaign_file_that_ships_is_valid() -> None:
    assert not Catalogue(CAMPAIGNS).broken


def test_there_is_one_demo_for_each_dialer(specs: dict[str, CampaignSpec]) -> None:
    assert {name: specs[name].vendor.type for name in DEMOS} == {"demo_dialog": "dialog", "demo_twin": "twin"}
    assert [specs[name].purpose for name in DEMOS] == [Purpose.SURVEY, Purpose.SERVICE]
    assert [specs[name].schedule.cron for name in DEMOS] == [None, None]


@pytest.mark.parametrize("name", DEMOS)
def test_every_row_of_the_list_is_there_with_the_reason_if_it_has_one(
    lists: dict[str, pd.DataFrame], name: str
) -> None:
    rows = lists[name]
    assert list(rows["row_no"]) == list(range(1, ROWS + 1))
    assert dict(Counter(rows["exclusion_reason"].dropna())) == REASONS


@pytest.mark.parametrize("name", DEMOS)
def test_some_phones_stand_in_the_list_twice_in_different_writing(lists: dict[str, pd.DataFrame], name: str) -> None:
    good = lists[name].loc[lists[name]["exclusion_reason"].isna()]
    again = good.loc[good["phone_key"].duplicated(keep=False)]
    assert int(good["phone_key"].duplicated().sum()) == REPEATED
    assert all(group["phone_raw"].nunique() == 2 for _, group in again.groupby("phone_key"))


@pytest.mark.parametrize("name", DEMOS)
def test_the_rows_lie_in_all_eleven_zones_and_their_zones_come_from_every_source(
    lists: dict[str, pd.DataFrame], name: str
) -> None:
    good = lists[name].loc[lists[name]["exclusion_reason"].isna()]
    certain = {offsets[0] // 60 for offsets in good["tz_offsets"] if len(offsets) == 1}
    assert certain == set(range(2, 13))
    assert dict(Counter(good["tz_source"])) == SOURCES


@pytest.mark.parametrize("name", DEMOS)
def test_the_share_of_unusable_rows_is_above_the_default_and_below_what_the_file_allows(
    specs: dict[str, CampaignSpec], lists: dict[str, pd.DataFrame], name: str
) -> None:
    share = float(lists[name]["exclusion_reason"].notna().mean())
    default = type(specs[name].contacts).model_fields["max_reject_share"].default
    assert default < share < specs[name].contacts.max_reject_share


def test_nobody_is_in_both_lists(lists: dict[str, pd.DataFrame]) -> None:
    first, second = (set(lists[name]["phone_e164"].dropna()) for name in DEMOS)
    # rows whose zone only the numbering plan knows share their ranges, not their numbers
    assert first.isdisjoint(second)


@pytest.mark.parametrize("name", DEMOS)
def test_numbers_belong_to_nobody_except_where_the_numbering_plan_is_shown(
    lists: dict[str, pd.DataFrame], name: str
) -> None:
    rows = lists[name].dropna(subset=["phone_e164"])
    shown = rows["tz_source"] == "numbering_plan"
    assert set(rows.loc[~shown, "phone_e164"].str[2:5]) <= NOBODYS
    assert set(rows.loc[shown, "phone_e164"].str[2:5]) <= {"900", "901"}


@pytest.mark.parametrize("name", DEMOS)
def test_the_committed_list_is_what_the_script_makes_whatever_was_drawn_before(
    maker: ModuleType, tmp_path: Path, name: str
) -> None:
    random.seed(name)
    made = maker.write(f"{name}.csv", getattr(maker, f"{name.removeprefix('demo_')}_rows")(), tmp_path)
    assert made.read_bytes() == (CAMPAIGNS / "lists" / f"{name}.csv").read_bytes()


@pytest.mark.parametrize("name", DEMOS)
def test_the_list_is_what_russian_excel_saves(name: str) -> None:
    content = (CAMPAIGNS / "lists" / f"{name}.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    header, *rows = content.decode("cp1251").split("\r\n")
    assert header.count(";") >= 7
    assert len(rows) == ROWS + 1  # the file ends with a line break
