"""Lines of the stages carry campaign, plan, intent and counts as fields, in the form of Airflow's own logs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import structlog
from airflow.sdk._shared.logging.structlog import drop_positional_args, structlog_processors
from launching import NOW, PLAN, ScriptedDialer, plan_of, spec

from obzvon.errors import Refused
from obzvon.stages.launch import Launcher, launch
from obzvon.telemetry.spans import fields
from obzvon.warehouse.db import connect_async


class Lines:
    """What a task's log file would hold."""

    def __init__(self) -> None:
        self._written = io.StringIO()
        shared, last, _ = structlog_processors(json_output=True)
        self.handler = logging.StreamHandler(self._written)
        # as airflow/sdk/_shared/logging/structlog.py configures the lines of stdlib loggers
        self.handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                use_get_message=False,
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, drop_positional_args, last],
                foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
                pass_foreign_args=True,
            )
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(json.loads, self._written.getvalue().splitlines())

    def one(self, event: str) -> dict[str, Any]:
        """The line with these words."""
        (found,) = [line for line in self if event in line["event"]]
        return found


@pytest.fixture
def lines() -> Iterator[Lines]:
    written, logger = Lines(), logging.getLogger("obzvon")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(written.handler)
    yield written
    logger.removeHandler(written.handler)
    logger.setLevel(before)


async def launched(dsn: str, dialer: ScriptedDialer) -> None:
    async with await connect_async(dsn) as conn:
        await launch(Launcher(conn, dialer, spec(), "run-1", lambda: False, lambda: NOW), PLAN, 0)


async def test_a_stage_s_lines_say_of_whom_they_speak(
    warehouse_dsn: str, conn: psycopg.Connection, lines: Lines
) -> None:
    first, second = plan_of(conn, contacts=3, intents=2)
    await launched(warehouse_dsn, ScriptedDialer())
    about = {"stage": "launch", "campaign": "test_campaign", "plan": PLAN[:8], "batch": 0}
    created = [line for line in lines if "created, vendor id" in line["event"]]
    assert [line["intent"] for line in created] == [first[:8], second[:8]]
    end = lines.one("launch is done")
    assert {**end, **about} == end
    assert all({**line, **about} == line for line in created)
    assert (end["contacts_sent"], end["running"]) == (6, 2)
    assert "intent" not in end


async def test_what_goes_wrong_is_said_with_the_intent(
    warehouse_dsn: str, conn: psycopg.Connection, lines: Lines
) -> None:
    first, second = plan_of(conn, contacts=1, intents=2)

    def create(order: Any) -> str:
        if order.intent_id == first:
            raise Refused("dialog", "create a campaign", "the script is unknown", status=400)
        return "task-1"

    await launched(warehouse_dsn, ScriptedDialer(create=create))
    (error,) = [line for line in lines if line["level"] == "error"]
    assert (error["intent"], error["campaign"]) == (first[:8], "test_campaign")
    assert lines.one("created, vendor id")["intent"] == second[:8]


def test_fields_end_with_their_block(lines: Lines) -> None:
    log = logging.getLogger("obzvon.tests")
    with fields(campaign="a", intent="0123456789abcdef", batch=None):
        log.info("inside")
    log.info("outside")
    inside, outside = lines
    assert (inside["campaign"], inside["intent"], "batch" in inside) == ("a", "01234567", False)
    assert not {"campaign", "intent"} & set(outside)
