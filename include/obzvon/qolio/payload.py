"""The body of Qolio's `phone_calls` request, made from one row of the warehouse.

Source: Qolio, «API запрос для добавления звонков» (fields, custom field types, notes on time) and «…с транскрибцией»
(the `transcription` array). Decisions the documents leave open:

* `started_at` carries the subscriber's offset (`2026-11-20T12:00:00+03:00`), so that a reviewer reads the hour in which
  the person was called. The vendor's own example `…Z+03` is not ISO 8601.
* Booleans travel as the strings "true" and "false", as the table of custom field types shows.
* `client.id` is the contact's id in the source system. Where the list had none (`row:<n>`, which repeats from list to
  list) the keyed hash of the phone stands in: Qolio merges calls of clients with one id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from obzvon.campaigns.spec import CampaignSpec, Scalar
from obzvon.dispositions import Disposition

__all__ = ["CallRow", "Client", "PhoneCall", "Segment", "TurnRow", "build", "payload_hash"]

#: Letters of the phone's keyed hash that stand for a contact without an id.
PSEUDONYM_LENGTH = 32


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("not an http(s) address")
    return value


def _boolean_as_documented(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


Text = Annotated[str, Field(min_length=1, strict=True)]
Moment = Annotated[AwareDatetime, PlainSerializer(_iso, return_type=str, when_used="json")]
Custom = Annotated[
    str | int | float | tuple[str, ...] | tuple[int | float, ...], BeforeValidator(_boolean_as_documented)
]


class Body(BaseModel):
    """Base of the request's objects: frozen, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Client(Body):
    """The person called. A client with a known `id` is reused by Qolio, not created again."""

    id: Text | None = None
    company_name: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None


class Segment(Body):
    """One phrase. Times are seconds from the start of the call; segments may overlap."""

    text: str
    start_time: float
    end_time: float
    role: Literal["operator", "client"]


class PhoneCall(Body):
    """One call as Qolio takes it; a call with a known `uid` is updated.

    `duration` is in seconds. Required by the vendor: `operator_id`, `started_at`, `media_url`.
    """

    operator_id: Text
    started_at: Moment
    media_url: Annotated[Text, AfterValidator(_web_address)]
    uid: Text | None = None
    direction: Literal["incoming", "outcoming"] | None = None
    duration: Annotated[float, Field(ge=0)] | None = None
    client_phone_number: Text | None = None
    phone_call_chain_uid: Text | None = None
    client: Client | None = None
    custom_fields: dict[str, Custom] | None = None
    nps: float | None = None
    transcription: tuple[Segment, ...] | None = None

    def body(self) -> Mapping[str, Any]:
        """The JSON object to send; fields without a value are left out."""
        return self._body

    @cached_property
    def _body(self) -> Mapping[str, Any]:  # once: it is hashed, then sent
        return self.model_dump(mode="json", exclude_none=True)


@dataclass(frozen=True, slots=True)
class TurnRow:
    """One redacted utterance of `pii.dialog_turn`; seconds from the start of the call."""

    role: str
    text: str
    start_sec: float | None
    end_sec: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """A conversation as the warehouse knows it. `started_at` is aware UTC, `local_started_at` the naive wall clock."""

    vendor_code: str
    vendor_call_id: str
    started_at: datetime
    local_started_at: datetime
    disposition_code: str
    transferred: bool = False
    goal: bool = False
    attempt_no: int | None = None
    talk_sec: Decimal | None = None
    record_url: str | None = None
    region: str | None = None
    contact_id: str | None = None
    phone_key: str | None = None
    phone_e164: str | None = None
    full_name: str | None = None
    turns: Sequence[TurnRow] = ()

    @property
    def uid(self) -> str:
        """Stable id of the call at Qolio: a second POST updates, never doubles."""
        return f"{self.vendor_code}:{self.vendor_call_id}"

    @property
    def client_id(self) -> str | None:
        """Pseudonym of the person, the same in every campaign."""
        if self.contact_id is None or self.contact_id.startswith("row:"):
            return self.phone_key[:PSEUDONYM_LENGTH] if self.phone_key else None
        return self.contact_id


def build(call: CallRow, spec: CampaignSpec, media_url: str | None = None) -> PhoneCall:
    """The Qolio record of a conversation; pydantic.ValidationError when it cannot be one (its media_url, mostly).

    `media_url` is where Qolio finds the recording; None: at the dialer's address.
    """
    return PhoneCall(
        operator_id=spec.qolio.operator_id,
        started_at=_at_subscriber(call),
        media_url=media_url or call.record_url or "",
        uid=call.uid,
        direction="outcoming",
        duration=None if call.talk_sec is None else float(call.talk_sec),
        client_phone_number=call.phone_e164,
        phone_call_chain_uid=f"{spec.name}:{call.client_id}" if call.client_id else None,
        client=_client(call, spec.qolio.send_client_name),
        custom_fields=_custom_fields(call, spec),
        transcription=_transcription(call.turns) or None,
    )


def payload_hash(payload: PhoneCall, media: str | None = None) -> str:
    """sha256 (hex) over the canonical JSON of the body: equal bodies, equal hash, in any order of keys.

    `media` stands for the address of the recording where that is signed anew each time.
    """
    return digest({**payload.body(), "media_url": media} if media else payload.body())


def digest(value: Mapping[str, Any]) -> str:
    """sha256 (hex) over the canonical JSON of a mapping; values JSON has no form for count as their text."""
    try:
        text = orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)
    except orjson.JSONEncodeError:  # an integer beyond 64 bits
        spelled = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
        text = spelled.encode()
    return hashlib.sha256(text).hexdigest()


def _at_subscriber(call: CallRow) -> datetime:
    offset = call.local_started_at - call.started_at.replace(tzinfo=None)
    return call.started_at.astimezone(timezone(timedelta(minutes=round(offset / timedelta(minutes=1)))))


def _client(call: CallRow, with_name: bool) -> Client | None:
    if call.client_id is None:
        return None
    last, first = _names(call.full_name) if with_name else (None, None)
    return Client(id=call.client_id, first_name=first, last_name=last)


def _names(full_name: str | None) -> tuple[str | None, str | None]:
    """(last, first) of a name in the order of Russian lists: surname first, then given name and patronymic."""
    words = (full_name or "").split()
    if len(words) < 2:
        return None, "".join(words) or None
    return words[0], " ".join(words[1:])


def _custom_fields(call: CallRow, spec: CampaignSpec) -> dict[str, Scalar]:
    """The fields reviewers filter on, then the campaign file's own: its value wins, its null takes a field out."""
    fields: dict[str, Scalar] = {
        "vendor": call.vendor_code,
        "campaign": spec.name,
        "purpose": spec.purpose.value,
        "attempt_no": call.attempt_no,
        "disposition": call.disposition_code,
        "goal": call.goal or call.disposition_code == Disposition.GOAL,
        "talk_sec": None if call.talk_sec is None else float(call.talk_sec),
        "region": call.region,
        "local_time": call.local_started_at.strftime("%H:%M"),
        "transferred": call.transferred,
        "call_id": call.vendor_call_id,
    }
    return {key: value for key, value in {**fields, **spec.qolio.custom_fields}.items() if value is not None}


def _transcription(turns: Sequence[TurnRow]) -> tuple[Segment, ...]:
    """Phrases in order. A time the dialer did not give is the nearest one it did, so that the order stays."""
    segments, clock = [], 0.0
    for turn in turns:
        start = clock if turn.start_sec is None else turn.start_sec
        clock = start if turn.end_sec is None else turn.end_sec
        role: Literal["operator", "client"] = "client" if turn.role == "client" else "operator"
        segments.append(Segment(text=turn.text, start_time=start, end_time=clock, role=role))
    return tuple(segments)
