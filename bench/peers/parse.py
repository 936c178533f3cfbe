"""The usual ways to read and check a report: the whole document by `json` or pydantic, a model a record."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, model_validator


def _phone(value: str) -> str:
    digits = re.sub(r"\D", "", value)
    if len(digits) == 11 and digits[0] in "78":
        return f"+7{digits[1:]}"
    raise ValueError("not a Russian phone")


Seconds = Annotated[Decimal, Field(ge=0, lt=10_000_000)]


class Turn(BaseModel):
    author: Literal["bot", "client", "operator"]
    text: str
    start: float | None = None
    end: float | None = None


class Call(BaseModel):
    """A record with the checks that ours does: kinds, ranges, phone, a status that is known, an outcome."""

    call_id: Annotated[str, Field(min_length=1)]
    contact: str | None = None
    phone_number: Annotated[str, AfterValidator(_phone)]
    call_start: datetime
    updated_at: datetime
    status: Literal["Идёт разговор", "Разговор", "Автоответчик", "Нет ответа", "Занято"]
    ring: Seconds | None = None
    duration: Seconds | None = None
    result: str | None = None
    record_url: str | None = None
    dialog: list[Turn] = []
    disposition: str = "RPC_NO_RESULT"

    @model_validator(mode="after")
    def _judged(self) -> Call:
        known = {"Идёт разговор": "PENDING", "Автоответчик": "VOICEMAIL", "Нет ответа": "NO_ANSWER", "Занято": "BUSY"}
        said = {"Согласие": "GOAL", "Отказ": "RPC_REFUSED"}
        self.disposition = known.get(self.status) or said.get(self.result or "", "RPC_NO_RESULT")
        return self


class Report(BaseModel):
    data: list[Call]


def json_and_pydantic(files: Sequence[str]) -> dict[str, Any]:
    """`json.load`, then `model_validate` of each record."""
    import json

    return _told(Call.model_validate(row) for file in files for row in json.loads(Path(file).read_bytes())["data"])


def pydantic_whole(files: Sequence[str]) -> dict[str, Any]:
    """`validate_json` of the document."""
    adapter = TypeAdapter(Report)
    return _told(call for file in files for call in adapter.validate_json(Path(file).read_bytes()).data)


def msgspec_untyped(files: Sequence[str]) -> dict[str, Any]:
    """Parsed, nothing checked."""
    import msgspec

    decoder = msgspec.json.Decoder()
    started = time.perf_counter()
    for file in files:
        decoder.decode(Path(file).read_bytes())
    return {"seconds": time.perf_counter() - started}


def _told(calls: Iterable[Call]) -> dict[str, Any]:
    rows, total, talk = 0, 0.0, 0.0
    for call in calls:
        rows += 1
        total += call.call_start.timestamp() % 100_000 + len(call.dialog)
        talk += float(call.duration or 0)
    return {"state": f"{rows} rows, {total:.0f}, {talk:.0f}"}
