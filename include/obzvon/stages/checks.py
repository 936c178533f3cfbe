"""Checks: what the data contracts promise is looked for in the warehouse, and every answer is kept as a row.

Each table is read once for all its rules. Everything happens in one snapshot, so a load that commits meanwhile is no
difference. Failures are told with table, column, rule, count and a few keys; a phone or a name is in none of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from obzvon.checks.contracts import Contracts, Rule, SetRule, TableContract, contracts, statement_text
from obzvon.errors import AuditError

__all__ = ["CheckReport", "CheckResult", "evaluate", "run_checks"]

log = logging.getLogger(__name__)

EXAMPLES = 3
KEEP_DAYS = 180
EVER = datetime(2000, 1, 1, tzinfo=UTC)

_STORE = """
insert into ops.check_result (run_id, contract_hash, table_name, column_name, rule, kind, severity, says, checked,
                              failed, examples, holds, checked_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What became of one rule: `checked` rows (or whatever it compares), `failed` of them, keys of a few of those."""

    table: str
    column: str | None
    rule: str
    kind: str
    severity: str
    says: str
    checked: int
    failed: int
    examples: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.failed

    def __str__(self) -> str:
        place = f"{self.table}.{self.column}" if self.column else self.table
        shown = f", such as {', '.join(self.examples)}" if self.examples else ""
        return f"{place}: {self.rule}: {self.says}; {self.failed} of {self.checked} do not hold{shown}"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All results of one run, in the order of the contracts."""

    run_id: str
    results: tuple[CheckResult, ...]

    @property
    def errors(self) -> tuple[CheckResult, ...]:
        return tuple(r for r in self.results if not r.holds and r.severity == "error")

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        return tuple(r for r in self.results if not r.holds and r.severity == "warning")

    @property
    def sentence(self) -> str:
        """What is broken and where the rows are; empty where nothing of severity error is."""
        if not self.errors:
            return ""
        first, *others = self.errors
        also = f"; so do {', '.join(f'{r.table} {r.rule}' for r in others)}" if others else ""
        return f"data contract fails at {first}{also}; mart.v_check_result has all results, run {self.run_id}"

    def require(self) -> CheckReport:
        """This report; AuditError when a contract of severity error is broken."""
        if self.errors:
            raise AuditError(self.sentence)
        return self


def run_checks(
    conn: psycopg.Connection,
    *,
    run_id: str,
    now: datetime | None = None,
    since: datetime | None = None,
    of: Contracts | None = None,
) -> CheckReport:
    """Check every contract, keep the results in `ops.check_result` and commit; failures are logged and returned.

    `since`: only rows loaded from then on, for tables whose contract says when a row was loaded; else the whole tables.
    `now` (UTC) is what freshness is measured against, the database's clock if not given. The same `run_id` again
    replaces its results; results older than KEEP_DAYS go.
    """
    book = of or contracts()
    conn.commit()
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read")
        conn.execute("set local work_mem = '64MB'; set local jit = off")
        moment = now or conn.execute("select clock_timestamp()").fetchall()[0][0]
        results = tuple(evaluate(conn, book, now=moment, since=since))
        _store(conn, CheckReport(run_id, results), book.fingerprint, moment)
    report = CheckReport(run_id, results)
    _tell(report)
    return report


def evaluate(
    conn: psycopg.Connection, book: Contracts, *, now: datetime, since: datetime | None = None
) -> Iterator[CheckResult]:
    """What becomes of each rule, in the order of the contracts; writes nothing."""
    moments = {"now": now, "since": since or EVER}
    for name, contract in book.tables.items():
        yield from _table(conn, name, contract, moments)
    for name, rule in book.sets.items():
        yield _set(conn, name, rule, moments)


def _table(
    conn: psycopg.Connection, name: str, contract: TableContract, moments: dict[str, datetime]
) -> Iterator[CheckResult]:
    where = sql.SQL("{} where true").format(sql.Identifier(*name.split(".")))
    if contract.loaded is not None and moments["since"] > EVER:
        newer = sql.SQL(" and {} >= {}").format(sql.Identifier(contract.loaded), sql.Literal(moments["since"]))
        where = sql.Composed([where, newer])
    rules = contract.rules
    counts = [sql.SQL("count(*) filter (where {})").format(rule.broken) for rule in rules]
    query = sql.SQL("select count(*), {} from {}").format(sql.SQL(", ").join(counts), where)
    checked, *failed = conn.execute(query).fetchall()[0]
    for rule, number in zip(rules, failed, strict=True):
        examples = _examples(conn, contract, rule, where) if number else ()
        yield CheckResult(
            name, rule.column, rule.name, rule.kind, rule.severity, rule.says, checked, number, examples
        )  # fmt: skip


def _examples(conn: psycopg.Connection, contract: TableContract, rule: Rule, where: sql.Composable) -> tuple[str, ...]:
    key = sql.SQL(", ").join(map(sql.Identifier, contract.key))
    query = sql.SQL("select concat_ws(':', {}) from {} and ({}) order by {} limit {}").format(
        key, where, rule.broken, key, sql.Literal(EXAMPLES)
    )
    return tuple(example for (example,) in conn.execute(query))


def _set(conn: psycopg.Connection, name: str, rule: SetRule, moments: dict[str, datetime]) -> CheckResult:
    checked, failed, examples = conn.execute(statement_text(rule.file).encode(), moments).fetchall()[0]
    shown = tuple(map(str, examples or ()))
    return CheckResult(
        rule.table, rule.column, name, rule.kind, rule.severity, rule.says, max(checked, failed), failed, shown
    )


def _store(conn: psycopg.Connection, report: CheckReport, fingerprint: str, moment: datetime) -> None:
    rows: list[tuple[Any, ...]] = [
        (report.run_id, fingerprint, r.table, r.column, r.rule, r.kind, r.severity, r.says, r.checked, r.failed,
         list(r.examples), r.holds, moment)
        for r in report.results
    ]  # fmt: skip
    with conn.cursor() as cursor:
        cursor.execute("delete from ops.check_result where run_id = %s", [report.run_id])
        cursor.executemany(_STORE, rows)
        cursor.execute(
            "delete from ops.check_result where checked_at < %s - make_interval(days => %s)", [moment, KEEP_DAYS]
        )


def _tell(report: CheckReport) -> None:
    for result in report.errors:
        log.error("%s", result)
    for result in report.warnings:
        log.warning("%s", result)
    log.info(
        "%d rules hold, %d errors, %d warnings",
        sum(r.holds for r in report.results), len(report.errors), len(report.warnings),
    )  # fmt: skip
