"""Delivery: each conversation once for each content, whatever dies in between."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from qa_rows import World, campaign

from obzvon.errors import AuthRefused, InDoubt
from obzvon.qolio.answers import Accepted, Answer, Rejected, Unanswered
from obzvon.qolio.payload import PhoneCall
from obzvon.stages.deliver import DeliverySummary, deliver


class Desk:
    """Qolio as the stage sees it: takes calls, and can be told to refuse, to be silent or to hang."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.now = self.most = 0
        self.refuses: set[str] = set()
        self.silent = False
        self.hangs_after: int | None = None
        self.hanging = asyncio.Event()
        self.wrong_token = False

    async def add_call(self, payload: PhoneCall) -> Answer:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await self._answer(payload)
        finally:
            self.now -= 1

    async def _answer(self, payload: PhoneCall) -> Answer:
        await asyncio.sleep(0)
        if self.wrong_token:
            raise AuthRefused("qolio", "add a call", "the integration token is wrong", status=401)
        if self.silent:
            return Unanswered(tries=5, status=502, cause="server error")
        if payload.uid in self.refuses:
            return Rejected(status=422, tries=1, fields=("operator_id",))
        self.taken.append(payload.uid or "")
        if self.hangs_after is not None and len(self.taken) >= self.hangs_after:
            self.hanging.set()
            await asyncio.Event().wait()
        return Accepted(status=200, tries=1)


def counts(summary: DeliverySummary) -> tuple[int, int, int, int]:
    return summary.sent, summary.rejected, summary.skipped, summary.unchanged


@pytest.fixture
def world(conn: psycopg.Connection) -> World:
    return World(conn)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_conversations_with_a_recording_go_out_once(world: World, desk: Desk, warehouse_dsn: str) -> None:
    world.calls(120)
    world.attempt(1, "voicemail", "NO_ANSWER")
    world.conn.commit()
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (120, 0, 0, 0)
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (0, 0, 0, 120)
    assert sorted(desk.taken) == [f"dialog:{n:05d}" for n in range(1, 121)]
    assert world.states() == {"SENT": 120}


async def test_other_plans_are_left_alone(world: World, desk: Desk, warehouse_dsn: str) -> None:
    world.calls(3)
    assert counts(await deliver(warehouse_dsn, world.spec, desk, "f" * 64)) == (0, 0, 0, 0)


async def test_a_late_recording_is_sent_by_the_next_run(world: World, desk: Desk, warehouse_dsn: str) -> None:
    world.calls(2, record_url=None)
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (0, 0, 2, 0)
    assert world.conn.execute("select distinct reason from ops.qa_delivery").fetchall() == [("no_recording",)]
    world.conn.execute(
        "update dwh.fact_call_attempt set record_url = 'https://r.example.org/1.mp3' where vendor_call_id = '00001'"
    )
    world.conn.commit()
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (1, 0, 1, 0)
    assert world.states() == {"SENT": 1, "SKIPPED": 1}


async def test_only_changed_content_is_sent_again(world: World, desk: Desk, warehouse_dsn: str) -> None:
    world.calls(3)
    await deliver(warehouse_dsn, world.spec, desk, world.plan_id)
    world.conn.execute("update dwh.fact_call_attempt set disposition_code = 'GOAL' where vendor_call_id = '00002'")
    world.conn.commit()
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (1, 0, 0, 2)
    assert desk.taken.count("dialog:00002") == 2


async def test_a_rejected_call_does_not_stop_the_others(world: World, desk: Desk, warehouse_dsn: str) -> None:
    world.calls(60)
    desk.refuses = {"dialog:00001", "dialog:00031"}
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (58, 2, 0, 0)
    rows = world.conn.execute(
        "select call_uid, http_status, attempts, reason from ops.qa_delivery where state = 'REJECTED' order by 1"
    ).fetchall()
    assert rows == [("dialog:00001", 422, 1, "operator_id"), ("dialog:00031", 422, 1, "operator_id")]


async def test_a_rejected_call_is_sent_again_when_changed_or_asked(
    world: World, desk: Desk, warehouse_dsn: str
) -> None:
    world.calls(2)
    desk.refuses = {"dialog:00001", "dialog:00002"}
    await deliver(warehouse_dsn, world.spec, desk, world.plan_id)
    desk.refuses = set()
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (0, 0, 0, 2)
    other = campaign(qolio={"operator_id": "operator@email.com"})
    assert counts(await deliver(warehouse_dsn, other, desk, world.plan_id)) == (2, 0, 0, 0)
    desk.refuses = {"dialog:00001"}
    third = campaign(qolio={"operator_id": "bot:inactive"})
    assert counts(await deliver(warehouse_dsn, third, desk, world.plan_id)) == (1, 1, 0, 0)
    desk.refuses = set()
    again = await deliver(warehouse_dsn, third, desk, world.plan_id, retry_rejected=True)
    assert counts(again) == (1, 0, 0, 1)


async def test_a_recording_nobody_could_play_is_rejected_here_and_the_rest_goes_on(
    world: World, desk: Desk, warehouse_dsn: str
) -> None:
    world.calls(3)
    world.conn.execute("update dwh.fact_call_attempt set record_url = 'C:\\r.mp3' where vendor_call_id = '00002'")
    world.conn.commit()
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (2, 1, 0, 0)
    assert world.conn.execute("select reason from ops.qa_delivery where state = 'REJECTED'").fetchone() == (
        "not sent, breaks the document: media_url",
    )
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (0, 0, 0, 3)


@pytest.mark.parametrize("workers", [1, 5])
async def test_no_more_requests_at_once_than_the_campaign_allows(
    conn: psycopg.Connection, desk: Desk, warehouse_dsn: str, workers: int
) -> None:
    world = World(conn, campaign(limits={"qolio_concurrency": workers}))
    world.calls(40)
    await deliver(warehouse_dsn, world.spec, desk, world.plan_id)
    assert desk.most == workers


async def test_a_wrong_token_stops_all_with_one_sentence(world: World, desk: Desk, warehouse_dsn: str) -> None:
    world.calls(30)
    desk.wrong_token = True
    with pytest.raises(AuthRefused, match="token is wrong"):
        await deliver(warehouse_dsn, world.spec, desk, world.plan_id)
    assert desk.taken == []
    desk.wrong_token = False
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (30, 0, 0, 0)


async def test_silence_ends_the_run_early_and_the_next_one_sends_the_rest(
    world: World, desk: Desk, warehouse_dsn: str
) -> None:
    world.calls(100)
    desk.silent = True
    with pytest.raises(InDoubt, match="run deliver again"):
        await deliver(warehouse_dsn, world.spec, desk, world.plan_id)
    row = world.conn.execute(
        "select count(*), max(http_status) from ops.qa_delivery where state = 'IN_DOUBT'"
    ).fetchone()
    assert row is not None
    assert 1 <= row[0] <= 2 * world.spec.limits.qolio_concurrency
    assert row[1] == 502
    desk.silent = False
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (100, 0, 0, 0)


async def test_a_run_that_dies_is_taken_up_where_it_was(world: World, desk: Desk, warehouse_dsn: str) -> None:
    world.calls(100)
    workers = world.spec.limits.qolio_concurrency
    desk.hangs_after = 70
    dying = asyncio.create_task(deliver(warehouse_dsn, world.spec, desk, world.plan_id))
    await desk.hanging.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    first, desk.hangs_after = len(desk.taken), None
    recorded = world.states()["SENT"]
    assert first - workers <= recorded < first
    second = await deliver(warehouse_dsn, world.spec, desk, world.plan_id)
    assert second.sent == 100 - recorded
    assert len(desk.taken) - first <= 100 - first + workers
    assert set(desk.taken) == {f"dialog:{n:05d}" for n in range(1, 101)}
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (0, 0, 0, 100)


async def test_a_ledger_that_cannot_be_written_ends_the_run_and_the_next_one_sends_what_it_does_not_know(
    world: World, desk: Desk, warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.calls(100)
    with monkeypatch.context() as broken:
        broken.setattr("obzvon.qolio.deliveries._RECORD", "select * from unnest(%s, %s, %s, %s, %s) where 1 / 0 = 1")
        with pytest.raises(psycopg.Error):
            await asyncio.wait_for(deliver(warehouse_dsn, world.spec, desk, world.plan_id), 30)
    assert 0 < len(desk.taken) <= 3 * world.spec.limits.qolio_concurrency
    assert "SENT" not in world.states()
    assert counts(await deliver(warehouse_dsn, world.spec, desk, world.plan_id)) == (100, 0, 0, 0)


async def test_nothing_leaves_before_the_ledger_says_so(world: World, warehouse_dsn: str) -> None:
    world.calls(10)

    class Witness(Desk):
        async def _answer(self, payload: PhoneCall) -> Answer:
            row = world.conn.execute("select state from ops.qa_delivery where call_uid = %s", [payload.uid]).fetchone()
            assert row == ("SENDING",)
            return await super()._answer(payload)

    world.conn.autocommit = True
    assert counts(await deliver(warehouse_dsn, world.spec, Witness(), world.plan_id)) == (10, 0, 0, 0)


async def test_two_runs_at_once_send_each_call_once(world: World, desk: Desk, warehouse_dsn: str) -> None:
    world.calls(50)
    runs = [deliver(warehouse_dsn, world.spec, desk, world.plan_id) for _ in range(2)]
    assert sorted(counts(summary) for summary in await asyncio.gather(*runs)) == [(0, 0, 0, 50), (50, 0, 0, 0)]
    assert len(desk.taken) == 50


async def test_phones_goals_and_redacted_words_come_from_their_tables(world: World, warehouse_dsn: str) -> None:
    world.calls(1)
    world.conn.execute("insert into dwh.fact_dialog_goal values ('dialog', '00001', '2030-05-01', 'Итог', 'да', true)")
    turn = "insert into pii.dialog_turn values ('dialog', '00001', '2030-05-01', %s, %s, %s, %s, %s)"
    world.conn.execute(turn, (2, "client", 2.5, 4, "нет, [phone]"))
    world.conn.execute(turn, (1, "bot", 0, 2.25, "Добрый день"))
    world.conn.commit()
    seen: list[PhoneCall] = []

    class Reader(Desk):
        async def _answer(self, payload: PhoneCall) -> Answer:
            seen.append(payload)
            return await super()._answer(payload)

    await deliver(warehouse_dsn, campaign(qolio={"send_client_name": True}), Reader(), world.plan_id)
    body = seen[0].body()
    assert body["client_phone_number"] == "+79160000001"
    assert body["client"] == {"id": "C-1", "last_name": "Иванов", "first_name": "Иван"}
    assert body["started_at"] == "2030-05-20T12:00:00+03:00"
    assert body["custom_fields"]["goal"] == "true"
    assert body["transcription"] == [
        {"text": "Добрый день", "start_time": 0.0, "end_time": 2.25, "role": "operator"},
        {"text": "нет, [phone]", "start_time": 2.5, "end_time": 4.0, "role": "client"},
    ]


async def test_one_odd_call_is_left_in_doubt_and_the_others_go_out(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    world = World(conn, campaign(limits={"qolio_concurrency": 1}))
    world.calls(10)

    class Moody(Desk):
        async def _answer(self, payload: PhoneCall) -> Answer:
            if payload.uid == "dialog:00004":
                return Unanswered(tries=5, status=500, cause="server error")
            return await super()._answer(payload)

    with pytest.raises(InDoubt, match="1 of 10 calls got no usable answer, 9 were taken"):
        await deliver(warehouse_dsn, world.spec, Moody(), world.plan_id)
    assert world.states() == {"SENT": 9, "IN_DOUBT": 1}
    assert counts(await deliver(warehouse_dsn, world.spec, Desk(), world.plan_id)) == (1, 0, 0, 9)
