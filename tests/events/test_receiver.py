"""What the receiver answers: 200 for what is on the disk and for nothing else, 404 for whoever has no business here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from event_bodies import TASK, ended, rung
from receiving import FROM_TWIN, KEY, Post, account, inbox_of, receiver

from obzvon.errors import ConfigError
from obzvon.events import inbox as inboxes
from obzvon.events import receiver as receivers
from obzvon.events.bell import Bell, Ring
from obzvon.events.door import Door, address_of
from obzvon.events.inbox import Arrived, Inbox, InboxFull
from obzvon.vendors.account import Account

STORED = "select body, times, outcome from pii.vendor_event order by event_id"


@pytest.fixture
async def inbox(warehouse_dsn: str) -> AsyncIterator[Inbox]:
    made = inbox_of(warehouse_dsn)
    yield made
    await made.close()


def stored(conn: psycopg.Connection) -> list[Any]:
    rows = conn.execute(STORED).fetchall()
    conn.commit()
    return rows


async def test_whatever_a_known_sender_brings_is_stored_byte_for_byte_and_answered_200(
    inbox: Inbox, conn: psycopg.Connection
) -> None:
    app = receiver(inbox)
    bodies = [rung(ended(1)), b"", b"not json \x00\xff", b'{"event": "WHATEVER"}', b"[" * 50_000]
    for body in bodies:
        post = Post(body[:7], body[7:])
        assert await post.send(app) == 200
        # the log of a server shows the path as it is after the answer
        assert KEY not in f"{post.scope} {post.body!r} {post.headers}"
    assert stored(conn) == [(body, 1, None) for body in bodies]


async def test_equal_bodies_are_stored_once_and_counted_also_when_they_come_together(
    inbox: Inbox, conn: psycopg.Connection
) -> None:
    app, body = receiver(inbox), rung(ended(1))
    assert set(await asyncio.gather(*(Post(body).send(app) for _ in range(20)))) == {200}
    assert await Post(body).send(app) == 200
    assert stored(conn) == [(body, 21, None)]


@pytest.mark.parametrize(
    "post",
    [
        Post(b"{}", path="/twin_default/wrong"),
        Post(b"{}", path=f"/twin_default/{KEY}x"),
        Post(b"{}", path="/twin_default/ключ"),
        Post(b"{}", path=f"/another/{KEY}"),
        Post(b"{}", path=f"/twin_default/{KEY}/more"),
        Post(b"{}", path="/twin_default"),
        Post(b"{}", path="/"),
        Post(b"{}", method="GET"),
        Post(b"{}", method="PUT"),
        Post(b"{}", peer="203.0.113.9"),
        Post(b"{}", peer=None),
        Post(b"{}", peer="/run/socket"),
        Post(b"{}", peer="203.0.113.9", forwarded=[FROM_TWIN]),
        Post(b"{}", peer="10.1.0.1", forwarded=[FROM_TWIN, "203.0.113.9"]),
        Post(b"{}", peer="10.1.0.1", forwarded=[f"{FROM_TWIN}, nonsense"]),
        Post(b"{}", peer="10.1.0.1", forwarded=[]),
    ],
    ids=lambda post: f"{post.scope['method']} {post.scope['client']} {post.scope['path'][-20:]}",
)
async def test_a_forged_event_meets_an_address_that_does_not_exist(post: Post) -> None:
    app = receiver(Inbox("postgresql://nobody@127.0.0.1:9/none", lambda *_: pytest.fail("it was let in")),
                   webhook_proxies="10.1.0.0/24")  # fmt: skip
    assert await post.send(app) == 404
    assert (post.body, post.headers[b"content-type"]) == (b'{"detail":"Not Found"}', b"application/json")
    assert post.parts_read == 0


@pytest.mark.parametrize(
    ("peer", "forwarded"),
    [
        ("10.1.0.1", [FROM_TWIN]),
        ("10.1.0.1", [f"1.2.3.4, {FROM_TWIN}:5555"]),
        ("10.1.0.1", ["1.2.3.4", f"{FROM_TWIN}, 10.1.0.7"]),
        ("::ffff:10.1.0.1", [FROM_TWIN]),
        (f"::ffff:{FROM_TWIN}", ["1.2.3.4"]),
        ("fd00::7", ["[::ffff:87.251.83.161]:443"]),
    ],
)
async def test_a_proxy_of_ours_says_who_sent_it_and_is_believed_from_the_end(
    inbox: Inbox, peer: str, forwarded: list[str]
) -> None:
    app = receiver(inbox, webhook_proxies=["10.1.0.0/24", "fd00::/8"])
    assert await Post(b"{}", peer=peer, forwarded=forwarded).send(app) == 200


async def test_a_body_that_is_too_large_is_refused_without_being_read_to_its_end(
    inbox: Inbox, conn: psycopg.Connection
) -> None:
    app, half = receiver(inbox, webhook_max_kib=1), b"x" * 600
    assert await Post(half[:424], half).send(app) == 200  # 1 KiB to the byte
    for post in (Post(half, half, half, half), Post(b"x", length=1025)):
        assert await post.send(app) == 413
        assert (post.parts_read, post.headers[b"connection"]) in ((2, b"close"), (0, b"close"))
    assert len(stored(conn)) == 1


async def test_a_body_that_never_ends_is_given_up_and_one_whose_sender_leaves_is_dropped(
    inbox: Inbox, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers, "SECONDS_FOR_A_BODY", 0.05)

    async def silence() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def leaves() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    app = receiver(inbox)
    assert await Post(b"{", more=silence).send(app) == 408
    assert await Post(b"{", more=leaves).send(app) == 0
    assert stored(conn) == []


async def test_no_more_bodies_are_read_at_once_than_memory_is_meant_for(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers, "MOST_READING", 2)
    app, come, ends = receiver(inbox), asyncio.Semaphore(0), asyncio.Event()

    async def slow() -> dict[str, Any]:
        come.release()
        await ends.wait()
        return {"type": "http.request", "body": b"}", "more_body": False}

    slow_ones = [asyncio.create_task(Post(b"{", more=slow).send(app)) for _ in range(2)]
    for _ in slow_ones:
        await come.acquire()
    assert await Post(b"{}").send(app) == 503
    ends.set()
    assert await asyncio.gather(*slow_ones) == [200, 200]
    assert await Post(b"[]").send(app) == 200


async def test_while_the_warehouse_is_away_the_vendor_is_asked_to_repeat(
    inbox: Inbox, conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    away = inbox_of("postgresql://nobody@127.0.0.1:9/none")
    post = Post(rung(ended(1)))
    assert await post.send(receiver(away)) == 503
    assert post.headers[b"retry-after"] == b"30"
    await away.close()
    # a connection that dies under it is opened anew by the next event
    app = receiver(inbox)
    assert await Post(b"1").send(app) == 200
    conn.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'obzvon events'")
    conn.commit()
    statuses = [await Post(str(n).encode()).send(app) for n in range(2, 5)]
    assert statuses[-1] == 200
    bodies = {body for body, _, _ in stored(conn)}
    assert {str(n).encode() for n, status in enumerate(statuses, 2) if status == 200} <= bodies


async def test_a_flood_waits_for_its_place_and_is_turned_away_when_there_is_none(
    inbox: Inbox, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "MOST_WAITING", 100)
    app = receiver(inbox)
    bodies = [f"{n:050d}".encode() for n in range(40)]
    assert set(await asyncio.gather(*(Post(body).send(app) for body in bodies))) == {200}
    assert len(stored(conn)) == 40
    monkeypatch.setattr(inboxes, "SECONDS_FOR_A_PLACE", 0.0)
    conn.execute("lock table pii.vendor_event")
    first = asyncio.create_task(inbox.put(Arrived("twin", "c", b"x" * 90)))
    await asyncio.sleep(0)  # its first step takes the place
    with pytest.raises(InboxFull):
        await inbox.put(Arrived("twin", "c", b"y" * 90))
    conn.commit()
    await first


async def test_who_waits_for_a_task_hears_of_its_events_and_of_no_others(inbox: Inbox, warehouse_dsn: str) -> None:
    app, bell = receiver(inbox), Bell()
    async with (
        bell.waiter(warehouse_dsn, {TASK}) as mine,
        bell.waiter(warehouse_dsn, {"other"}) as other,
        bell.waiter(warehouse_dsn, None) as everybody,
    ):
        await everybody.sleep(60)  # the bell is there
        await Post(rung(ended(1))).send(app)
        await mine.sleep(60)
        assert mine.turned() == frozenset()
        await Post(b'{"event":"AUTOCALL_STATUS_CHANGED","taskId":"' + TASK.encode() + b'"}').send(app)
        await mine.sleep(60)
        assert (mine.turned(), mine.turned(), other.turned()) == ({TASK}, frozenset(), frozenset())
        await other.sleep(0.01)  # its time is over without a ring
        await Post(b"broken").send(app)
        await everybody.sleep(60)


async def test_a_flood_of_rings_is_one_look(warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bell = Bell()
    clock = [100.0]
    monkeypatch.setattr("obzvon.events.bell.monotonic", lambda: clock[0])
    async with bell.waiter(warehouse_dsn, {"t"}, least=30.0) as waiter:
        for _ in range(1000):
            waiter.hear(Ring.heard("t"))
        await waiter.sleep(0.01)  # not before the least pause is over: the poll comes first
        waiter.hear(Ring.heard("t"))
        clock[0] += 31
        await waiter.sleep(60)
        clock[0] += 6
        waiter.hear(Ring.heard("!t"))
        await waiter.sleep(60)  # what turned does not wait for the pause
        assert waiter.turned() == {"t"}


def test_a_ring_survives_its_payload_and_nonsense_is_passed_over() -> None:
    ring = Ring()
    ring.add("a-1")
    ring.add("b", turned=True)
    (payload,) = ring.payloads()
    heard = Ring.heard(payload)
    assert (heard.tasks, heard.turned, heard.all) == ({"a-1", "b"}, {"b"}, False)
    assert not Ring.heard("'; ( " + "y" * 300)
    for n in range(1000):
        ring.add(f"00000000-0000-4000-8000-{n:012d}")
    assert all(len(each) < 8000 for each in ring.payloads())
    assert set().union(*(Ring.heard(each).tasks for each in ring.payloads())) == ring.tasks


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"webhook_secret": "short"}, "webhook_secret"),
        ({"webhook_secret": "with/slash" * 5}, "webhook_secret"),
        ({"webhook_networks": "87.251.83.190/27"}, "webhook_networks"),
        ({"webhook_proxies": "nginx"}, "webhook_proxies"),
        ({"webhook_max_kib": 0}, "webhook_max_kib"),
    ],
)
def test_a_door_that_is_set_wrongly_names_key_and_cure(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        Door.of("twin", account(**options))
    assert "short" not in str(refused.value) or says == "webhook_secret"


def test_the_address_for_the_vendor_needs_https_and_a_secret() -> None:
    told = address_of(account(webhook_address="https://air.example/base/"))
    assert told == f"https://air.example/base/obzvon-events/twin_default/{KEY}"
    assert address_of(account()) is None
    assert Door.of("twin", Account("https://twin24.ai")) is None
    for wrong in ("http://air.example", "https://air.example?x=1", "air.example", "https://u:p@air.example"):
        with pytest.raises(ConfigError, match="webhook_address"):
            address_of(account(webhook_address=wrong))
    with pytest.raises(ConfigError, match="webhook_secret"):
        address_of(Account("https://x", options={"webhook_address": "https://air.example"}))
