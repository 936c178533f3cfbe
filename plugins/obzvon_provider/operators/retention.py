"""Take out personal data whose time is over, and what vendors brought back of people who were erased."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import BaseOperator, Context

from obzvon.policy.model import load_policy
from obzvon.reports.archive import Archive
from obzvon.warehouse.db import connect
from obzvon.warehouse.partitions import analyze_months
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.paths import policy_file
from obzvon_provider.runtime import archive_root, phone_secret

__all__ = ["EraseAgainOperator", "RetentionOperator"]

MOSCOW = ZoneInfo("Europe/Moscow")


class RetentionOperator(BaseOperator):
    """Keeps to `retention_days` of today's policy file, then has the big facts counted anew for the query planner.

    Returns counts; receipts are in `ops.erasure`.
    """

    def __init__(self, *, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        from obzvon.stages.retention import keep_to_retention  # noqa: PLC0415 - every task start parses this file

        with one_sentence(), connect(WarehouseHook(self.warehouse_conn_id).dsn()) as conn:
            conn.autocommit = True
            today = datetime.now(UTC).astimezone(MOSCOW).date()
            done = keep_to_retention(conn, Archive(archive_root()), load_policy(policy_file()), today)
            analyze_months(conn)
        self.log.info("%s", done)
        return asdict(done)


class EraseAgainOperator(BaseOperator):
    """Erases what later reports brought back of people who were erased in the last month. Returns how many."""

    def __init__(self, *, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> int:
        from obzvon.stages.erase import erase_again  # noqa: PLC0415 - as above

        with one_sentence(), connect(WarehouseHook(self.warehouse_conn_id).dsn()) as conn:
            conn.autocommit = True
            found = erase_again(conn, Archive(archive_root()), secret=phone_secret())
        self.log.info("%d people were found again and erased", found)
        return found
