"""A rotation moves every key; whoever said no stays uncalled before, in the middle and after, and caps go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from days import DAYS, Days, contents
from launching import forced
from loading import SECRET
from plan_lists import EVE, FRIDAY, campaign, frames, row
from policies import relaxed
from typer.testing import CliRunner

from obzvon.__main__ import app
from obzvon.cli_rotate import new_ring
from obzvon.errors import ConfigError, LedgerError
from obzvon.ledger.keys import call_key, layers_of, person_key, phone_key, rekeyed, ring
from obzvon.stages import rekey
from obzvon.stages.erase import erase
from obzvon.stages.plan import plan
from obzvon.stages.registers import suppressions_of
from obzvon.stages.rekey import rotate
from obzvon.warehouse.db import connect

NEW = ring([SECRET, b"the next secret, of thirty-two characters and more"])
NEWER = ring([*layers_of(NEW), b"the one after it, again of more than thirty-two"])
KEPT, ERASED, OTHER = "+79160000001", "+79160000002", "+79160000003"
WHO = person_key(SECRET, "crm", "42")


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """Two days of calls, a known phone, one that was erased, consents, suppressions by phone and by person."""
    days = Days(warehouse_dsn, conn, tmp_path)
    for day in DAYS[:2]:
        days.plan(day)
        named = call_key(SECRET, f"a call of {day} without a name")
        calls = [days.call(day, n, n, disposition="RPC_NO_RESULT", talk=20) for n in (1, 2)]
        derived = days.call(day, 3, 3, derived=True) | {"id": f"a call of {day} without a name"}
        await days.pull(day, "collect", [*calls, derived])
        assert conn.execute("select from dwh.fact_call_attempt where vendor_call_id = %s", [named]).fetchone() == ()
        days.final(day)
    keys = {"kept": phone_key(SECRET, KEPT), "erased": phone_key(SECRET, ERASED), "who": WHO}
    conn.execute("insert into pii.phone values (%s, %s)", (keys["kept"], KEPT))
    conn.execute(
        "insert into ops.suppression (phone_key, person_key, purpose, reason, source, valid_from) values"
        " (%(erased)s, null, '*', 'erased', 'erasure', now() - interval '20 years'),"
        " (repeat('a', 64), %(who)s, '*', 'said no', 'bot', now() - interval '20 years')", keys,
    )  # fmt: skip
    conn.execute("insert into ops.consent (phone_key, given_on, proof_ref, source)"
                 " values (%(kept)s, '2025-01-01', 'form', 'crm')", keys)  # fmt: skip
    conn.commit()
    return days


def keys_in(days: Days) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table with a key in it."""
    with connect(days.dsn) as conn:
        found = conn.execute(
            "select distinct format('%I.%I', table_schema, table_name) from information_schema.columns join"
            " information_schema.tables using (table_schema, table_name) where table_type = 'BASE TABLE'"
            " and column_name in ('phone_key', 'person_key') and table_schema in ('ops', 'pii', 'dwh', 'mart')"
        ).fetchall()
        return {t: sorted(conn.execute(f"select * from {t}".encode()).fetchall(), key=repr) for (t,) in found}


def moved(rows: dict[str, list[tuple[Any, ...]]], keys: set[str], by: bytes) -> dict[str, list[tuple[Any, ...]]]:
    """The rows as they must be after a rotation."""
    return {
        table: sorted(
            (tuple(rekeyed(by, v) if isinstance(v, str) and v in keys else v for v in one) for one in found), key=repr
        )
        for table, found in rows.items()
    }


def all_keys(days: Days) -> set[str]:
    known = {phone_key(SECRET, f"+7916{n:07d}") for n in range(1, 10)}
    return known | {WHO, "a" * 64}


def planned(
    days: Days, secret: bytes, *numbers: int, name: str = "autumn", person: str | None = None
) -> dict[int, str | None]:
    """What a plan decides about each row of a list whose keys are made with `secret`; `person` is in the first row."""
    rows = [row(n, phone_key=phone_key(secret, f"+7916{n:07d}")) for n in numbers]
    rows[0]["person_key"] = person
    policy = relaxed().model_copy(update={"one_campaign_a_day": True})
    with connect(days.dsn) as conn:
        made = plan(conn, campaign(name=name), policy, FRIDAY, now=EVE, chunks=frames(rows), secret=secret)
        asked = "select row_no, exclusion_code from ops.plan_contact where plan_id = %s order by 1"
        return dict(conn.execute(asked, [made.plan_id]).fetchall())


def test_every_key_of_every_table_gets_its_layer_and_nothing_else_changes(days: Days) -> None:
    before, call_ids = keys_in(days), "select vendor_call_id from dwh.fact_call_attempt order by 1"
    names = days.conn.execute(call_ids.encode()).fetchall()
    days.conn.commit()
    done = rotate(days.dsn, SECRET, NEW)
    assert keys_in(days) == moved(before, all_keys(days), NEW)
    assert (done.version, done.rows) == (2, sum(len(before[t]) for t in before if t != "ops.erasure"))
    assert days.conn.execute(call_ids.encode()).fetchall() == names
    assert days.conn.execute("select to_regnamespace('rekey')").fetchone() == (None,)
    assert days.conn.execute("select count(*) from pg_trigger where tgname = 'rekeying'").fetchone() == (0,)
    days.conn.commit()
    assert rotate(days.dsn, SECRET, NEW).rows == 0
    assert rotate(days.dsn, NEW, NEWER).version == 3
    assert keys_in(days) == moved(moved(before, all_keys(days), NEW), {rekeyed(NEW, k) for k in all_keys(days)}, NEWER)


def test_a_report_that_comes_again_changes_nothing(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    rotate(days.dsn, SECRET, NEW)
    before = contents(days.dsn, without=("loaded_at",))
    monkeypatch.setattr("days.SECRET", NEW)
    again = days.load(days.conn, DAYS[0], "collect")
    assert (again.inserted, again.updated) == (0, 0)
    days.conn.commit()
    assert contents(days.dsn, without=("loaded_at",)) == before
    days.run("delete from dwh.fact_call_attempt")
    assert [plan.inserted for plan in days.replay(DAYS[0], DAYS[1])] == [3, 3]
    assert contents(days.dsn, without=("loaded_at",))["dwh.fact_call_attempt"] == before["dwh.fact_call_attempt"]


class Killed(BaseException):
    """What a process sees of its end."""


def dies_at(patch: pytest.MonkeyPatch, name: str, nth: int) -> None:
    """The nth call of a step of the rotation does its work, and then the process is gone before the commit."""
    whole: Callable[..., Any] = getattr(rekey, name)
    calls = iter(range(1, 1000))

    def step(*values: Any) -> Any:
        done = whole(*values)
        if next(calls) == nth:
            raise Killed
        return done

    patch.setattr(rekey, name, step)


@pytest.mark.parametrize(("name", "nth"), [("_map", 1), ("_move", 1), ("_move", 3), ("_move", 5), ("_end", 1)])
def test_a_rotation_that_is_killed_is_finished_and_nobody_is_called_meanwhile(
    days: Days, name: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys_in(days)
    assert planned(days, SECRET, 2, 5)[1] == "EXCL_DNC"
    after_plan = keys_in(days)
    assert after_plan != before
    with monkeypatch.context() as patch:
        dies_at(patch, name, nth)
        with pytest.raises(Killed):
            rotate(days.dsn, SECRET, NEW, blocks=1)
    if name != "_end":
        for secret in (SECRET, NEW):
            with pytest.raises(ConfigError, match="being rotated: finish that with"):
                planned(days, secret, 2, 5)
            with pytest.raises(ConfigError, match="being rotated"):
                erase(days.dsn, days.archive, KEPT, secret=secret)
        refused = (
            "update ops.campaign_intent set note = 'x'",
            "insert into ops.candidate_batch (intent_id, batch_no, state, contacts) values ('a', 1, 'sending', 1)",
            "delete from ops.suppression",
            "truncate ops.consent",
            "update ops.plan_contact set sent_state = 'sending'",
        )
        for statement in refused:
            with connect(days.dsn) as other, pytest.raises(psycopg.errors.ObjectInUse, match="being rotated"):
                other.execute(statement.encode())
        with pytest.raises(ConfigError, match="another ring of keys is under way"):
            rotate(days.dsn, SECRET, ring([SECRET, b"yet another secret of at least thirty-two characters"]))
    rotate(days.dsn, SECRET, NEW)
    assert keys_in(days) == moved(after_plan, all_keys(days), NEW)
    assert planned(days, NEW, 2, 5)[1] == "EXCL_DNC"


def test_who_said_no_is_known_after_it_also_without_a_phone_and_by_person(days: Days) -> None:
    assert planned(days, SECRET, 2, 5) == {1: "EXCL_DNC", 2: None}
    rotate(days.dsn, SECRET, NEW)
    assert planned(days, NEW, 2, 5) == {1: "EXCL_DNC", 2: None}
    assert planned(days, NEW, 6, 7, person=person_key(NEW, "crm", "42")) == {1: "EXCL_DNC", 2: None}
    assert [entry[1] for entry in suppressions_of(days.dsn, ERASED, secret=NEW)] == ["erased"]


def test_caps_go_on(days: Days) -> None:
    """What one campaign has reserved of a phone keeps the next one from it, by whatever secret it was reserved."""
    planned(days, SECRET, 5)
    held = "select phone_key, sum(held) from ops.attempt_reservation where held > 0 group by 1"
    (before,) = days.conn.execute(held.encode()).fetchall()
    days.conn.commit()
    rotate(days.dsn, SECRET, NEW)
    assert days.conn.execute(held.encode()).fetchall() == [(rekeyed(NEW, before[0]), before[1])]
    assert before[0] == phone_key(SECRET, "+79160000005")
    days.conn.commit()
    assert planned(days, NEW, 5, 6, name="winter") == {1: "EXCL_DUPLICATE", 2: None}


def test_the_old_secret_is_refused_afterwards(days: Days) -> None:
    rotate(days.dsn, SECRET, NEW)
    for use in (
        lambda: planned(days, SECRET, 2, 5),
        lambda: suppressions_of(days.dsn, KEPT, secret=SECRET),
        lambda: erase(days.dsn, days.archive, KEPT, secret=SECRET),
        lambda: days.load(days.conn, DAYS[0], "collect"),
        days.replay,
    ):
        with pytest.raises(ConfigError, match="not the one in force since"):
            use()
        days.conn.rollback()


def test_it_does_not_begin_while_a_vendor_has_an_intent(days: Days) -> None:
    days.plan(DAYS[2])
    with pytest.raises(LedgerError, match=r"1 plans have campaigns at a vendor: test_campaign 2031-05-22 \(running\)"):
        rotate(days.dsn, SECRET, NEW)
    assert days.conn.execute("select count(*) from ops.key_rotation").fetchone() == (0,)


@pytest.mark.parametrize("statement", [
    "select pg_advisory_xact_lock_shared(hashtextextended('obzvon.phone_keys', 0))",
    "select pg_advisory_xact_lock(hashtextextended('obzvon.erase', 0))",
    "update ops.campaign_intent set note = 'x'",
])  # fmt: skip
def test_it_does_not_begin_while_somebody_is_at_work(
    days: Days, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rekey, "LOCK_SECONDS", 1)
    with connect(days.dsn) as other:
        forced(other, statement) if "update" in statement else other.execute(statement.encode())
        with pytest.raises(LedgerError, match="somebody has been planning, loading, erasing or launching for 1 s"):
            rotate(days.dsn, SECRET, NEW)
        other.rollback()
    assert rotate(days.dsn, SECRET, NEW).version == 2


def test_a_wrong_ring_changes_nothing(days: Days) -> None:
    before = keys_in(days)
    for old, new in ((SECRET, NEWER), (b"another", ring([b"another", b"x" * 40])), (SECRET, ring([SECRET, b"short"]))):
        with pytest.raises(ConfigError):
            rotate(days.dsn, old, new)
    assert keys_in(days) == before


def test_a_restored_backup_from_before_asks_for_the_secret_of_its_time(days: Days) -> None:
    with pytest.raises(ConfigError, match=r"has 2 layers, but this warehouse's keys were never rotated"):
        planned(days, NEW, 5)


def test_the_command_writes_the_ring_first_and_goes_on_with_it(
    days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ring"
    env = {"OBZVON_WAREHOUSE": days.dsn, "OBZVON_ARCHIVE": None, "OBZVON_PHONE_SECRET": SECRET.decode()}
    command = ["rotate-phone-key", "--file", str(file), "--yes"]
    with monkeypatch.context() as patch:
        dies_at(patch, "_move", 2)
        with pytest.raises(Killed):
            CliRunner().invoke(app, command, env=env)
    written = file.read_text().strip().encode()
    assert file.stat().st_mode & 0o777 == 0o600
    done = CliRunner().invoke(app, command, env=env)
    assert done.exit_code == 0, done.output
    assert "version 2 is in force" in done.output
    assert layers_of(written)[1].decode() not in done.output
    assert file.read_text().strip().encode() == written
    assert planned(days, written, 2, 5)[1] == "EXCL_DNC"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        new_ring(file, SECRET)
