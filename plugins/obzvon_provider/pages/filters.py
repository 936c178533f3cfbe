"""What a reader chose to look at: campaign, purpose, call dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from obzvon.errors import ObzvonError
from obzvon_provider.pages.texts import words

__all__ = ["BadFilter", "Campaign", "Filters", "chosen", "day_of"]

#: What a page shows when nobody chose dates: a month up to the newest call date.
DAYS = 30
#: Years in which a call date is looked for.
YEARS = range(2000, 2100)


class BadFilter(ObzvonError):
    """A filter in the address cannot be understood. `key` and `values` say it in the reader's language (texts.yaml)."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(words("en")(key, **values))
        self.key, self.values = key, values


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign that has a plan."""

    campaign_id: str
    name: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Filters:
    """`campaign` and `purpose` None: all. `since` to `until` are call dates, both included; None without a plan."""

    campaign: str | None = None
    purpose: str | None = None
    since: date | None = None
    until: date | None = None
    campaigns: tuple[Campaign, ...] = ()

    @property
    def named(self) -> Campaign | None:
        """The chosen campaign, where it exists."""
        return next((c for c in self.campaigns if c.campaign_id == self.campaign), None)

    @property
    def matching(self) -> tuple[Campaign, ...]:
        """Campaigns that the filters leave."""
        return tuple(
            c for c in self.campaigns
            if self.purpose in (None, c.purpose) and self.campaign in (None, c.campaign_id)
        )  # fmt: skip

    def query(self, **changes: object) -> str:
        """These filters as a query string, some of them changed."""
        values: dict[str, object] = {
            "campaign": self.campaign, "purpose": self.purpose, "from": self.since, "to": self.until,
        } | changes  # fmt: skip
        return urlencode({key: str(value) for key, value in values.items() if value})

    def condition(self, columns: Sequence[str] | Mapping[str, object]) -> tuple[list[str], dict[str, Any]]:
        """Conditions on the columns that a view has, and their values; what it has no column of is not filtered."""
        found: list[str] = []
        values: dict[str, Any] = {}
        if self.campaign and "campaign_id" in columns:
            found.append("campaign_id = %(campaign)s")
            values["campaign"] = self.campaign
        if self.purpose and "purpose" in columns:
            found.append("purpose = %(purpose)s")
            values["purpose"] = self.purpose
        elif self.purpose and "campaign_id" in columns:
            found.append("campaign_id = any(%(campaigns)s)")
            values["campaigns"] = [c.campaign_id for c in self.campaigns if c.purpose == self.purpose]
        if self.since and self.until and (day := day_of(columns)):
            found.append(f"{day} between %(since)s and %(until)s")
            number = day == "date_key"
            values |= {name: _key(value) if number else value
                       for name, value in (("since", self.since), ("until", self.until))}  # fmt: skip
        return found, values


def chosen(asked: Mapping[str, str], campaigns: Sequence[Campaign], newest: date | None) -> Filters:
    """The filters of an address. Raises BadFilter: no date, a wrong order, no text of a database."""
    until = _date(asked, "to") or newest
    since = _date(asked, "from") or (until - timedelta(days=DAYS - 1) if until else None)
    if since and until and since > until:
        raise BadFilter("bad_order", since=since, until=until)
    return Filters(_text(asked, "campaign"), _text(asked, "purpose"), since, until, tuple(campaigns))


def _text(asked: Mapping[str, str], name: str) -> str | None:
    text = asked.get(name)
    if text and "\x00" in text:
        raise BadFilter("bad_text", name=name)
    return text or None


def _date(asked: Mapping[str, str], name: str) -> date | None:
    text = asked.get(name, "").strip()
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise BadFilter("bad_date", name=name) from None
    if day and day.year not in YEARS:
        raise BadFilter("bad_date", name=name)
    return day


def day_of(columns: Sequence[str] | Mapping[str, object]) -> str | None:
    """The column of a view that the dates filter; None: its rows are over all dates."""
    return next((name for name in ("call_date", "date_key", "day") if name in columns), None)


def _key(day: date) -> int:
    return int(f"{day:%Y%m%d}")
