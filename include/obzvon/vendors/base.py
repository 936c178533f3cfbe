"""The small protocol a dialer fulfils, and the values that cross it.

The stages know only this module. Times are aware UTC datetimes; offsets are minutes east of UTC; money is Decimal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self

import msgspec

from obzvon.dispositions import Disposition
from obzvon.errors import ContractBreak
from obzvon.vendors.account import Account
from obzvon.vendors.auth import Auth
from obzvon.vendors.budget import LONGEST_WAIT, Budget
from obzvon.vendors.http import VendorSession
from obzvon.vendors.patience import Patience
from obzvon.vendors.settings import VendorSettings

if TYPE_CHECKING:
    from obzvon.campaigns.spec import CampaignSpec
    from obzvon.vendors.observed import Observation

Scalar = str | int | float | bool | None
#: Kind of the archive's pages that hold what a vendor told by itself. They are no report: nothing is counted by them.
EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Order:
    """One intent in the vendor's terms: one vendor campaign to be."""

    intent_id: str
    name: str  # with the marker already in it
    description: str
    call_date: date  # subscriber-local
    offsets: tuple[int, ...]  # the zone's offsets in minutes; several = unknown or multi-zone
    starts_at: datetime  # UTC, first moment at which every offset is inside its window
    ends_at: datetime  # UTC, last such moment
    local_from: time  # subscriber-local window
    local_to: time
    opens_at: datetime | None = None  # UTC, the window's true opening, where `starts_at` was moved because it is past

    def open_at(self, now: datetime) -> bool:
        """Whether the window has opened."""
        return (self.opens_at or self.starts_at) <= now


@dataclass(frozen=True, slots=True)
class Contact:
    """One person to be called. `external_id` is ours, stable across retries. `phone` is E.164 (+7…)."""

    external_id: str
    phone: str
    variables: Mapping[str, Scalar]
    tz_offset_min: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A vendor campaign that exists."""

    order: Order
    task_id: str
    contacts: int  # accepted by the vendor
    started_at: datetime | None = None  # UTC, when we asked for the start
    created_at: datetime | None = None  # UTC, when we asked for the creation


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the vendor took of a batch. `rejected` maps external_id to the vendor's reason (no phone in it)."""

    accepted: int
    rejected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at a vendor campaign; the completeness rule reads nothing else.

    `vendor_time` is the `Date` header of the answer: what "the window is over" is measured against.
    `fingerprint` changes when any row changes.
    """

    vendor_time: datetime
    rows: int
    contacts_seen: int
    contacts_terminal: int
    pending_rows: int
    recordings_missing: int  # conversations with a person that have no recording link yet
    fingerprint: str
    task_finished: bool | None = None  # None: the vendor has no such statement
    task_status: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a vendor campaign stands by the vendor's list of campaigns: enough to see that it still dials.

    `vendor_time` is the `Date` header of the list; `calls` is None where none are shown.
    """

    vendor_time: datetime
    status: str | None
    finished: bool
    calls: int | None = None


class StopOutcome(StrEnum):
    """What an attempt to stop a vendor campaign reached."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    NOT_POSSIBLE = "not_possible"


@dataclass(frozen=True, slots=True)
class Page:
    """One raw answer on its way to the archive. `request` holds no secret and no phone."""

    kind: str
    number: int
    request: Mapping[str, Any]
    chunks: AsyncIterator[bytes]


# Rows of reports come by the million: a Struct is made in a fifth of a frozen dataclass's time, and without `gc` (no
# value here can hold itself) the collector passes it over.
class Turn(msgspec.Struct, frozen=True, gc=False):
    """One utterance. `role` is bot, client or operator; seconds count from the start of the call."""

    role: str
    text: str
    start_sec: float | None = None
    end_sec: float | None = None


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One dial attempt as a vendor reports it, already in our words.

    `phone` (E.164) and `turns` are personal data: they reach `pii` and nothing else.
    """

    vendor_call_id: str
    external_id: str | None
    phone: str | None
    started_at: datetime
    updated_at: datetime
    disposition: Disposition
    status_raw: str
    responder_raw: str | None = None
    ring_sec: Decimal | None = None
    talk_sec: Decimal | None = None
    transferred: bool = False
    caller_id: str | None = None
    cost_rub: Decimal = Decimal(0)
    record_url: str | None = None
    results: Mapping[str, str] = msgspec.field(default_factory=dict)  # script result variables, goals among them
    goal_reached: bool = False
    turns: tuple[Turn, ...] = ()
    #: True where the vendor names no call: the id is a plain hash over the phone and must be keyed before it is stored.
    derived_id: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A vendor campaign whose name carries the marker that was looked for. Counts are None where none is shown."""

    task_id: str
    name: str
    status: str | None = None
    contacts: int | None = None
    calls: int | None = None


class Part(msgspec.Struct, frozen=True, gc=False):
    """A further piece of an attempt that came by another page kind (TWIN's transcript), joined by call id."""

    vendor_call_id: str
    results: Mapping[str, str] = msgspec.field(default_factory=dict)
    turns: tuple[Turn, ...] = ()


Row = Attempt | Part | ContractBreak


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a report says it has: the key in its rows, what people read, and the vendor's word for its type."""

    field: str
    caption: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Control totals of a report page, where the vendor gives them, and the columns that it says it has."""

    count: int | None = None
    duration_sec: Decimal | None = None
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """What a vendor told by itself. `ended`: it says how a call ended; `turned`: that a whole campaign changed."""

    name: str
    task_id: str | None = None
    call_id: str | None = None
    ended: bool = False
    turned: bool = False


class Dialer(ABC):
    """A vendor that dials people. One instance serves one campaign file and one account."""

    code: ClassVar[str]
    #: True when the contacts travel inside `create` (then `add_contacts` is never called).
    contacts_in_create: ClassVar[bool]
    #: What all our tasks together ask of one account, where its connection says nothing else.
    requests_per_second: ClassVar[float] = 20

    def __init__(self, session: VendorSession, spec: CampaignSpec) -> None:
        self.session, self.spec = session, spec

    def guard(self, check: Callable[[], Awaitable[None]]) -> None:
        """`check` is asked immediately before a campaign is created or contacts are added, after login and waiting.

        Whatever it raises is raised to the caller, and proves that nothing has left.
        """
        self.session.last_look = check

    @property
    def longest_request(self) -> timedelta:
        """How long a create may take, a login, its renewal and their waits for a place in the budget included."""
        return 3 * timedelta(seconds=self.session.account.number("total_timeout", 300) + LONGEST_WAIT)

    @classmethod
    @asynccontextmanager
    async def connected(
        cls,
        account: Account,
        spec: CampaignSpec,
        *,
        budget: Budget | None = None,
        patience: Patience | None = None,
    ) -> AsyncIterator[Self]:
        """A dialer with an open session, closed when the block ends. `budget`: what the account's users share;

        `patience`: how long reads are repeated, where the caller repeats them itself."""
        async with VendorSession(cls.code, account, cls.auth(account), budget=budget, patience=patience) as session:
            yield cls(session, spec)

    @classmethod
    @abstractmethod
    def auth(cls, account: Account) -> Auth:
        """How requests to this account prove who we are."""

    @classmethod
    @abstractmethod
    async def test(cls, account: Account) -> str:
        """Try the account with a request that changes nothing; say what answered. VendorError or ConfigError else."""

    @classmethod
    def connection_form(cls) -> Mapping[str, Any]:
        """The connection's form in the UI: `hook-name`, `ui-field-behaviour`, `conn-fields` as Airflow defines them."""
        return {"hook-name": cls.code.capitalize()}

    @classmethod
    def cabinet(cls, account: Account) -> str | None:
        """Front page of the vendor's cabinet for people, where a source shows it."""
        return None

    @classmethod
    @abstractmethod
    def parse_settings(cls, value: Mapping[str, Any]) -> VendorSettings:
        """The vendor's settings from a campaign file; a ValueError names the broken rule of the vendor's document."""

    @abstractmethod
    def check(self, order: Order, now: datetime) -> None:
        """Refuse (ConfigError) what the vendor's document forbids for this order, before any request."""

    @abstractmethod
    async def create(self, order: Order, contacts: Sequence[Contact]) -> str:
        """Create the vendor campaign with one request, never repeated; its id.

        VendorError says what is proven; a ConfigError comes before the request leaves.
        """

    @abstractmethod
    async def add_contacts(self, task_id: str, order: Order, contacts: Sequence[Contact]) -> Acceptance:
        """Add one batch with one request, never repeated."""

    @abstractmethod
    async def start(self, task_id: str, order: Order, now: datetime) -> None:
        """Let the campaign dial when its window comes. Nothing to do where the schedule does it."""

    @abstractmethod
    async def cancel(self, task_id: str) -> StopOutcome:
        """Stop dialling as far as the vendor can, and look whether it did."""

    async def find(self, marker: str, since: datetime, until: datetime) -> tuple[Found, ...] | None:
        """The vendor campaigns created between two moments (UTC) whose name carries the marker, and no others.

        None: this vendor cannot list. A look-up that fails raises; it never counts as "none".
        """
        return None

    @property
    def lists(self) -> bool:
        """Whether `standings` can be asked for."""
        return False

    async def standings(self, since: datetime, until: datetime) -> Mapping[str, Standing]:
        """How all vendor campaigns of the account created between two moments (UTC) stand, by id. Only reads.

        A list that fails or is not understood raises; a campaign that is not in it is not proven to be gone.
        """
        raise NotImplementedError(f"{self.code} cannot list (lists)")

    @abstractmethod
    async def look(self, task: Task) -> Progress:
        """One look at the report and the task's status. Only reads."""

    @abstractmethod
    def report(self, task: Task) -> AsyncIterator[Page]:
        """The full report as raw answers, page by page, in bounded memory. Only reads."""

    @classmethod
    @abstractmethod
    def contents(cls, spec: CampaignSpec, kind: str, stream: IO[bytes]) -> Iterator[Row | Totals]:
        """The rows of one archived page and, where it has them, its control totals; in one reading, streaming.

        Pure: no request, no clock. A bad row becomes a ContractBreak, a page that is none raises it.
        """

    @classmethod
    def event(cls, body: bytes) -> Event:
        """What the body of an event tells. Pure; ContractBreak for whatever is none. Vendors without events: always."""
        raise ContractBreak(f"{cls.code}.event", "body", "is an event of a vendor that has none")

    @classmethod
    def events_page(cls, bodies: Sequence[bytes]) -> bytes:
        """Bodies that `event` has read as one page of kind EVENTS; each stands in it byte for byte."""
        return b'{"items":[' + b",".join(bodies) + b"]}"

    @classmethod
    def parse(cls, spec: CampaignSpec, kind: str, stream: IO[bytes]) -> Iterator[Row]:
        """The rows of one archived page alone."""
        return (each for each in cls.contents(spec, kind, stream) if not isinstance(each, Totals))

    @classmethod
    @abstractmethod
    def totals(cls, kind: str, stream: IO[bytes]) -> Totals:
        """The control totals of one archived page, streaming, and with them that it is a page. Pure."""

    def whole_report(self, task: Task) -> AsyncIterator[Page]:
        """As `report`, with every column that the vendor has, whether the campaign file reads it or not."""
        return self.report(task)

    @classmethod
    def raw_rows(cls, kind: str, stream: IO[bytes]) -> Iterator[Mapping[str, Any]]:
        """The rows of one page as the vendor gives them, streaming; none of page kinds that a mapping does not read."""
        return iter(())

    @classmethod
    def draft(cls, spec: CampaignSpec, seen: Observation) -> str:
        """YAML for the `vendor` part of the campaign file that maps what was seen; empty where nothing is to be mapped.

        What the file says stays, what is guessed is marked so.
        """
        return ""
