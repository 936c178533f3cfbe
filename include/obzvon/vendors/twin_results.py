"""TWIN's call list and sessions as attempts and parts.

Source: C-CALLS and TV-CALLS (`search/cis/calls`), public clients (`search/cis/sessions`), WK-STAT (statuses); their
meaning is the table of the warehouse model §3.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, cast

from obzvon.dispositions import HUMAN, Disposition
from obzvon.errors import ContractBreak
from obzvon.reports.outcomes import classify, goal_reached, result_fields, result_texts
from obzvon.vendors import rows
from obzvon.vendors.base import EVENTS, Attempt, Part, Row, Totals, Turn
from obzvon.vendors.json_list import BrokenJson, JsonList
from obzvon.vendors.statuses import meanings
from obzvon.vendors.transcripts import turns
from obzvon.vendors.twin_events import echoed_id, record_of, talks
from obzvon.vendors.twin_settings import TwinSettings

if TYPE_CHECKING:
    from obzvon.campaigns.spec import CampaignSpec
    from obzvon.vendors.observed import Observation

D = Disposition
#: Telephony statuses but ANSWERED, which needs more than itself to be judged.
STATUSES = meanings("twin")
#: What is asked of the call list; transcripts come with the sessions where the family has them.
CALL_FIELDS = (
    "id", "phone", "duration", "taskId", "status", "responder", "transferredToOperator", "createdAt", "updatedAt",
    "startedAt", "price", "recordPath", "externalId", "dialogResults",
)  # fmt: skip
TRANSCRIPT_FIELDS = ("messages", "messagesAsString")
SESSION_FIELDS = ("id", "messages", "messagesAsString", "results", "resultsString")


def page_contents(spec: CampaignSpec, kind: str, stream: IO[bytes]) -> Iterator[Row | Totals]:
    """The rows of a page of calls or sessions, then its totals. A silent session is a row too: the vendor counts it."""
    page = JsonList(stream, "items", {"count"})
    yield from item_rows(spec, kind, _items(page))
    yield _totals(page)


def item_rows(spec: CampaignSpec, kind: str, items: Iterable[Any]) -> Iterator[Row]:
    """The rows of parsed items, a broken one as a ContractBreak."""
    reader = _Reader(spec)
    read = {"calls": reader.call, EVENTS: reader.event}.get(kind, reader.session)
    for item in items:
        try:
            yield read(item)
        except ContractBreak as broken:
            yield broken


def raw_rows(stream: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    """The items of a page as they came; what is no object is passed over."""
    return (item for item in _items(JsonList(stream, "items")) if isinstance(item, dict))


def draft_statuses(spec: CampaignSpec, seen: Observation) -> str:
    """YAML of `vendor.statuses`: what the file says, and the statuses that neither it nor TWIN's documents know."""
    said = cast(TwinSettings, spec.vendor).statuses
    column = seen.named("status")
    words = column.every_word if column else {}
    unknown = {text: rows for text, rows in words.items() if text.upper() not in {*STATUSES, *said, "ANSWERED"}}
    if not unknown:
        return ""
    lines = [f"  {text}: {code}" for text, code in said.items()]
    lines += [f"  {text}: UNKNOWN  # ?, {rows} rows" for text, rows in sorted(unknown.items())]
    return "\n".join(["statuses:", *lines]) + "\n"


def page_totals(stream: IO[bytes]) -> Totals:
    """`count`: rows of the whole period, not of the page."""
    page = JsonList(stream, "items", {"count"})
    for _ in _items(page):
        if "count" in page.beside:  # it usually comes first
            break
    return _totals(page)


def _items(page: JsonList) -> Iterator[Any]:
    try:
        yield from page
    except BrokenJson:
        raise ContractBreak("twin.page", "items", "the page is not one whole JSON document") from None


def _totals(page: JsonList) -> Totals:
    return Totals(rows.count(page.beside.get("count")))


class _Reader:
    """Reads the items of one page; what the campaign file says of them is worked out once."""

    def __init__(self, spec: CampaignSpec) -> None:
        settings = cast(TwinSettings, spec.vendor)
        self._spec, self._roles, self._wanted = spec, settings.roles, result_fields(spec)
        self._meaning = STATUSES | settings.statuses
        self._machines = {name.casefold() for name in settings.machine_responders}

    def call(self, item: Mapping[str, Any]) -> Attempt:
        call_id = _id(item)
        created_at = rows.moment("twin.createdAt", "createdAt", item.get("createdAt"))
        # a call that was never dialled has no start; it belongs to the moment it was decided
        started_at = rows.moment("twin.startedAt", "startedAt", item.get("startedAt")) or created_at
        if started_at is None:
            raise ContractBreak("twin.startedAt", "startedAt", "is empty, and so is createdAt")
        talk = rows.seconds("twin.duration", "duration", item.get("duration"))
        transferred = rows.flag(
            "twin.transferredToOperator", "transferredToOperator", item.get("transferredToOperator")
        )  # fmt: skip
        results = self._results(item.get("dialogResults"))
        status = rows.text("twin.status", "status", item.get("status")) or ""
        responder = rows.text("twin.responder", "responder", item.get("responder"))
        disposition = self._disposition(status, responder, results, talk, transferred)
        return Attempt(
            vendor_call_id=call_id,
            external_id=rows.text("twin.externalId", "externalId", item.get("externalId")),
            phone=rows.phone("twin.phone", "phone", item.get("phone")),
            started_at=started_at,
            updated_at=rows.moment("twin.updatedAt", "updatedAt", item.get("updatedAt")) or started_at,
            disposition=disposition,
            status_raw=status,
            responder_raw=responder,
            talk_sec=talk,
            transferred=transferred,
            cost_rub=rows.amount("twin.price", "price", item.get("price")) or Decimal(0),
            record_url=rows.text("twin.recordPath", "recordPath", item.get("recordPath")),
            results=results,
            goal_reached=goal_reached(self._spec, results, disposition),
            turns=self._turns(item),
        )

    def session(self, item: Mapping[str, Any]) -> Part:
        call_id = _id(item)
        return Part(call_id, self._results(item.get("results") or item.get("resultsString")), self._turns(item))

    def event(self, item: Mapping[str, Any]) -> Attempt:
        """CALL_ENDED as far as its table goes: no price, no talk, not who answered, no word of a transfer.

        So an answering machine is a conversation without a result here, until the report says better.
        """
        call_id = _id(item)
        ended_at = rows.moment("twin.finishedAt", "finishedAt", item.get("finishedAt"))
        started_at = rows.moment("twin.startedAt", "startedAt", item.get("startedAt")) or ended_at
        if started_at is None:
            raise ContractBreak("twin.startedAt", "startedAt", "is empty, and so is finishedAt")
        said = item.get("result")
        results = self._results(said)
        status = rows.text("twin.status", "status", item.get("status")) or ""
        disposition = self._disposition(status, None, results, None, False)
        return Attempt(
            vendor_call_id=call_id,
            external_id=echoed_id(item.get("callbackData")),
            phone=rows.phone("twin.callTo", "callTo", item.get("callTo")),
            started_at=started_at,
            updated_at=ended_at or started_at,
            disposition=disposition,
            status_raw=status,
            record_url=record_of(said),
            results=results,
            goal_reached=goal_reached(self._spec, results, disposition),
            turns=tuple(turn for told in talks(item.get("flow")) for turn in turns(told, self._roles)),
        )

    def _disposition(
        self, status: str, responder: str | None, results: Mapping[str, str], talk: Decimal | None, transferred: bool
    ) -> Disposition:
        word = status.upper()
        if word != "ANSWERED":
            meaning = self._meaning.get(word, D.UNKNOWN)
            if meaning not in HUMAN:
                return meaning
            return classify(self._spec, results, talk_sec=talk, transferred=transferred, otherwise=meaning)
        if responder is not None and responder.casefold() in self._machines:
            return D.VOICEMAIL
        return classify(self._spec, results, talk_sec=talk, transferred=transferred)

    def _results(self, value: Any) -> dict[str, str]:
        return {name: said for name, said in result_texts(value).items() if name in self._wanted}

    def _turns(self, item: Mapping[str, Any]) -> tuple[Turn, ...]:
        return turns(item.get("messages"), self._roles) or turns(item.get("messagesAsString"), self._roles)


def _id(item: Mapping[str, Any]) -> str:
    if not isinstance(item, dict):
        raise ContractBreak("twin.row", "items", "a row is not an object")
    call_id = rows.text("twin.id", "id", item.get("id"))
    if call_id is None:
        raise ContractBreak("twin.id", "id", "is empty")
    return call_id
