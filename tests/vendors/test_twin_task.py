"""A TWIN task is created stopped, filled, started last; it can be found again by its marker and stopped for sure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from vendor_world import NOW, Naps, order, session, spec, vendor

from obzvon.errors import AuthRefused, ConfigError, ContractBreak, InDoubt, NotSent, Refused
from obzvon.vendors.base import Contact, Found, Standing, StopOutcome
from obzvon.vendors.twin import Twin

BOT = "44e62ac6-6c08-4ad1-923d-5ee3299dd737"
TASK = "00000000-0000-4000-8000-0000000000bb"
V1: dict[str, Any] = {"type": "twin", "api": "v1", "bot_id": BOT, "calls_per_second": 1}
BETA: dict[str, Any] = {"type": "twin", "api": "beta", "bot_id": BOT, "dialplan_id": BOT}
PEOPLE = [
    Contact("abc-1", "+79161234567", {"name": "Анна", "note": None}, 180),
    Contact("abc-2", "+79161234568", {"name": "Пётр", "debt": 10}),
]
AUTO_CALL = "/cis/api/v1/telephony/autoCall"


class Played:
    """A TWIN that answers by path; `answers` overrides by the end of the path."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.status = "READY"

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        last = request.path.rpartition("/")[2].replace("-", "_")
        given = self.answers.get(last)
        if callable(given):
            given = given(request)
        if isinstance(given, web.Response):
            return web.Response(status=given.status, body=given.body, headers=given.headers)
        if given is None and request.method == "POST" and last in ("autoCall", "tasks"):
            given = {"id": TASK if last == "tasks" else {"identity": TASK}}
        return web.json_response(given if given is not None else {"id": {"identity": TASK}, "status": self.status})


def twin_session(url: str, **options: Any) -> Any:
    defaults = {"company_timezone": "Europe/Moscow", "candidates_path": "/tasks/{task_id}/candidates"}
    return session(url, **(defaults | options))


async def created(
    settings: dict[str, Any], *, now: datetime = NOW, options: dict[str, Any] | None = None, **changes: Any
) -> Any:
    """The body of the create request for this order."""
    async with vendor(Played()) as seen, twin_session(seen.url, **(options or {})) as http:
        http.clock = lambda: now
        assert await Twin(http, spec(settings)).create(order(**changes), ()) == TASK
    (body,) = seen.bodies
    return body


async def test_the_plain_v1_task() -> None:
    assert await created(V1) == {
        "name": "Обзвон клиентов [af:ab12cd34]", "defaultExec": "robot", "defaultExecData": BOT,
        "secondExec": "end", "cidType": "default", "startType": "time", "startMoment": "2030-01-15 10:00",
        "cps": 1.01, "lifetime": 28800, "webhookUrls": [],
        "additionalOptions": {
            "fullListMethod": "reject", "fullListTime": 12, "useTr": True, "allowCallTimeFrom": 36000,
            "allowCallTimeTo": 64800, "recordCall": True, "recTrimLeft": 0, "detectRobot": False,
            "detectRobotMode": None, "detectRobotGreeting": None, "providerId": None,
        },
        "redialStrategyOptions": {
            "redialStrategyEn": False, "candidateLimit": {"redial": False, "count": 0},
            "numberLimit": {"redial": False, "count": 0}, "busy": {"redial": False}, "noAnswer": {"redial": False},
            "answerMash": {"redial": False}, "congestion": {"redial": False}, "answerNoList": {"redial": False},
        },
    }  # fmt: skip


async def test_every_setting_of_a_v1_task_has_its_field() -> None:
    other = "00000000-0000-4000-8000-000000000003"
    body = await created(
        V1
        | {
            "calls_per_second": None, "seconds_per_call": 3, "second_exec": {"type": "ch", "channel_id": other},
            "caller_id": {"type": "gornum", "id": other}, "call_strategy": "PARALLEL", "check_phone": True,
            "phone_normalization": "RU", "comment": "проверка", "schedule_id": other,
            "send_report_after_finish": True, "effective_seconds": 20, "record_call": False, "rec_trim_left": 2,
            "amd": {"enabled": True, "mode": "block", "greeting_id": other}, "provider_id": "12", "fz230": True,
            "webhooks": ["https://old.example", {"url": "https://new.example", "delay": 4, "events": ["CALL_ENDED"]}],
            "redial": {"candidate_limit": 6, "busy": {"time": 900, "count": 3},
                       "answering_machine": {"time": 60, "count": 1}},
        }
    )  # fmt: skip
    assert {name: body[name] for name in (
        "secondExec", "secondExecData", "cidType", "cidData", "cps", "callStrategy", "checkPhone", "phoneNormalization",
        "taskComment", "scheduleId", "sendReportAfterFinish", "webhookUrls",
    )} == {
        "secondExec": "ch", "secondExecData": other, "cidType": "gornum", "cidData": other, "cps": 0.97,
        "callStrategy": "PARALLEL", "checkPhone": True, "phoneNormalization": "RU", "taskComment": "проверка",
        "scheduleId": other, "sendReportAfterFinish": True,
        "webhookUrls": ["https://old.example", {
            "url": "https://new.example", "partialResults": False, "delay": 4,
            "events": {"CALL_ENDED": {"name": "CALL_ENDED", "value": True}}}],
    }  # fmt: skip
    assert {name: body["additionalOptions"][name] for name in (
        "fullListTime", "recordCall", "recTrimLeft", "detectRobot", "detectRobotMode", "detectRobotGreeting",
        "providerId", "fz230",
    )} == {
        "fullListTime": 20, "recordCall": False, "recTrimLeft": 2, "detectRobot": True, "detectRobotMode": "block",
        "detectRobotGreeting": other, "providerId": "12", "fz230": True,
    }  # fmt: skip
    strategy = body["redialStrategyOptions"]
    assert strategy["redialStrategyEn"] is True
    assert strategy["candidateLimit"] == {"redial": True, "count": 6}
    assert strategy["busy"] == {"redial": True, "time": 900, "count": 3}
    assert strategy["answerMash"] == {"redial": True, "time": 60, "count": 1}


async def test_an_open_window_means_a_manual_start_that_comes_last() -> None:
    opened = {"opens_at": datetime(2030, 1, 15, 7, tzinfo=UTC), "starts_at": datetime(2030, 1, 15, 9, 3, tzinfo=UTC)}
    now = datetime(2030, 1, 15, 9, 0, tzinfo=UTC)
    body = await created(V1, now=now, **opened)
    assert body["startType"] == "manual"
    assert "startMoment" not in body
    assert body["lifetime"] == 6 * 3600
    async with vendor(Played()) as seen, twin_session(seen.url) as http:
        await Twin(http, spec(V1)).start(TASK, order(**opened), now)
    assert seen.asked == [f"POST {AUTO_CALL}/{TASK}/play"]


async def test_a_window_to_come_starts_by_the_companys_clock_and_nobody_presses_play() -> None:
    body = await created(V1, options={"company_timezone": "Asia/Vladivostok"})
    assert (body["startType"], body["startMoment"]) == ("time", "2030-01-15 17:00")
    async with vendor(Played()) as seen, twin_session(seen.url) as http:
        await Twin(http, spec(V1)).start(TASK, order(), NOW)
        await Twin(http, spec(BETA)).start(TASK, order(), NOW + timedelta(days=1))
    assert seen.asked == []


async def test_lifetime_may_count_from_the_creation() -> None:
    body = await created(V1, options={"lifetime_from": "creation"})
    assert body["lifetime"] == 27 * 3600


@pytest.mark.parametrize(
    ("offsets", "moment"), [((180,), "2030-01-15T10:00:00+03:00"), ((540, 600), "2030-01-15T07:00:00+00:00")]
)
async def test_a_beta_task_is_scheduled_with_an_offset(offsets: tuple[int, ...], moment: str) -> None:
    body = await created(BETA, offsets=offsets)
    assert body["scheduledAt"] == moment
    assert body["allowedTimeRange"] == {"from": 36000, "to": 64800}
    assert "webhookUrl" not in body


EVENTS_TO = {"webhook_address": "https://air.example/", "webhook_secret": "s" * 32}
OUR_ADDRESS = f"https://air.example/obzvon-events/vendor_default/{'s' * 32}"


async def test_a_task_is_told_where_its_events_go_only_where_the_connection_has_an_address() -> None:
    (hook,) = (await created(V1, options=EVENTS_TO))["webhookUrls"]
    names = ("CALL_ENDED", "CANDIDATE_CHANGED", "AUTOCALL_STATUS_CHANGED")
    assert hook == {
        "url": OUR_ADDRESS, "partialResults": False, "delay": 0,
        "events": {name: {"name": name, "value": True} for name in names},
    }  # fmt: skip
    both = await created(V1 | {"webhooks": ["https://crm.example"]}, options=EVENTS_TO)
    assert [hook if isinstance(hook, str) else hook["url"] for hook in both["webhookUrls"]] == [
        "https://crm.example", OUR_ADDRESS
    ]  # fmt: skip
    assert (await created(BETA, options=EVENTS_TO))["webhookUrl"] == OUR_ADDRESS
    # there is room for one, and the file's was asked for by name
    own = await created(BETA | {"webhook_url": "https://crm.example"}, options=EVENTS_TO)
    assert own["webhookUrl"] == "https://crm.example"


async def test_an_address_for_events_that_is_none_is_refused_before_any_request() -> None:
    async with vendor(Played()) as seen, twin_session(seen.url, webhook_address="http://air.example") as http:
        with pytest.raises(ConfigError, match="webhook_address"):
            Twin(http, spec(V1)).check(order(), NOW)
    assert seen.bodies == []


async def test_only_the_asked_for_load_start_sends_null() -> None:
    assert (await created(BETA | {"start": "on_load"}))["scheduledAt"] is None


@pytest.mark.parametrize("answer", [{}, [], {"id": None}, {"id": {}}, {"id": 7}])
async def test_a_created_task_without_an_id_is_in_doubt(answer: Any) -> None:
    async with vendor(Played(autoCall=answer)) as seen, twin_session(seen.url) as http:
        with pytest.raises(InDoubt, match="no id"):
            await Twin(http, spec(V1)).create(order(), ())
    assert len(seen.asked) == 1


async def test_candidates_go_in_one_request_once_the_task_can_be_read() -> None:
    early = iter([404, 404])
    answers = Played()
    answers.answers[TASK.replace("-", "_")] = lambda request: (
        web.Response(status=404, text='{"error": "task not found"}')
        if next(early, None)
        else web.json_response({"status": "BLANK"})
    )
    async with vendor(answers) as seen, twin_session(seen.url) as http:
        dialer = Twin(http, spec(V1))
        assert (await dialer.add_contacts(TASK, order(), PEOPLE)).accepted == 2
        await dialer.add_contacts(TASK, order(offsets=(540, 600)), PEOPLE)
    look, add = f"GET {AUTO_CALL}/{TASK}", "POST /cis/api/v1/telephony/autoCallCandidate/batch"
    assert seen.asked == [look, look, look, add, add]
    assert seen.bodies[3] == {
        "forceStart": False,
        "batch": [
            {"autoCallId": TASK, "phone": ["79161234567"], "variables": {"name": "Анна"},
             "callbackData": {"external_id": "abc-1"}, "clientExternalId": "abc-1", "timezone": 10800},
            {"autoCallId": TASK, "phone": ["79161234568"], "variables": {"name": "Пётр", "debt": 10},
             "callbackData": {"external_id": "abc-2"}, "clientExternalId": "abc-2", "timezone": 10800},
        ],
    }  # fmt: skip
    # of several possible zones one is named: each of them has the window inside its hours
    assert [candidate["timezone"] for candidate in seen.bodies[4]["batch"]] == [10800, 32400]


async def test_candidates_of_a_task_that_never_becomes_readable_are_not_sent() -> None:
    for fault in (web.Response(status=404, text='{"error": "no"}'), web.Response(status=502)):
        answers = Played(**{TASK.replace("-", "_"): fault})
        async with vendor(answers) as seen, twin_session(seen.url, ready_seconds=0) as http:
            with pytest.raises(NotSent, match="cannot be read"):
                await Twin(http, spec(V1)).add_contacts(TASK, order(), PEOPLE)
        assert not [asked for asked in seen.asked if asked.startswith("POST")]


async def test_candidates_are_never_sent_twice() -> None:
    async with vendor(Played(batch=web.Response(status=500))) as seen, twin_session(seen.url) as http:
        with pytest.raises(InDoubt):
            await Twin(http, spec(V1)).add_contacts(TASK, order(), PEOPLE)
    assert seen.times("/batch") == 1


async def test_betas_candidates_go_where_the_connection_says() -> None:
    async with vendor(Played()) as seen, twin_session(seen.url, timezone_unit="minutes") as http:
        await Twin(http, spec(BETA)).add_contacts(TASK, order(), PEOPLE[:1])
    assert seen.asked == [f"POST /api/cis/beta/tasks/{TASK}/candidates"]
    assert seen.bodies[0]["batch"][0]["timezone"] == 180
    async with session("http://127.0.0.1:9") as http:
        with pytest.raises(ConfigError, match="candidates_path"):
            await Twin(http, spec(BETA)).add_contacts(TASK, order(), PEOPLE)


async def test_a_stop_is_paused_halted_and_looked_after() -> None:
    answers = Played(pause=web.Response(status=400, text='{"error": "not running"}'))
    looks = iter(["PROCESS", "PROCESS", "HALTED"])
    answers.answers[TASK.replace("-", "_")] = lambda request: {"status": next(looks)}
    naps = Naps()
    async with vendor(answers) as seen, twin_session(seen.url, naps=naps) as http:
        assert await Twin(http, spec(V1)).cancel(TASK) is StopOutcome.CONFIRMED
    commands = [asked.rpartition("/")[2] for asked in seen.asked if asked.startswith("POST")]
    assert commands == ["pause", "halted"]
    assert sum(naps.taken) < 30


async def test_a_stop_nobody_confirms_says_so() -> None:
    for task in ({"status": "PROCESS"}, {}, web.Response(status=500)):
        async with vendor(Played(**{TASK.replace("-", "_"): task})) as seen, twin_session(seen.url) as http:
            assert await Twin(http, spec(V1)).cancel(TASK) is StopOutcome.UNCONFIRMED
    async with session("http://127.0.0.1:9") as http:
        assert await Twin(http, spec(BETA)).cancel(TASK) is StopOutcome.NOT_POSSIBLE


async def test_only_tasks_with_our_marker_are_found_on_all_pages() -> None:
    tasks = [{"id": f"id-{n}", "name": f"Чужое {n} [af:00000000]", "status": "READY"} for n in range(1500)]
    tasks[1200] |= {"name": "Наше [af:ab12cd34]", "id": {"identity": TASK}}

    def listed(request: web.Request) -> dict[str, Any]:
        first = int(request.query["offset"])
        return {"count": len(tasks), "items": tasks[first : first + int(request.query["limit"])]}

    async with vendor(Played(autoCall=listed)) as seen, twin_session(seen.url) as http:
        dialer = Twin(http, spec(V1))
        found = await dialer.find("[af:ab12cd34]", NOW - timedelta(hours=1), NOW)
        nothing = await dialer.find("[af:ffffffff]", NOW - timedelta(hours=1), NOW)
        unknown = await Twin(http, spec(BETA)).find("[af:ab12cd34]", NOW, NOW)
    assert found == (Found(TASK, "Наше [af:ab12cd34]", "READY"),)
    assert (nothing, unknown) == ((), None)
    assert seen.queries[0] == {
        "keyword": "[af:ab12cd34]", "from": "2030-01-14T11:00:00+00:00", "to": "2030-01-14T12:00:01+00:00",
        "limit": "1000", "offset": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (web.Response(status=500), InDoubt),
        (web.Response(status=400, text='{"error": "no"}'), Refused),
        (web.Response(status=403), AuthRefused),
        ({"count": 0}, ContractBreak),
        ({"items": [{"title": "Наше [af:ab12cd34]"}]}, ContractBreak),
    ],
)
async def test_a_look_up_that_fails_is_never_none(answer: Any, error: type[Exception]) -> None:
    async with vendor(Played(autoCall=answer)) as seen, twin_session(seen.url) as http:
        with pytest.raises(error):
            await Twin(http, spec(V1)).find("[af:ab12cd34]", NOW - timedelta(hours=1), NOW)


async def test_services_may_live_on_hosts_of_their_own() -> None:
    async with vendor(Played()) as seen, twin_session("http://127.0.0.1:9", cis_url=f"{seen.url}/api/v1/") as http:
        await Twin(http, spec(V1)).create(order(), ())
    assert seen.asked == ["POST /api/v1/telephony/autoCall"]


async def test_a_list_shows_how_every_task_of_the_account_stands() -> None:
    tasks = [
        {"id": {"identity": TASK}, "name": "Наше", "status": "PROCESS", "callCount": 1240, "candidateCount": 1500},
        {"id": "flat", "status": "HALTED", "callCount": "many"},
        {"id": "ours", "name": None, "status": "FINISHED"},
    ]
    date = {"Date": "Mon, 14 Jan 2030 12:00:00 GMT"}
    answer = web.json_response({"count": 3, "items": tasks}, headers=date)
    async with (
        vendor(Played(autoCall=answer)) as seen,
        twin_session(seen.url, finished_statuses=["FINISHED"]) as http,
    ):
        found = await Twin(http, spec(V1)).standings(NOW - timedelta(hours=1), NOW)
        assert (Twin(http, spec(V1)).lists, Twin(http, spec(BETA)).lists) == (True, False)
    when = datetime(2030, 1, 14, 12, tzinfo=UTC)
    assert found == {
        TASK: Standing(when, "PROCESS", finished=False, calls=1240),
        "flat": Standing(when, "HALTED", finished=True),
        "ours": Standing(when, "FINISHED", finished=True),
    }
    assert "keyword" not in seen.queries[0]
    nameless = Played(autoCall={"count": 1, "items": [{"name": "Чужое", "status": "READY"}]})
    async with vendor(nameless) as seen, twin_session(seen.url) as http:
        with pytest.raises(ContractBreak, match="no id"):
            await Twin(http, spec(V1)).standings(NOW - timedelta(hours=1), NOW)
