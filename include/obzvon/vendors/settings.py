"""What every vendor's part of a campaign file has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

MARKER = "{marker}"
#: Two dials at least this many seconds apart lie on two dates, whatever the zone: Russian zones have no summer time.
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Redials:
    """Up to `dials` more dials to one contact by the rule `name`, each `seconds` after the dial before it, or later."""

    name: str
    dials: int
    seconds: int


@dataclass(frozen=True, slots=True)
class WorstCase:
    """How often a vendor may dial one contact of a campaign: once, and then by every rule of `terms`, for they add up.

    `limit` caps all of it where the settings have such a limit. `key` is the key of the vendor's settings that decides
    (empty: none of its own). `fewer` says how a file asks for fewer dials, `later` how they come on later dates.
    """

    terms: tuple[Redials, ...] = ()
    limit: int | None = None
    key: str = ""
    fewer: str = "lower the number of attempts"
    later: str = ""
    #: False: nothing ends the redials with the day, so one may come on a date that nobody planned.
    ends: bool = True

    @property
    def total(self) -> int:
        """All dials together."""
        return self._capped(self.terms)

    @property
    def a_day(self) -> int:
        """Dials on one date of the contact: redials a day apart or more do not meet on it."""
        return self._capped(self._within_a_day)

    def sum_of_day(self) -> str:
        """`a_day` with its summands, as `1 + BUSY 3 + NO_ANSWER 3 = 7`."""
        return self._written(self._within_a_day)

    def sum_of_all(self) -> str:
        """`total` with its summands."""
        return self._written(self.terms)

    @property
    def _within_a_day(self) -> tuple[Redials, ...]:
        return tuple(term for term in self.terms if term.seconds < DAY_SECONDS)

    def _capped(self, terms: tuple[Redials, ...]) -> int:
        worst = 1 + sum(term.dials for term in terms)
        return min(worst, self.limit or worst)

    def _written(self, terms: tuple[Redials, ...]) -> str:
        worst = 1 + sum(term.dials for term in terms)
        said = " + ".join(["1", *(f"{term.name} {term.dials}" for term in terms)])
        limited = f", of which the limit leaves {self.limit}" if self.limit and self.limit < worst else ""
        return f"{said} = {worst}{limited}"


class VendorSettings(BaseModel, ABC):
    """Base of a vendor's settings.

    `campaign_name` is the name shown at the vendor; `{title}`, `{call_date}`, `{zone}`, `{chunk}` and `{marker}` are
    filled in. By the marker (`[af:` + 8 hex digits + `]`) a campaign whose creation was not confirmed is found.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    #: Keys that only say how a report is read: a later correction of the file reaches plans already called with them.
    reading: ClassVar[frozenset[str]] = frozenset({"short_talk_seconds"})

    type: str
    conn_id: str
    campaign_name: str = Field(default="{title} {call_date} {zone} #{chunk} {marker}", min_length=1)
    #: A conversation of at most this many seconds, without a goal or a refusal, counts as HUMAN_SHORT.
    short_talk_seconds: int = Field(default=5, ge=0)

    @property
    @abstractmethod
    def max_attempts(self) -> int:
        """Worst-case number of dials to one contact, on whatever day; where `worst_case` is given, its total."""

    @property
    def worst_case(self) -> WorstCase:
        """Which rules make `max_attempts`, and how far apart. A dialer that does not say: all of them on one day."""
        further = self.max_attempts - 1
        return WorstCase((Redials("further attempts", further, 0),) if further else ())

    @property
    def unguarded_by(self) -> str | None:
        """The key of these settings that switches the vendor's own legal guards off, if it does."""
        return None

    @property
    def shown_number(self) -> tuple[str, str] | None:
        """Key of these settings and the number 7xxxxxxxxxx people see, where the settings themselves name one."""
        return None

    @property
    def kept_results(self) -> frozenset[str]:
        """Script results to keep beside those that goal and outcomes read."""
        return frozenset()

    @property
    def report_columns(self) -> frozenset[str]:
        """Columns of the report that these settings read; none where the vendor's report has no columns to choose."""
        return frozenset()

    @property
    def expects_recordings(self) -> bool:
        """Whether a conversation without a link to its recording is one whose link is still to come."""
        return True

    @property
    def report_project(self) -> str:
        """The vendor's project whose columns the report has; the script where the vendor has no projects."""
        return self.script_id

    @property
    @abstractmethod
    def script_id(self) -> str:
        """The vendor's id of the script that talks: the natural key of `dwh.dim_script`."""
