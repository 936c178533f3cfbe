"""Every reader of outside data, and what it may do with a body: give what it documents, or raise what it documents.

Whatever else a reader raises goes on and fails the run.
"""

from __future__ import annotations

import io
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from mutations import changed_bytes, changed_record
from openpyxl import Workbook
from read_one import campaign_of
from vendors.vendor_world import NOW, SPEC, spec

from obzvon.campaigns.catalogue import load
from obzvon.campaigns.lines import Lines
from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.read import read
from obzvon.errors import CampaignFileError, ContractBreak, InDoubt, ListError, PolicyError
from obzvon.ledger.keys import phone_key
from obzvon.policy.model import load_policy
from obzvon.reports.scrub import Marks, scrubbed
from obzvon.vendors.answers import Answer, Where, refused_request
from obzvon.vendors.base import Attempt, Dialer, Part, Totals
from obzvon.vendors.dialog import Dialog
from obzvon.vendors.twin import Twin
from obzvon.vendors.twin_tasks import identity

__all__ = ["TARGETS", "Target"]

ROOT = Path(__file__).resolve().parents[2]
DIALOG = spec("""
type: dialog
project_id: 1
scenario_id: 951
start_block_id: 10
phone_id: 5
attempts: 3
report:
  timezone: Asia/Yekaterinburg
  fields:
    {phone: phone, started_at: start, status: status, call_id: id, duration: duration, record_url: record,
     dialog: dialog, updated_at: updated, cost: cost, transferred: transferred, results: {confirmation: result}}
  statuses: {Разговор: RPC_NO_RESULT, Нет ответа: NO_ANSWER, В очереди: PENDING}
  roles: {Бот: bot, Клиент: client}
""")
TWIN = spec(
    (ROOT / "include" / "campaigns" / "demo_twin.yaml")
    .read_text("utf-8")
    .partition("\nvendor:")[2]
    .partition("\ngoal:")[0]
)
DIALOG_ROW: dict[str, Any] = {
    "id": "c-1", "phone": "+7 916 123-45-67", "start": "2030-01-15T10:00:00+05:00", "status": "Разговор",
    "duration": 61.5, "record": "https://records.example/c-1.mp3", "result": "agreed", "cost": 3.4,
    "transferred": False, "dialog": [{"author": "Бот", "text": "Здравствуйте!", "start": 0.5}],
    "updated": "2030-01-15T10:05:00+05:00",
}  # fmt: skip
TWIN_ROW: dict[str, Any] = {
    "id": "call-1", "phone": "79161234567", "duration": 12, "taskId": "t", "status": "ANSWERED", "responder": "HUMAN",
    "transferredToOperator": False, "createdAt": "2030-01-15T10:00:00+03:00", "updatedAt": "2030-01-15T10:05:00+03:00",
    "startedAt": "2030-01-15T10:00:05+03:00", "price": 1.25, "recordPath": "https://records.example/1.mp3",
    "externalId": "p-1", "dialogResults": {"confirmation": "agreed"}, "messagesAsString": "BOT: да\nCLIENT: нет",
}  # fmt: skip
SESSION: dict[str, Any] = {
    "id": "call-1", "messages": [{"author": "BOT", "text": "Здравствуйте!"}], "results": {"confirmation": "agreed"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """A reader: `draw` makes a body, `judge` reads it and says whether it was taken (else it was refused)."""

    draw: Callable[[random.Random], bytes]
    judge: Callable[[bytes], bool]
    #: Of a thousand bodies.
    share: int


def _refused(*documented: type[Exception]) -> Callable[[Callable[[bytes], None]], Callable[[bytes], bool]]:
    def wrap(look: Callable[[bytes], None]) -> Callable[[bytes], bool]:
        def judge(body: bytes) -> bool:
            try:
                look(body)
            except documented:
                return False
            return True

        return judge

    return wrap


# reports ----------------------------------------------------------------------------------------------------------


def _page(name: str, *records: str, count: str = "3") -> bytes:
    return f'{{"count": {count}, "{name}": [{", ".join(records)}], "columns": [{{"field": "id"}}]}}'.encode()


def _bytes_of(corpus: Sequence[bytes]) -> Callable[[random.Random], bytes]:
    return lambda rng: changed_bytes(rng, corpus)


def _whole(dialer: type[Dialer], campaign: CampaignSpec, kind: str) -> Callable[[bytes], bool]:
    @_refused(ContractBreak)
    def look(body: bytes) -> None:
        found = list(dialer.contents(campaign, kind, io.BytesIO(body)))
        assert all(isinstance(each, Attempt | Part | ContractBreak | Totals) for each in found)
        dialer.totals(kind, io.BytesIO(body))
        assert all(isinstance(each, dict) for each in dialer.raw_rows(kind, io.BytesIO(body)))

    return look


def _between(dialer: type[Dialer], campaign: CampaignSpec, kind: str, name: str, record: dict[str, Any]) -> Target:
    """A changed record between good ones: it is one row, sound or broken, and the good ones arrive as ever."""
    good = [json.dumps(record | {"id": f"good-{number}"}, ensure_ascii=False) for number in range(2)]
    usual = [
        row for row in dialer.contents(campaign, kind, io.BytesIO(_page(name, *good))) if not isinstance(row, Totals)
    ]
    assert len(usual) == 2
    assert all(isinstance(row, Attempt | Part) for row in usual)

    def draw(rng: random.Random) -> bytes:
        return _page(name, good[0], changed_record(rng, record), good[1])

    def judge(body: bytes) -> bool:
        rows = [row for row in dialer.contents(campaign, kind, io.BytesIO(body)) if not isinstance(row, Totals)]
        # a row of Dialog's that only waits for its call is left out
        assert [rows[0], rows[-1]] == usual
        assert len(rows) == 3 or (dialer is Dialog and len(rows) == 2)
        return not isinstance(rows[1], ContractBreak)

    return Target(draw, judge, 0)


# answers ----------------------------------------------------------------------------------------------------------

_ANSWERS = [
    json.dumps(answer, ensure_ascii=False).encode()
    for answer in (
        {"campaign": {"id": 17, "name": "x"}}, {"id": {"identity": "e2b1"}, "name": "y"}, {"id": "e2b1"},
        {"token": "a.b.c"},
        {"items": [{"id": {"identity": "t"}, "name": "n", "status": "RUNNING", "callCount": 3}], "count": 1},
        {"detail": [{"loc": ["body", "schedule", "date"], "msg": "x"}]}, {"errors": {"fields": {"phone": ["bad"]}}},
        {"error": {"code": 4, "message": "no"}}, {"data": [], "meta": {"total-pages": 1}},
    )
]  # fmt: skip


@_refused(InDoubt)
def _answer(body: bytes) -> None:
    refused = refused_request(Where("twin", "create", "c"), 422, {"Content-Type": "application/json"}, body, NOW)
    assert "\n" not in str(refused)
    answer = Answer("twin", "create", 200, NOW, body, {"Content-Type": "application/json"})
    parsed = answer.json()
    if body.strip():
        assert answer.usable
    found = identity(parsed.get("id")) if isinstance(parsed, dict) else None
    assert found is None or (found.isascii() and 0 < len(found) <= 200)


_MARKS = Marks(b"secret", frozenset({phone_key(b"secret", "+79161234567")}), frozenset({"c-1"}))


@_refused(ValueError)
def _erased(body: bytes) -> None:
    """A page is erased, or said to be none; what is left is a page without the person."""
    page, cleaned = scrubbed(body, _MARKS)
    assert cleaned or page is body
    assert scrubbed(page, _MARKS)[1] == 0


# files ------------------------------------------------------------------------------------------------------------

FOLDER = Path(tempfile.mkdtemp(prefix="obzvon-fuzz-"))


def _list(kind: str) -> Callable[[bytes], bool]:
    campaign, file = campaign_of(kind, f"list.{kind}"), FOLDER / f"list.{kind}"

    @_refused(ListError)
    def look(body: bytes) -> None:
        file.write_bytes(body)
        for frame in read(campaign, FOLDER, None):  # type: ignore[arg-type]
            assert all(isinstance(cell, str) and "\x00" not in cell for cell in frame["phone"])

    return look


def _workbook() -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in (["phone", "name"], ["79161234567", "Анна"], [79161234568.0, None]):
        book.worksheets[0].append(row)
    book.save(out)
    return out.getvalue()


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"phone": ["79161234567", None, "8"], "name": ["a", "b", "a"]}), out, compression="zstd")
    return out.getvalue()


CSV = ("phone;name\n79161234567;Анна\n\"8 916\";\"a\nb\"\n;;\n".encode(), "phone\n79161234567\n".encode("cp1251"),
       "\ufeffphone,name\r\n+7 916,Ёж\r\n".encode())  # fmt: skip


def _yaml(reader: Callable[[Path], object], error: type[Exception], name: str) -> Callable[[bytes], bool]:
    file = FOLDER / name

    @_refused(error)
    def look(body: bytes) -> None:
        file.write_bytes(body)
        Lines(file).of("vendor.report.fields")
        reader(file)

    return look


CAMPAIGNS = [(ROOT / "include" / "campaigns" / f"{name}.yaml").read_bytes() for name in ("demo_dialog", "demo_twin")]
CAMPAIGNS.append(SPEC.encode())
POLICY = [(ROOT / "include" / "policy" / "policy.yaml").read_bytes()]


def _shared(target: Target, share: int) -> Target:
    return Target(target.draw, target.judge, share)


_DIALOG_PAGES = [
    _page("data", *[json.dumps(DIALOG_ROW, ensure_ascii=False)] * count, count=str(count)) for count in (1, 3)
]
_TWIN_PAGES = [
    _page("items", *[json.dumps(TWIN_ROW, ensure_ascii=False)] * count, count=str(count)) for count in (1, 3)
]
_SESSION_PAGES = [_page("items", json.dumps(SESSION, ensure_ascii=False))]

TARGETS: dict[str, Target] = {
    "dialog report, bytes": Target(_bytes_of(_DIALOG_PAGES), _whole(Dialog, DIALOG, "report"), 180),
    "twin calls, bytes": Target(_bytes_of(_TWIN_PAGES), _whole(Twin, TWIN, "calls"), 150),
    "twin sessions, bytes": Target(_bytes_of(_SESSION_PAGES), _whole(Twin, TWIN, "sessions"), 50),
    "dialog report, records": _shared(_between(Dialog, DIALOG, "report", "data", DIALOG_ROW), 230),
    "twin calls, records": _shared(_between(Twin, TWIN, "calls", "items", TWIN_ROW), 230),
    "twin sessions, records": _shared(_between(Twin, TWIN, "sessions", "items", SESSION), 60),
    "answers": Target(_bytes_of(_ANSWERS), _answer, 55),
    "erasing": Target(_bytes_of([*_DIALOG_PAGES, *_TWIN_PAGES]), _erased, 25),
    "csv": Target(_bytes_of(CSV), _list("csv"), 12),
    "campaigns": Target(_bytes_of(CAMPAIGNS), _yaml(load, CampaignFileError, "demo_dialog.yaml"), 3),
    "policy": Target(_bytes_of(POLICY), _yaml(load_policy, PolicyError, "policy.yaml"), 3),
    "xlsx": Target(_bytes_of([_workbook()]), _list("xlsx"), 1),
    "parquet": Target(_bytes_of([_parquet()]), _list("parquet"), 1),
}  # fmt: skip
assert sum(target.share for target in TARGETS.values()) == 1_000
