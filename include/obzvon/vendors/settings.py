"""What every vendor's part of a campaign file has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

MARKER = "{marker}"


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
        """Worst-case number of dials to one contact."""

    @property
    def kept_results(self) -> frozenset[str]:
        """Script results to keep beside those that goal and outcomes read."""
        return frozenset()

    @property
    @abstractmethod
    def script_id(self) -> str:
        """The vendor's id of the script that talks: the natural key of `dwh.dim_script`."""
