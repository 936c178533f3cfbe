"""Idempotent load of attempts: from archived reports to facts, and the same again when nothing has changed.

ours: `obzvon.stages.collect.load` of every intent, as many at once as the collect stage takes, one transaction each:
archive → parsed, validated → staging → newest-wins upsert, and with it what the peers leave out: quarantine, redaction,
the ledger's caps, the plan's snapshot.
Peers read the same reports and write the same rows of `fact_call_attempt`, `fact_dialog_goal` and `dialog_turn`.
The floor is psql's `\\copy` of those rows, binary, into the same empty tables with their indexes and foreign keys.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.campaign import PLAN, SECRET, Reports, campaign, plan_in_ledger
from bench.frame import Bench, Kind, Options, Sample, Way, run_child
from bench.server import PSQL, Database, running, written
from bench.timed import TimedConnection

from obzvon.reports.archive import Archive
from obzvon.stages.collect import load, load_plan
from obzvon.stages.collect_batch import AT_ONCE
from obzvon.vendors.dialog import Dialog
from obzvon.warehouse.db import connect

__all__ = ["BATCHES", "BENCH", "exported"]

PEERS = "bench.peers.load"
CHUNK = 20_000  # contacts of an intent, two calls each
BATCHES = {"first": datetime(2026, 11, 20, 18, tzinfo=UTC), "again": datetime(2026, 11, 20, 19, tzinfo=UTC)}
TABLES = {
    "dwh.fact_call_attempt": (
        "vendor_code, vendor_call_id, intent_id::text, contact_key, attempt_no, started_at::timestamptz,"
        " local_started_at::timestamp, date_key, local_hour, disposition_code, vendor_status_raw,"
        " ring_sec::numeric(9, 2), talk_sec::numeric(9, 2), transferred, cost_rub::numeric(12, 4),"
        " marking_fee_rub::numeric(12, 4), record_url, has_record, source_updated_at::timestamptz"
    ),
    "dwh.fact_dialog_goal": "vendor_code, vendor_call_id, goal_name, goal_value, is_reached",
    "pii.dialog_turn": (
        "vendor_code, vendor_call_id, turn_no, role, start_sec::numeric(9, 2), end_sec::numeric(9, 2), text_redacted"
    ),
}
#: Statements that bring staged rows into the three tables; the others keep ledger and plan up to date.
FACTS = frozenset(
    {
        "staging",
        "matched",
        "pruned",
        "pruned_parts",
        "to_judge",
        "decided",
        "attempts_new",
        "attempts_changed",
        "goals_new",
        "goals",
        "turns_new",
        "turns",
    }
)

_COLUMNS = """
select string_agg(quote_ident(column_name), ', ' order by ordinal_position) from information_schema.columns
where table_schema || '.' || table_name = %s and is_generated = 'NEVER'
"""


def ours(dsn: str, archive: str, intents: Sequence[str], batch: str) -> dict[str, Any]:
    """Load one pull of each intent, as many at once as the collect stage does; figures are sums over the lanes."""
    spec, stored, left = campaign(), Archive(archive), iter(intents)

    def work(_: int) -> tuple[float, dict[str, float]]:
        begun = time.perf_counter()
        with TimedConnection.connect(dsn, options="-c timezone=UTC") as conn:
            while (intent := next(left, None)) is not None:
                load(conn, stored, spec, Dialog, intent, batch, secret=SECRET)
            return time.perf_counter() - begun, conn.spent

    started = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lanes = list(pool.map(work, range(AT_ONCE)))
    total = time.perf_counter() - started
    spent: Counter[str] = Counter()
    for _, by_statement in lanes:
        spent.update(by_statement)
    facts = sum(seconds for name, seconds in spent.items() if name in FACTS)
    database = sum(spent.values())
    busy = min(AT_ONCE, len(intents))
    return {
        "seconds": total,
        "figures": {
            "load step s": (spent["copy"] + facts) / busy,
            "lanes": busy,
            "read, parse, validate s": sum(seconds for seconds, _ in lanes) - database,
            "staging copy s": spent["copy"],
            "facts s": facts,
            "ledger and plan s": database - spent["copy"] - facts,
            **{f"sql {name} s": seconds for name, seconds in sorted(spent.items()) if seconds > total / 50},
        },
    }


@dataclass
class LoadScene:
    """Reports in an archive, and a database that has the plan and nothing of its calls; both for one case."""

    case: str
    database: Database
    template: str
    folder: Path
    intents: list[str]

    def prepare(self) -> None:
        """The end state, and the floor's files, from one load that nobody measures."""
        with self.database.copy(self.template) as dsn:
            run_child(BENCH.ways[0], self.arguments(BENCH.ways[0], dsn, "first"))
            self.files = exported(dsn, self.folder, dict.fromkeys(TABLES, "true"))
            self.expected = state(dsn)

    def measure(self, way: Way) -> dict[str, Sample]:
        with self.database.copy(self.template) as dsn:
            found = {self.case: self._loaded(way, dsn, "first")}
            if way.kind is not Kind.FLOOR:
                found[f"{self.case}, again"] = self._loaded(way, dsn, "again")
        return found

    def _loaded(self, way: Way, dsn: str, batch: str) -> Sample:
        rows, size = written(dsn)
        sample = run_child(way, self.arguments(way, dsn, batch))
        rows_after, size_after = written(dsn)
        figures = {**sample.figures, "rows written": rows_after - rows, "tables grown MiB": size_after - size}
        found = state(dsn, "dlt" if way.name.startswith("dlt") else None)
        return replace(sample, figures=figures, state="same" if found == self.expected else "differs")

    def arguments(self, way: Way, dsn: str, batch: str) -> dict[str, Any]:
        """What the way is called with."""
        if way.kind is Kind.FLOOR:
            return {"psql": str(PSQL), "dsn": dsn, "files": self.files}
        return {"dsn": dsn, "archive": str(self.folder / "archive"), "intents": self.intents, "batch": batch}


@dataclass
class BothScenes:
    """The slim case and the one with transcripts."""

    scenes: Sequence[LoadScene]
    postgres: str

    def measure(self, way: Way) -> dict[str, Sample]:
        return {case: sample for scene in self.scenes for case, sample in scene.measure(way).items()}


@contextmanager
def scene(options: Options, folder: Path) -> Iterator[BothScenes]:
    """Both cases have their plan and their reports ready."""
    with running(folder, durable=not options.quick) as database:
        scenes = [
            filled(case, database, name, folder / name, options.size)
            for name, case in (("slim", "slim"), ("calls", "transcripts of 1 KB"))
            if not options.cases or case in options.cases
        ]
        for each in scenes:
            each.prepare()
        yield BothScenes(scenes, database.version)


def filled(case: str, database: Database, template: str, folder: Path, rows: int) -> LoadScene:
    """The plan in a template of its own, the reports in an archive."""
    contacts = max(1, rows // 2)
    with connect(database.template(template)) as conn:
        # as many intents as the collect stage takes at once, at every size
        plan_in_ledger(conn, contacts, min(CHUNK, -(-contacts // AT_ONCE)), state="collecting")
        Reports(case != "slim").archive(conn, Archive(folder / "archive"), BATCHES)
        load_plan(conn, campaign(), PLAN)
        intents = [key for (key,) in conn.execute("select intent_id from ops.campaign_intent order by chunk_no")]
        conn.commit()
        conn.autocommit = True
        conn.execute("vacuum analyze")
    return LoadScene(case, database, template, folder, intents)


def state(dsn: str, schema: str | None = None) -> list[tuple[int, int]]:
    """Count and checksum of each table's rows; `schema` where a way has tables of its own with the same columns."""
    with connect(dsn) as conn:
        return [conn.execute(_checksum(table, columns, schema)).fetchall()[0] for table, columns in TABLES.items()]


def _checksum(table: str, columns: str, schema: str | None) -> bytes:
    name = f"{schema}.{table.split('.')[1]}" if schema else table
    return f"select count(*), coalesce(sum(hashtextextended(({columns})::text, 0)::numeric), 0) from {name}".encode()


def exported(dsn: str, folder: Path, tables: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The rows of each table that fulfil its condition, in a binary file: table -> its columns, where the file is."""
    files = {}
    with connect(dsn) as conn:
        for table, condition in tables.items():
            columns = str(conn.execute(_COLUMNS, (table,)).fetchall()[0][0])
            path = folder / f"{table}.bin"
            query = f"copy (select {columns} from {table} where {condition}) to stdout (format binary)"
            with path.open("wb") as out, conn.cursor() as cursor, cursor.copy(query.encode()) as copy:
                for block in copy:
                    out.write(block)
            files[table] = (columns, str(path))
    return files


BENCH = Bench(
    name="load",
    title="Idempotent load of attempts, and the same again",
    size=1_000_000,
    tiny=400,
    unit="rows",
    ways=(
        Way("ours", Kind.OURS, "bench.load:ours"),
        Way("pandas to_sql, then upsert", Kind.PEER, f"{PEERS}:pandas_to_sql", ("pandas", "sqlalchemy", "psycopg")),
        Way("SQLAlchemy insertmanyvalues", Kind.PEER, f"{PEERS}:insertmanyvalues", ("sqlalchemy", "psycopg2-binary")),
        Way("PostgresHook.upsert_rows", Kind.PEER, f"{PEERS}:upsert_rows", ("apache-airflow-providers-postgres",)),
        Way("dlt merge", Kind.PEER, f"{PEERS}:dlt_merge", ("dlt",)),
        Way("psql \\copy binary", Kind.FLOOR, "bench.floors:copy"),
    ),
    scene=scene,
    growth=(1 / 4, 1 / 2, 1),
    reach=(
        "load step ≤ 1.5 × floor; whole step ≥ 3 × faster than the fastest peer; memory ≤ 300 MiB and flat; "
        "again ≤ first, no table growth"
    ),
    against={"slim": "load step s", "transcripts of 1 KB": "load step s"},
    notes=(
        "Ours takes two intents of 20,000 contacts at most at once, as the collect stage does; peers and the floor "
        "take one after the other. The parts of ours are sums over the lanes, so they add up to more than the whole, "
        "and to more than each alone would need.",
        "The load step is what the floor does too: rows into staging, newest wins, rows into the three tables; its "
        "seconds are those of the sum a lane. The whole adds reading, checking and redacting the reports, and bringing "
        "caps and the plan's snapshot up to date.",
        "`PostgresHook.upsert_rows` has no condition: an older answer that comes later replaces a newer one, and a "
        "load of what has not changed writes every row again.",
        "dlt adds columns of its own to a table (`_dlt_id`, `_dlt_load_id`), so it writes tables of its own, without "
        "our foreign keys; within one load the newest row wins, against stored ones the last load does.",
    ),
)
