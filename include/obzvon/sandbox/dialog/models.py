"""Dialog's request bodies (API book of the platform, chapters "Создание обзвонов" and "Получение результатов")."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from obzvon.sandbox.models import Moment, Strict, moment


def _date(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("must be YYYY-MM-DD")
    date.fromisoformat(value)
    return value


def _clock(value: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError("must be HH:MM")
    return value


Clock = Annotated[str, AfterValidator(_clock)]
Value = str | int | float


class Periods(Strict):
    """Always exactly this."""

    id: Literal[1]
    title: Literal["Однократно"]


class Attempts(Strict):
    """Dial attempts per number; `title` is the same number as a string."""

    id: Annotated[int, Field(ge=1, le=5)]
    title: Literal["1", "2", "3", "4", "5"]

    @model_validator(mode="after")
    def _same(self) -> Self:
        if str(self.id) != self.title:
            raise ValueError("id and title must be the same number")
        return self


class Schedule(Strict):
    """Day and window of calling; the document names no time zone."""

    date: Annotated[str, AfterValidator(_date)]
    start_time: Clock
    end_time: Clock
    periods: Periods
    attempts: Attempts
    interval: Annotated[str, StringConstraints(pattern=r"^\d{1,4}$")]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start_time >= self.end_time:
            raise ValueError("start_time must be before end_time")
        return self

    def span(self, zone: str) -> tuple[float, float]:
        """Start and end, seconds since 1970."""
        day = date.fromisoformat(self.date)
        start, end = (
            datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).timestamp()
            for clock in (self.start_time, self.end_time)
        )
        return start, end


class Campaign(Strict):
    """Settings of a campaign. `state` comes and goes between revisions of the document; its only value is this."""

    project_id: int
    name: str = ""
    description: str = ""
    start_block_id: int
    schedule: Schedule
    phone_id: int
    state: Literal["Создано"] = "Создано"


class Phone(Strict):
    """A number and the values of the start block's parameters."""

    phone: Annotated[str, Field(min_length=1)]
    add_data: dict[str, Value] = Field(default_factory=dict)


class CreateCampaign(Strict):
    """POST /api/campaigns."""

    campaign: Campaign
    phones: Annotated[list[Phone], Field(min_length=1)]


class AnalyticsFilter(Strict):
    """Which campaign, which period."""

    scenario_id: int
    start_block_id: int
    outgoing_campaign_id: int
    date_start: Moment
    date_end: Moment

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if moment(self.date_start) > moment(self.date_end):
            raise ValueError("date_start must not be after date_end")
        return self


class Column(Strict):
    """A column to return, filter or sort by."""

    id: int | None = None
    name: str | None = None
    display_name: str | None = None
    column_type: Literal["field"] | None = None
    data_type: Literal["text", "number", "datetime", "dialog", "goal"] | None = None
    filter_type: (
        Literal["equal", "contains", "starts_with", "ends_with", "is_empty", "not_empty", "is_true", "not_true"] | None
    ) = None
    filter_value: str | None = None
    sorting: Literal["asc", "desc"] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.filter_type in ("equal", "contains", "starts_with", "ends_with") and self.filter_value is None:
            raise ValueError(f"filter_type {self.filter_type} needs a filter_value")
        if (self.filter_type or self.sorting) and self.name is None:
            raise ValueError("a filter or a sorting needs the name of its column")
        return self


class Report(Strict):
    """POST /api/analytics/{project_id}/report. No columns = all columns."""

    analytics_filter: AnalyticsFilter
    columns: list[Column] = Field(default_factory=list)
