"""Qolio's body of a call (page "API запрос для добавления звонков" and its sub-page with transcription)."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from obzvon.sandbox.models import Moment, Strict


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http(s) URL")
    return value


def _flat(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError('a boolean is sent as the string "true" or "false"')
    if isinstance(value, list):
        same = all(isinstance(item, str) for item in value) or all(_number(item) for item in value)
        if not same:
            raise ValueError("an array holds only strings or only numbers")
    elif not (isinstance(value, str) or _number(value)):
        raise ValueError("must be a string, a number or an array of them")
    return value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Client(Strict):
    """Who was talked to."""

    id: str | None = None
    company_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class Phrase(Strict):
    """One phrase; seconds from the start of the call. Phrases may overlap (the vendor's own sample does)."""

    text: str
    start_time: Annotated[float, Field(ge=0)]
    end_time: Annotated[float, Field(ge=0)]
    role: Literal["operator", "client"]


class PhoneCall(Strict):
    """POST /api/v1/integrations/{id}/phone_calls."""

    operator_id: Annotated[str, Field(min_length=1)]
    started_at: Moment
    media_url: Annotated[str, AfterValidator(_url)]
    uid: str | None = None
    direction: Literal["incoming", "outcoming"] | None = None
    duration: float | None = None
    client_phone_number: str | None = None
    phone_call_chain_uid: str | None = None
    client: Client | None = None
    custom_fields: dict[str, Annotated[Any, AfterValidator(_flat)]] = Field(default_factory=dict)
    nps: float | None = None
    transcription: list[Phrase] | None = None
