"""What Qolio gets for a call: the vendor's link, a link to our copy, or, for now, nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from obzvon.recordings.ledger import Copy, RecordingState
from obzvon.recordings.links import Links
from obzvon.recordings.settings import Recordings

__all__ = ["Lack", "Media", "media_of"]


class Lack(StrEnum):
    """Why a call is not delivered; `reason` of its line in `ops.qa_delivery`. Each is looked at again by every run."""

    NONE = "no_recording"
    LATE = "recording_late"
    NEVER = "recording_never_came"


@dataclass(frozen=True, slots=True)
class Media:
    """`url` is sent; `content` stands for it in the payload's hash where the address is signed anew each time."""

    url: str
    content: str | None = None


def media_of(rules: Recordings, record_url: str | None, copy: Copy | None, links: Links | None) -> Media | Lack:
    """Pure, but for the moment in a signed link. `links` is needed where the campaign copies."""
    if not rules.copies:
        return Media(record_url) if record_url else Lack.NONE
    if copy is not None and copy.state is RecordingState.DELETED:
        return Lack.NONE
    if copy is not None and copy.state is RecordingState.COPIED and copy.path and links is not None:
        return Media(links.address(copy.path), f"{links.name} {copy.sha256}")
    if copy is None and not record_url:
        return Lack.NONE  # the vendor records nothing here
    if copy is not None and copy.overdue and rules.after_deadline != "wait":
        return Media(record_url) if rules.after_deadline == "link" and record_url else Lack.NEVER
    return Lack.LATE
