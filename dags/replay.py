"""Rebuild warehouse tables of some call dates from ledger and archive: `obzvon replay` for those who have the UI."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from obzvon_provider.assets import ATTEMPTS
from obzvon_provider.operators.replay import ReplayOperator

DOC = """
**Replay.** Rebuilds what loading wrote for the plans with a call date from *First* to *Last*: facts and dimensions of
schema `dwh`, transcripts, opt-outs. It reads the ledger and the archive of raw answers alone and asks no vendor. Tables
that are missing are made again. Where nothing is lost nothing is written, so it may be run at any time.
"""

with DAG(
    dag_id="replay",
    dag_display_name="Replay from the archive",
    doc_md=DOC,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags={"obzvon", "upkeep"},
    default_args={"owner": "obzvon", "retries": 2, "retry_delay": timedelta(seconds=15)},
    params={
        "from": Param(type="string", format="date", title="First", description="First call date, included."),
        "to": Param(type="string", format="date", title="Last", description="Last call date, included."),
        "campaign": Param(
            None,
            type=["null", "string"],
            pattern="^[a-z][a-z0-9_]{1,60}$",
            title="Campaign",
            description="Its name, as the file is called. Empty: all campaigns.",
        ),
    },
):
    ReplayOperator(task_id="replay", outlets=[ATTEMPTS], execution_timeout=timedelta(hours=12))
