"""Plan: from a CSV list to one decided row a contact and the intents, with everybody's past calls and opt-outs.

ours: the plan stage. Peers: scripts with pandas and with DuckDB that read the same list, ask PostgreSQL for opt-outs
and past calls, decide by the same rules and write a row a contact; they reserve nothing, hash nothing and know one time
zone. The floor is psql's `\\copy` of the rows that our plan has stored, into the same tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.campaign import SECRET
from bench.frame import Bench, Kind, Options, Sample, Way, run_child
from bench.lists import CALL_DATE, history, listed, planned, write_list
from bench.load import exported
from bench.server import PSQL, Database, running

from obzvon.warehouse.db import connect

__all__ = ["BENCH"]

#: What a plan stores, parents first, and which rows of it are the plan's.
STORED = {
    "ops.policy": "true",
    "ops.campaign_plan": "campaign_id = 'bench_list'",
    "ops.campaign_intent": "campaign_id = 'bench_list'",
    "ops.plan_contact": "true",
    "pii.contact_payload": "true",
    "pii.phone": "true",
    "ops.attempt_reservation": "campaign_id = 'bench_list'",
}
MOST_DIALS, MOST_SUPPRESSIONS = 10_000_000, 1_000_000
#: The peers' table; ours is read through a view of the same columns.
_PEERS = "create table plan_row (row_no int primary key, contact_id text, phone_key text, exclusion_code text)"
_STATE = """
select count(*),
       coalesce(sum(hashtextextended((row_no, contact_id, phone_key::text, exclusion_code)::text, 0)::numeric), 0)
from {table}
"""


def ours(dsn: str, folder: str, contacts: int) -> None:
    """The plan stage over the list."""
    with connect(dsn) as conn:
        planned(conn, listed("dialog", contacts), Path(folder))


@dataclass
class PlanScene:
    """A list on the disk and a warehouse with a history."""

    database: Database
    folder: Path
    contacts: int
    postgres: str
    files: Mapping[str, tuple[str, str]]
    expected: tuple[Any, ...]

    def measure(self, way: Way) -> dict[str, Sample]:
        with self.database.copy() as dsn:
            own: dict[str, Any] = {"psql": str(PSQL), "dsn": dsn, "files": self.files}
            if way.kind is not Kind.FLOOR:
                own = {"dsn": dsn, "folder": str(self.folder), "contacts": self.contacts}
            if way.kind is Kind.PEER:
                own |= {"secret": SECRET.decode(), "call_date": CALL_DATE.isoformat()}
                with connect(dsn) as conn:
                    conn.execute(_PEERS)
            sample = run_child(way, own)
            found = state(dsn, "plan_row" if way.kind is Kind.PEER else "ops.plan_contact")
        return {"plan": replace(sample, state="same" if found == self.expected else f"differs: {found}")}


def state(dsn: str, table: str) -> tuple[Any, ...]:
    """Who is called and who is not, and why: a count and a checksum."""
    with connect(dsn) as conn:
        return tuple(conn.execute(_STATE.format(table=table).encode()).fetchall()[0])


@contextmanager
def scene(options: Options, folder: Path) -> Iterator[PlanScene]:
    """The list and the history; and one plan that nobody measures, for the end state and the floor's rows."""
    with running(folder, durable=not options.quick) as database:
        fill(database, folder, options.size)
        with database.copy() as dsn:
            run_child(BENCH.ways[0], {"dsn": dsn, "folder": str(folder), "contacts": options.size})
            files = exported(dsn, folder, STORED)
            expected = state(dsn, "ops.plan_contact")
        yield PlanScene(database, folder, options.size, database.version, files, expected)


def fill(database: Database, folder: Path, contacts: int) -> None:
    """The list, and the history in the template."""
    write_list(folder / "list.csv", contacts)
    with connect(database.url("template")) as conn:
        history(conn, contacts, min(MOST_DIALS, 10 * contacts), min(MOST_SUPPRESSIONS, contacts))
        conn.autocommit = True
        conn.execute("vacuum analyze")


BENCH = Bench(
    name="plan",
    title="Plan",
    size=1_000_000,
    tiny=2_000,
    unit="contacts",
    ways=(
        Way("ours", Kind.OURS, "bench.plan:ours"),
        Way("pandas script", Kind.PEER, "bench.peers.plan:by_pandas", ("pandas", "psycopg", "phonenumbers")),
        Way("DuckDB script", Kind.PEER, "bench.peers.plan:by_duckdb", ("duckdb", "psycopg", "phonenumbers")),
        Way("psql \\copy of the stored rows", Kind.FLOOR, "bench.floors:copy"),
    ),
    scene=scene,
    reach="1,000,000 in ≤ 60 s on 2 cores; linear to 10,000,000; memory ≤ 500 MiB at every size",
    growth=(0.1, 1, 10),
    notes=(
        "In the warehouse: ten past dials a contact (10,000,000 at most), an opt-out for half of the list at most.",
        "The scripts leave out what a script leaves out: reservations against the caps of other plans, the hash of "
        "what will be sent, payloads, and more zones than Moscow's.",
    ),
)
