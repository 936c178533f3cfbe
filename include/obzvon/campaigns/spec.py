"""The campaign file: what a YAML in `include/campaigns/` may say.

Unknown keys are refused. Times of day are the subscriber's local time unless the key says otherwise.
Settings of a vendor live in its module, those of a contact source in its own, and both are found through a registry: a
third dialer and a sixth source change nothing here.
"""

from __future__ import annotations

import re
from datetime import time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from obzvon.contacts.sources.base import Source
from obzvon.contacts.sources.registry import source_of
from obzvon.dispositions import Disposition
from obzvon.recordings.settings import Recordings
from obzvon.vendors.registry import vendor_settings
from obzvon.vendors.settings import VendorSettings

Scalar = str | int | float | bool | None
WhenLate = Literal["refuse", "next_day"]
Share = Annotated[float, Field(ge=0, le=1)]


def _clock(value: object) -> object:
    # YAML 1.1 reads an unquoted 10:00 as the sexagesimal integer 600
    if isinstance(value, int):
        raise ValueError('write the time in quotes, as "10:00"')
    return value


def _caller_id(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"7\d{10}", value.strip(), re.ASCII):
        return value
    raise ValueError('a caller id is 11 digits in quotes, the first one 7, without + and blanks: "79430000000"')


Clock = Annotated[time, BeforeValidator(_clock), PlainSerializer(lambda t: t.isoformat(), return_type=str)]


CallerId = Annotated[str, BeforeValidator(_caller_id)]


class Model(BaseModel):
    """Base of every part of a campaign file: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Purpose(StrEnum):
    """Why people are called; decides the rule set (windows, caps, consent)."""

    ADVERTISING = "advertising"
    SERVICE = "service"
    DEBT = "debt"
    SURVEY = "survey"


class Schedule(Model):
    """When the run starts. No cron = started by hand only."""

    cron: str | None = None
    timezone: str = "Europe/Moscow"

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Moscow") from error
        return value


class Columns(Model):
    """Which column of the list holds what. Only `phone` is required."""

    phone: str
    contact_id: str | None = None
    full_name: str | None = None
    timezone: str | None = None
    region: str | None = None
    segment: str | None = None
    consent_date: str | None = None
    consent_ref: str | None = None

    @model_validator(mode="after")
    def _consent_is_proven(self) -> Self:
        if (self.consent_date is None) != (self.consent_ref is None):
            raise ValueError("`consent_date` and `consent_ref` go together: a consent is a date and where its proof is")
        return self


class Contacts(Model):
    """Where the people come from.

    `registry` names the system whose `contact_id` they carry: campaigns with one registry know each other's people, so
    that one person with two phones counts once. `max_change_share` compares with the last plan of the campaign, null =
    any size; `max_age_hours` is the age of a file, null = any.
    """

    source: Annotated[SerializeAsAny[Source], BeforeValidator(source_of)]
    columns: Columns
    max_reject_share: Share = 0.05
    max_contacts: Annotated[int, Field(ge=1)] = 1_000_000
    registry: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")] = "default"
    max_change_share: Annotated[float, Field(gt=0)] | None = 0.5
    max_age_hours: Annotated[float, Field(gt=0)] | None = None


class Variable(Model):
    """One script variable: a column of the list or a fixed value, sent as `type`."""

    column: str | None = None
    value: Scalar = None
    type: Literal["string", "integer", "number"] = "string"

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column` or `value`")
        return self


class OutcomeRule(Model):
    """True when the report's `field` equals one of `in` (case and outer blanks ignored)."""

    field: str
    values: Annotated[tuple[str, ...], Field(alias="in", min_length=1)]


class Goal(OutcomeRule):
    """What counts as the campaign's success."""

    title: str


class Hours(Model):
    """Subscriber-local hours."""

    start: Annotated[Clock, Field(alias="from")]
    end: Annotated[Clock, Field(alias="to")]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start >= self.end:
            raise ValueError(f"reversed: from {self.start:%H:%M} is not before to {self.end:%H:%M}; swap them")
        return self


class Window(Hours):
    """Subscriber-local hours in which a person may be called; narrow the policy's window, never widen it.

    `dayoff` are those of Saturdays, Sundays and holidays, or `closed`; left out, the same hours hold on every day.
    """

    dayoff: Hours | Literal["closed"] | None = None

    def hours(self, *, day_off: bool) -> Hours | None:
        """The hours of a kind of day; None when nobody is called on it."""
        if not day_off or self.dayoff is None:
            return self
        return None if self.dayoff == "closed" else self.dayoff

    @property
    def in_words(self) -> str:
        """Both kinds of day, as the DAG's page shows them."""
        said = f"{self.start:%H:%M}–{self.end:%H:%M}"
        if self.dayoff is None:
            return said
        off = "nobody is called" if self.dayoff == "closed" else f"{self.dayoff.start:%H:%M}–{self.dayoff.end:%H:%M}"
        return f"{said}, on days off {off}"


class QolioMapping(Model):
    """How a call becomes a Qolio record. `operator_id` is the employee's "ID in the integrated system".

    `sample_share` of each disposition of the script goes to the reviewers, opt-outs and transfers always.
    """

    conn_id: str = "qolio_default"
    operator_id: str
    send_client_name: bool = False
    sample_share: Share = 1.0
    custom_fields: dict[str, Scalar] = {}


class Limits(Model):
    """Sizes, and how much may go astray before the audit fails (`max_*_share`).

    `chunk_size` contacts go into one vendor campaign; at most `max_batches` mapped tasks run a stage.
    `marking_fee_rub` is the operator's fee an attempt; left out, the policy's.
    """

    chunk_size: Annotated[int, Field(ge=1, le=50_000)] = 500
    candidate_batch: Annotated[int, Field(ge=1, le=1000)] = 500
    max_batches: Annotated[int, Field(ge=1, le=50)] = 50
    min_minutes_left: Annotated[int, Field(ge=0)] = 30
    qolio_concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    marking_fee_rub: Annotated[Decimal, Field(ge=0)] | None = None
    max_silent_share: Share = 0.10
    max_quarantine_share: Share = 0.01
    max_unknown_share: Share = 0.05


class Approval(Model):
    """When a person must say yes to the plan before anybody is called.

    `above`: when more than `contacts` are to be called, or the forecast's upper end is above `cost_rub`. Without an
    answer within `timeout_hours` nothing is launched.
    """

    when: Literal["always", "above", "never"] = "above"
    contacts: Annotated[int, Field(ge=0)] = 1000
    cost_rub: Annotated[Decimal, Field(ge=0)] | None = None
    timeout_hours: Annotated[float, Field(gt=0, le=168)] = 12.0


class Canary(Model):
    """The first `contacts` are called alone, within `minutes` of their window; their results decide about the rest.

    Shares: opt-outs of conversations, invalid numbers of contacts handed over, failed connections of dials, contacts
    that the vendor did not take of those planned, contacts of whom nothing is known of those taken. More than allowed
    of any, and nobody else is called.
    """

    contacts: Annotated[int, Field(ge=1, le=5000)] = 50
    minutes: Annotated[int, Field(ge=10, le=600)] = 60
    max_optout_share: Share = 0.15
    max_invalid_share: Share = 0.20
    max_network_share: Share = 0.30
    max_refused_share: Share = 0.10
    max_silent_share: Share = 0.50


class Waiting(Model):
    """When a report counts as complete, and when waiting ends without it. Minutes are the vendor's clock."""

    stable_polls: Annotated[int, Field(ge=2)] = 2
    stable_minutes: Annotated[int, Field(ge=1)] = 15
    margin_minutes: Annotated[int, Field(ge=0)] = 15
    recording_minutes: Annotated[int, Field(ge=0)] = 60
    deadline_hours: Annotated[float, Field(gt=0, le=72)] = 6.0

    @property
    def stable_for(self) -> timedelta:
        return timedelta(minutes=self.stable_minutes)

    @property
    def margin(self) -> timedelta:
        return timedelta(minutes=self.margin_minutes)

    @property
    def recordings_within(self) -> timedelta:
        return timedelta(minutes=self.recording_minutes)


class Settling(Model):
    """How what is in doubt is looked up.

    Absence is believed after `looks` equal looks, `pause_seconds` apart; after `minutes` a person is asked. A person's
    "it does not exist" counts from `absent_minutes` after the sending on: until then the request may still arrive.
    """

    looks: Annotated[int, Field(ge=2)] = 3
    pause_seconds: Annotated[float, Field(ge=0)] = 20.0
    minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 30.0
    absent_minutes: Annotated[float, Field(ge=0, le=24 * 60)] = 15.0


class CampaignSpec(Model):
    """One campaign file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,60}$")]
    title: str
    description: str = ""
    owner: str
    tags: tuple[str, ...] = ()
    purpose: Purpose
    legal_approval_ref: Annotated[str, Field(min_length=1)] | None = None
    caller_ids: tuple[CallerId, ...] = ()
    schedule: Schedule = Schedule()
    contacts: Contacts
    window: Window | None = None
    when_late: WhenLate = "refuse"
    approval: Approval = Approval()
    canary: Canary | None = None
    vendor: Annotated[SerializeAsAny[VendorSettings], BeforeValidator(vendor_settings)]
    variables: dict[str, Variable] = {}
    goal: Goal
    outcomes: dict[Disposition, OutcomeRule] = {}
    qolio: QolioMapping
    recordings: Recordings = Recordings()
    limits: Limits = Limits()
    wait: Waiting = Waiting()
    settle: Settling = Settling()

    @property
    def dag_id(self) -> str:
        return f"campaign__{self.name}"

    @property
    def doc_md(self) -> str:
        """What the DAG's page shows."""
        hours = self.window.in_words if self.window else "as the policy says"
        return (
            f"**{self.title}** · {self.purpose} · {self.vendor.type} · owner {self.owner}\n\n{self.description}\n\n"
            f"* Goal: {self.goal.title}\n* Hours, local to the person called: {hours}\n"
            f"* Dials a contact, at most: {self.vendor.max_attempts}\n"
            f"* Contacts a vendor campaign, at most: {self.limits.chunk_size}\n\n"
            f"plan → approve → launch → wait → collect → deliver → audit. Every task may be cleared: the ledger"
            f" decides what is sent, so nobody is dialled twice. File: `include/campaigns/{self.name}.yaml`"
        )

    @property
    def columns_used(self) -> dict[str, str]:
        """Key of this file -> column of the list, for every column the file names."""
        named = {f"contacts.columns.{k}": v for k, v in self.contacts.columns if v is not None}
        named |= {f"variables.{k}.column": v.column for k, v in self.variables.items() if v.column}
        return named

    def canonical(self) -> dict[str, Any]:
        """JSON-ready form, stable across runs: what the plan's hash covers."""
        return self.model_dump(mode="json", by_alias=True)
