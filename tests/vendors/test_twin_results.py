"""TWIN's calls and sessions become attempts and parts; lists are read whole, whatever the vendor's cuts."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from vendor_world import order, session, spec, vendor

from obzvon.dispositions import Disposition
from obzvon.errors import ContractBreak
from obzvon.reports.outcomes import with_part
from obzvon.vendors.base import Attempt, Part, Task, Totals, Turn
from obzvon.vendors.statuses import StatusRule, rules
from obzvon.vendors.twin import Twin
from obzvon.vendors.twin_results import STATUSES

BOT = "44e62ac6-6c08-4ad1-923d-5ee3299dd737"
RULE = {"enabled": True, "tries": 2, "interval": 60}
V1 = spec({"type": "twin", "api": "v1", "bot_id": BOT, "calls_per_second": 1,
           "redial": {"no_answer": {"time": 60, "count": 2}}})  # fmt: skip
BETA = spec({"type": "twin", "api": "beta", "bot_id": BOT, "dialplan_id": BOT, "recall_rules": {"NO_ANSWER": RULE}})
CALL: dict[str, Any] = {
    "id": "c-1", "phone": "79161234567", "duration": 42, "taskId": "t", "status": "ANSWERED", "responder": "human",
    "transferredToOperator": False, "createdAt": "2030-01-14T12:00:00+00:00", "updatedAt": "2030-01-15T07:05:00Z",
    "startedAt": "2030-01-15T10:00:00+03:00", "price": 1.25, "recordPath": "https://records.example/c-1.mp3",
    "externalId": "abc-1", "dialogResults": {"confirmation": "agreed", "name": "Анна", "initialVariables": {"x": 1}},
}  # fmt: skip


def page(*items: Any, count: int | None = None) -> bytes:
    return json.dumps({"count": len(items) if count is None else count, "items": items}).encode()


def calls(*items: Any, campaign: Any = V1) -> list[Any]:
    return list(Twin.parse(campaign, "calls", io.BytesIO(page(*items))))


def one(**changes: Any) -> Attempt:
    (attempt,) = calls(CALL | changes)
    assert isinstance(attempt, Attempt)
    return attempt


def test_a_conversation_in_our_words() -> None:
    assert one() == Attempt(
        vendor_call_id="c-1",
        external_id="abc-1",
        phone="+79161234567",
        started_at=datetime(2030, 1, 15, 7, 0, tzinfo=UTC),
        updated_at=datetime(2030, 1, 15, 7, 5, tzinfo=UTC),
        disposition=Disposition.GOAL,
        status_raw="ANSWERED",
        responder_raw="human",
        talk_sec=Decimal("42.00"),
        cost_rub=Decimal("1.25"),
        record_url="https://records.example/c-1.mp3",
        results={"confirmation": "agreed"},
        goal_reached=True,
    )


@pytest.mark.parametrize(
    ("changes", "disposition"),
    [
        ({"responder": "machine"}, Disposition.VOICEMAIL),
        ({"dialogResults": {"confirmation": "refused"}}, Disposition.RPC_REFUSED),
        ({"dialogResults": '{"confirmation": "opt_out"}'}, Disposition.RPC_OPTOUT),
        ({"dialogResults": None}, Disposition.RPC_NO_RESULT),
        ({"dialogResults": [], "duration": 5}, Disposition.HUMAN_SHORT),
        ({"dialogResults": None, "duration": 5, "transferredToOperator": True}, Disposition.TRANSFERRED),
        ({"transferredToOperator": True}, Disposition.GOAL),
        ({"responder": None}, Disposition.GOAL),
        ({"status": "BUSY"}, Disposition.BUSY),
        ({"status": "FZ230"}, Disposition.VENDOR_LAW_BLOCK),
        ({"status": "EXPIRED"}, Disposition.NETWORK_ERROR),
        ({"status": "INPROGRESS"}, Disposition.PENDING),
        ({"status": "QUANTUM"}, Disposition.UNKNOWN),
        ({"status": None}, Disposition.UNKNOWN),
    ],
)
def test_status_responder_and_results_make_the_outcome(changes: dict[str, Any], disposition: Disposition) -> None:
    assert one(**changes).disposition is disposition


def test_every_documented_status_has_a_meaning() -> None:
    documented = "SCHEDULED DIAL INPROGRESS NOANSWER BUSY CONGESTION CHANUNAVAIL FAILED CANCEL BLACKLIST INVALID"
    documented += " UNAVAILABLE EXPIRED REJECTED FZ230 EMPTY_AON"
    assert set(STATUSES) == set(documented.split())
    assert Disposition.UNKNOWN not in STATUSES.values()


def test_the_file_of_a_campaign_adds_to_the_documented_statuses() -> None:
    settings = V1.vendor.model_dump() | {
        "statuses": {"quantum": "UNAVAILABLE", "TALKED": "RPC_NO_RESULT", "BUSY": "NO_ANSWER"}
    }
    campaign = spec(settings)
    rows = [CALL | {"id": "1", "status": "QUANTUM"}, CALL | {"id": "2", "status": "talked"},
            CALL | {"id": "3", "status": "TALKED", "dialogResults": None}, CALL | {"id": "4", "status": "BUSY"},
            CALL | {"id": "5", "status": "INVALID"}]  # fmt: skip
    assert [row.disposition.value for row in calls(*rows, campaign=campaign)] == [
        "UNAVAILABLE", "GOAL", "RPC_NO_RESULT", "NO_ANSWER", "EXCL_INVALID",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="ANSWERED"):
        spec(settings | {"statuses": {"answered": "GOAL"}})


CONDITIONS: dict[str, dict[str, Any]] = {
    "machine": {"responder": "machine"},
    "opt_out": {"dialogResults": {"confirmation": "opt_out"}, "transferredToOperator": True},
    "wrong_party": {"dialogResults": {"confirmation": "wrong_party"}},
    "goal": {"transferredToOperator": True},
    "callback": {"dialogResults": {"confirmation": "callback"}},
    "refused": {"dialogResults": {"confirmation": "refused"}},
    "transferred": {"dialogResults": None, "transferredToOperator": True},
    "short": {"dialogResults": None, "duration": 5},
    "otherwise": {"dialogResults": None, "duration": 6},
}


OUTCOMES = {
    code: {"field": "confirmation", "in": [said]}
    for code, said in (
        ("RPC_OPTOUT", "opt_out"), ("WRONG_PARTY", "wrong_party"), ("RPC_CALLBACK", "callback"),
        ("RPC_REFUSED", "refused"),
    )
}  # fmt: skip


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: f"{rule.status} {rule.condition}".strip())
def test_every_row_of_the_map_is_what_reading_a_call_makes_of_it(rule: StatusRule) -> None:
    """Rows whose condition needs other calls too are the view's, and read as the status alone here."""
    if rule.condition in ("bulk", "many_days"):
        assert one(status=rule.status).disposition is Disposition.NETWORK_ERROR
        assert rule.disposition in (Disposition.CARRIER_BLOCK, Disposition.INVALID_NUMBER)
    else:
        changes = CONDITIONS[rule.condition] if rule.condition else {}
        campaign = spec(V1.vendor.model_dump(), outcomes=OUTCOMES)
        (attempt,) = calls(CALL | {"status": rule.status} | changes, campaign=campaign)
        assert attempt.disposition is rule.disposition


def test_a_call_that_was_never_dialled_belongs_to_its_creation() -> None:
    attempt = one(status="BLACKLIST", startedAt=None, duration=0, price=None, recordPath=None)
    assert attempt.started_at == datetime(2030, 1, 14, 12, 0, tzinfo=UTC)
    assert (attempt.cost_rub, attempt.record_url) == (0, None)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"id": None}, "twin.id"),
        ({"phone": "007"}, "twin.phone"),
        ({"startedAt": "10:00"}, "twin.startedAt"),
        ({"startedAt": None, "createdAt": None}, "twin.startedAt"),
        ({"startedAt": "0001-01-01T00:00:00+03:00"}, "twin.startedAt"),  # "never" as .NET writes it
        ({"updatedAt": "9999-12-31T23:59:59.9999999-05:00"}, "twin.updatedAt"),
        ({"createdAt": "9999-12-31T23:59:59Z"}, "twin.createdAt"),
        ({"createdAt": "2030-01-14T12:00:00"}, "twin.createdAt"),
        ({"duration": "long"}, "twin.duration"),
        ({"price": float("inf")}, "twin.price"),
        ({"transferredToOperator": "maybe"}, "twin.transferredToOperator"),
    ],
)
def test_a_broken_row_is_told_apart_and_the_next_one_follows(changes: dict[str, Any], rule: str) -> None:
    items = [{**CALL, **changes}, CALL]
    body = json.dumps({"count": 2, "items": items}).replace("Infinity", '"Infinity"').encode()
    broken, sound = list(Twin.parse(V1, "calls", io.BytesIO(body)))
    assert isinstance(broken, ContractBreak)
    assert broken.rule == rule
    assert sound.vendor_call_id == "c-1"


def test_a_page_cut_short_is_a_broken_page() -> None:
    with pytest.raises(ContractBreak, match="not one whole JSON document"):
        list(Twin.parse(V1, "calls", io.BytesIO(page(CALL, CALL)[:-30])))


def test_a_session_completes_its_call() -> None:
    sessions = [
        {"id": "c-1", "messagesAsString": "BOT: Здравствуйте!\nCLIENT: Нет, спасибо.",
         "results": {"confirmation": "refused"}},
        {"id": "c-2", "messages": [{"author": "BOT", "text": "Алло?", "startTime": 0.5, "endTime": 2}],
         "resultsString": '{"confirmation": "agreed"}'},
        {"id": "c-3", "messages": [], "messagesAsString": None, "results": None},
    ]  # fmt: skip
    *parts, totals = Twin.contents(V1, "sessions", io.BytesIO(page(*sessions)))
    assert totals == Totals(len(parts))  # silent sessions are of the vendor's count, so they are rows
    assert parts == [
        Part("c-1", {"confirmation": "refused"}, (Turn("bot", "Здравствуйте!"), Turn("client", "Нет, спасибо."))),
        Part("c-2", {"confirmation": "agreed"}, (Turn("bot", "Алло?", 0.5, 2.0),)),
        Part("c-3"),
    ]
    assert isinstance(parts[0], Part)
    whole = with_part(V1, one(dialogResults=None), parts[0])
    assert (whole.disposition, whole.goal_reached) == (Disposition.RPC_REFUSED, False)
    assert whole.turns == parts[0].turns
    machine = with_part(V1, one(responder="machine"), parts[0])
    assert (machine.disposition, machine.goal_reached) == (Disposition.VOICEMAIL, False)


def test_the_control_count_is_of_the_whole_period() -> None:
    assert Twin.totals("calls", io.BytesIO(page(CALL, count=1700))).count == 1700


class Analytics:
    """A TWIN with these calls, which never shows more than `cap` of one period."""

    def __init__(self, items: list[dict[str, Any]], cap: int = 50_000) -> None:
        self.items, self.cap = items, cap

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if "/telephony/autoCall/" in request.path:
            return web.json_response({"status": "PROCESS"})
        query = request.query
        since, until = (datetime.fromisoformat(query[name]) for name in ("from", "to"))
        inside = [i for i in self.items if since <= datetime.fromisoformat(i["createdAt"]) <= until]
        first = int(query["offset"])
        shown = inside[: self.cap][first : first + int(query["limit"])]
        fields = query["fields"].split(",")
        cut = [{name: item.get(name) for name in fields} for item in shown]
        body = {"count": min(len(inside), self.cap), "items": cut}
        return web.json_response(body, headers={"Date": "Tue, 15 Jan 2030 07:30:00 GMT"})


def made(number: int, **changes: Any) -> dict[str, Any]:
    created = datetime(2030, 1, 15, 7, 0, tzinfo=UTC) + timedelta(milliseconds=50 * number)
    return CALL | {"id": f"c-{number}", "externalId": f"abc-{number}", "createdAt": created.isoformat()} | changes


async def pages(campaign: Any, played: Any) -> tuple[list[tuple[str, int, list[Any]]], Any]:
    async with vendor(played) as seen, session(seen.url) as http:
        taken = []
        async for part in Twin(http, campaign).report(Task(order(), "t", 1)):
            body = b"".join([chunk async for chunk in part.chunks])
            taken.append((part.kind, part.number, json.loads(body)["items"]))
    return taken, seen


async def test_lists_are_read_to_the_short_page() -> None:
    taken, seen = await pages(BETA, Analytics([made(n) for n in range(2300)]))
    assert [(kind, number, len(items)) for kind, number, items in taken] == [
        ("calls", 1, 1000), ("calls", 2, 1000), ("calls", 3, 300),
    ]  # fmt: skip
    assert all(query["sort"] == "createdAt" and query["limit"] == "1000" for query in seen.queries)
    assert "page" not in seen.queries[0]


async def test_a_period_the_vendor_cuts_off_is_read_in_halves() -> None:
    class Small(Analytics):
        pass

    # 3 600 calls in 180 seconds against a cap that the test lowers to the vendor's own by counting each call 50 times
    played = Small([made(n) for n in range(3600)], cap=1000)
    original = played.__call__

    async def counted(request: web.Request) -> web.StreamResponse:
        response = await original(request)
        assert isinstance(response, web.Response)
        body = json.loads(response.body or b"{}")
        return web.json_response(body | {"count": body["count"] * 50}) if "items" in body else response

    taken, _ = await pages(BETA, counted)
    ids = [item["id"] for _, _, items in taken for item in items]
    assert set(ids) == {f"c-{n}" for n in range(3600)}
    assert len(ids) < 3700  # rows on a border between two periods may come twice


def uncounted(played: Analytics, most: int = 1000) -> Any:
    """The same without `count`, and never more than `most` rows a page."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await played(request)
        assert isinstance(response, web.Response)
        return web.json_response({"items": json.loads(response.body or b"{}")["items"][:most]})

    return answer


async def test_without_a_count_the_end_is_the_empty_page_however_short_the_servers_pages_are() -> None:
    taken, seen = await pages(BETA, uncounted(Analytics([made(n) for n in range(1100)]), most=400))
    assert [len(items) for _, _, items in taken] == [400, 400, 300]
    assert [query["offset"] for query in seen.queries] == ["0", "400", "800", "1100"]


async def test_without_a_count_a_period_as_long_as_the_cap_is_still_read_in_halves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("obzvon.vendors.twin.RECORD_CAP", 1000)
    taken, _ = await pages(BETA, uncounted(Analytics([made(n) for n in range(2500)], cap=1000), most=300))
    assert {item["id"] for _, _, items in taken for item in items} == {f"c-{n}" for n in range(2500)}


@pytest.mark.parametrize("counted", [True, False])
async def test_a_second_with_more_calls_than_can_be_shown_is_an_error(
    counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obzvon.vendors.twin.RECORD_CAP", 10)
    played = Analytics([made(0) | {"id": f"c-{n}"} for n in range(25)], cap=10)
    with pytest.raises(ContractBreak, match="10 rows or more at 2030-01-15T"):
        await pages(BETA, played if counted else uncounted(played, most=4))


async def test_a_server_that_repeats_its_page_is_an_error_and_no_endless_list() -> None:
    async def stubborn(request: web.Request) -> web.StreamResponse:
        return web.json_response({"items": [made(1)]})

    with pytest.raises(ContractBreak, match="the same page came twice"):
        await pages(BETA, stubborn)


async def test_sessions_are_asked_for_only_after_a_conversation() -> None:
    talked, seen = await pages(V1, Analytics([made(1), made(2, status="BUSY")]))
    assert [kind for kind, _, _ in talked] == ["calls", "sessions"]
    assert seen.asked[-1] == "GET /analyse/api/v1/search/cis/sessions"
    silent, _ = await pages(V1, Analytics([made(1, status="BUSY")]))
    assert [kind for kind, _, _ in silent] == ["calls"]


async def test_betas_transcripts_come_with_the_calls() -> None:
    taken, _ = await pages(BETA, Analytics([made(1, messagesAsString="BOT: Здравствуйте!")]))
    ((_, _, items),) = taken
    (attempt,) = calls(*items, campaign=BETA)
    assert attempt.turns == (Turn("bot", "Здравствуйте!"),)


@pytest.mark.parametrize("campaign", [V1, BETA], ids=["v1", "beta"])
async def test_a_look_knows_who_may_be_dialled_again(campaign: Any) -> None:
    def missed(number: int, contact: str) -> dict[str, Any]:
        return made(number, externalId=contact, status="NOANSWER", startedAt=f"2030-01-15T07:0{number}:00Z")

    items = [
        made(0, recordPath=None), made(1, status="BUSY"), made(2, status="DIAL"),
        missed(3, "thrice"), missed(4, "thrice"), missed(5, "thrice"), missed(6, "once"), made(0, recordPath=None),
    ]  # fmt: skip
    async with vendor(Analytics(items)) as seen, session(seen.url) as http:
        progress = await Twin(http, campaign).look(Task(order(), "t", 5))
    assert progress.vendor_time == datetime(2030, 1, 15, 7, 30, tzinfo=UTC)
    assert (progress.rows, progress.contacts_seen, progress.pending_rows) == (7, 5, 1)
    assert progress.contacts_terminal == 3  # the talk, the busy one (no rule), the one called thrice
    assert progress.recordings_missing == 1
    assert progress.task_status == ("PROCESS" if campaign is V1 else None)
    assert progress.task_finished == (False if campaign is V1 else None)


async def test_when_the_vendor_says_finished_nobody_is_dialled_again() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "/telephony/" in request.path:
            return web.json_response({"status": "FINISHED"})
        return web.json_response({"count": 1, "items": [made(1, status="NOANSWER")]})

    async with vendor(answer) as seen, session(seen.url, finished_statuses=["FINISHED"]) as http:
        progress = await Twin(http, V1).look(Task(order(), "t", 5))
    assert (progress.task_finished, progress.contacts_terminal) == (True, 1)
