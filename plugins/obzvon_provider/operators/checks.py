"""Check the data contracts, keep the results as rows, and fail where one of severity error is broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.providers.common.sql.operators.sql import SQLTableCheckOperator
from airflow.sdk import Context

from obzvon.checks.contracts import contracts
from obzvon.errors import AuditError
from obzvon.stages.checks import CheckReport, run_checks
from obzvon.warehouse.db import connect
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook

__all__ = ["ChecksOperator"]


class ChecksOperator(SQLTableCheckOperator):
    """Runs every contract, then Airflow's own table check over the rows it left: one check a table with a contract.

    The provider's check operators say yes or no and keep nothing, and they read a table once for every check; so the
    rules are evaluated by `obzvon.stages.checks`, and what the provider is told, and tells its listeners (OpenLineage),
    is whether the results of this run hold. `days`: only rows loaded in so many days; None, or the param `full`: whole
    tables.
    """

    def __init__(self, *, warehouse_conn_id: str = "warehouse_default", days: int | None = None, **kwargs: Any) -> None:
        super().__init__(conn_id=warehouse_conn_id, table="ops.check_result", checks={}, **kwargs)
        self.warehouse_conn_id, self.days = warehouse_conn_id, days
        self._report: CheckReport | None = None

    def execute(self, context: Context) -> dict[str, int]:
        with one_sentence():
            with connect(WarehouseHook(self.warehouse_conn_id).dsn()) as conn:
                self._report = run_checks(conn, run_id=context["run_id"], since=self._since(context))
            self.checks = {_name(table): {"check_statement": _holds(table)} for table in _tables()}
            self.partition_clause = f"run_id = '{context['run_id'].replace(chr(39), chr(39) * 2)}'"
            self.sql = f"SELECT check_name, check_result FROM ({self._generate_sql_query()}) AS check_table"
            super().execute(context)
        report = self._report
        return {"rules": len(report.results), "warnings": len(report.warnings)}

    def _since(self, context: Context) -> datetime | None:
        whole = self.days is None or context["params"].get("full")
        return None if whole else datetime.now(UTC) - timedelta(days=self.days or 0)

    def _raise_exception(self, exception_string: str) -> NoReturn:
        """The sentence with table, column, rule, count and keys instead of the provider's query text."""
        if self._report is None or not self._report.errors:
            raise AuditError("the results of the data contracts could not be read back from ops.check_result")
        raise AuditError(self._report.sentence)


def _tables() -> list[str]:
    book = contracts()
    return sorted({*book.tables, *(rule.table for rule in book.sets.values())})


def _name(table: str) -> str:
    return table.replace(".", "_")


def _holds(table: str) -> str:
    return f"holds or severity <> 'error' or table_name <> '{table}'"
