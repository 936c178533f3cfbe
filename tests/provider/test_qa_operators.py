"""The operators of `qa_scores`, and the delivery that looks at its operator first, over Airflow's connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException
from launching import forced
from psycopg.types.json import Jsonb
from qa_rows import World

from obzvon.campaigns.spec import CampaignSpec
from obzvon.local.environment import QOLIO_OPTIONS
from obzvon.qolio.form import QOLIO_FORM
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon_provider.operators.deliver import DeliverOperator
from obzvon_provider.operators.qa import (
    MissingPlansOperator,
    OperatorsOperator,
    QolioAccountsOperator,
    ReviewsOperator,
    VerifyOperator,
)

ROOT = Path(__file__).resolve().parents[2]
DEMO = yaml.safe_load((ROOT / "include" / "campaigns" / "demo_dialog.yaml").read_text("utf-8"))
CONTEXT: Any = {"params": {"days": 30}, "run_id": "run-1"}
LOGIN = ("account_email", "account_password")

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=0) as running:
        yield running


class House:
    """Connections, a campaign folder and a warehouse with one plan whose calls happened an hour ago."""

    def __init__(self, server: Sandbox, conn: psycopg.Connection, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.server, self.folder, self._patch = server, folder, patch
        self.admin("POST", "reset")
        self.connection()
        self.campaign()
        self.world = World(conn)
        patch.setenv("OBZVON_CAMPAIGNS", str(folder))

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        return httpx.request(method, f"{self.server.admin}/{path}", json=body, trust_env=False, timeout=60).json()

    def connection(self, *without: str) -> None:
        extra = {key: value for key, value in QOLIO_OPTIONS.items() if key not in without}
        conn = {"conn_type": "qolio", "host": self.server.qolio, "password": "sandbox-qolio-integration-token"}
        self._patch.setenv("AIRFLOW_CONN_QOLIO_DEFAULT", json.dumps(conn | {"extra": extra}))

    def campaign(self, operator_id: str = "bot:dialog:10") -> None:
        text = yaml.safe_dump(DEMO | {"name": "mine", "qolio": {"operator_id": operator_id}}, allow_unicode=True)
        (self.folder / "mine.yaml").write_text(text, "utf-8")

    def plan(self, calls: int, operator_id: str = "bot:dialog:10") -> str:
        """Conversations of an hour ago in a plan whose stored campaign file names the operator."""
        spec = CampaignSpec.model_validate(DEMO | {"qolio": {"operator_id": operator_id}})
        self.world.calls(calls)
        self.world.run("update ops.campaign_plan set spec = %s", Jsonb(spec.canonical()))
        self.world.run(
            "update dwh.fact_call_attempt set started_at = now() - interval '1 hour',"
            " local_started_at = (now() - interval '1 hour') at time zone 'Europe/Moscow'"
        )
        self.world.conn.commit()
        return self.world.plan_id

    def uids(self) -> set[str]:
        return {call["uid"] for call in self.admin("GET", "qolio/calls")}

    def states(self) -> dict[str, int]:
        self.world.conn.commit()
        return self.world.states()


@pytest.fixture
def house(
    server: Sandbox, conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> House:
    where = urlsplit(warehouse_dsn)
    extra = {name: values[0] for name, values in parse_qs(where.query).items()}
    warehouse = {"conn_type": "postgres", "login": where.username, "schema": where.path[1:], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    return House(server, conn, tmp_path, monkeypatch)


def done(operator: Any) -> Any:
    return asyncio.run(operator.aexecute(CONTEXT))


def test_an_inactive_operator_stops_the_delivery_before_anything_is_sent(house: House) -> None:
    plan_id = house.plan(5, "bot:inactive")
    deliver = DeliverOperator(task_id="deliver", plan_id=plan_id)
    with pytest.raises(AirflowFailException, match="nothing was sent; operator 'bot:inactive' of demo_dialog is"):
        done(deliver)
    assert house.uids() == set()
    assert house.states() == {}
    assert house.admin("GET", "requests?vendor=qolio&path=phone_calls") == []


def test_without_a_login_the_delivery_says_that_nobody_looked(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.connection(*LOGIN)
    deliver = DeliverOperator(task_id="deliver", plan_id=house.plan(2))
    assert done(deliver)["sent"] == 2
    assert "no account_email, so Qolio's account API is not asked" in caplog.text


def test_calls_dropped_silently_are_found_sent_again_and_verified(house: House) -> None:
    plan_id = house.plan(6)
    fault = {"vendor": "qolio", "do": "swallow", "path": "phone_calls$", "times": 2}
    house.admin("POST", "faults", fault)
    assert done(DeliverOperator(task_id="deliver", plan_id=plan_id))["sent"] == 6
    assert len(house.uids()) == 4

    verify = VerifyOperator(task_id="verify", conn_id="qolio_default")
    with pytest.raises(AirflowFailException, match="2 calls that it took are not there, 4 newly seen"):
        done(verify)
    assert house.states() == {"VERIFIED": 4, "MISSING": 2}
    (found,) = done(MissingPlansOperator(task_id="missing"))
    assert found == plan_id
    assert done(DeliverOperator(task_id="resend", plan_id=found))["sent"] == 2
    assert done(verify)["verified"] == 2
    assert house.states() == {"VERIFIED": 6}
    assert len(house.uids()) == 6
    assert done(MissingPlansOperator(task_id="missing")) == []


def test_accounts_are_those_of_campaigns_and_plans_that_have_a_login(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    accounts = QolioAccountsOperator(task_id="accounts")
    assert accounts.execute(CONTEXT) == ["qolio_default"]
    house.connection(*LOGIN)
    assert accounts.execute(CONTEXT) == []
    assert "of which nothing is checked: ['qolio_default']" in caplog.text
    monkeypatch.setenv("AIRFLOW_CONN_QOLIO_NORTH", json.dumps({"conn_type": "qolio", "extra": QOLIO_OPTIONS}))
    forced(house.world.conn, "update ops.campaign_plan set call_date = current_date, spec = %s",
           [Jsonb({"qolio": {"conn_id": "qolio_north"}})])  # fmt: skip
    house.world.conn.commit()
    assert accounts.execute(CONTEXT) == ["qolio_north"]
    monkeypatch.delenv("AIRFLOW_CONN_QOLIO_NORTH")
    assert accounts.execute(CONTEXT) == []
    assert "connection qolio_north does not exist" in caplog.text


def test_operators_of_the_campaign_files_are_looked_at(house: House) -> None:
    operators = OperatorsOperator(task_id="operators", conn_id="qolio_default")
    assert done(operators) == ["bot:dialog:10"]
    house.campaign("bot:inactive")
    with pytest.raises(AirflowFailException, match="'bot:inactive' of mine is inactive: activate"):
        done(operators)
    assert done(OperatorsOperator(task_id="operators", conn_id="qolio_default_not_used")) == []


def test_reviews_are_pulled_and_loaded(house: House) -> None:
    plan_id = house.plan(2)
    done(DeliverOperator(task_id="deliver", plan_id=plan_id))
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    review = {"id": "r-1", "uid": "dialog:00001", "score": 90, "reviewed_at": an_hour_ago}
    house.admin("POST", "qolio/reviews", review)
    result = done(ReviewsOperator(task_id="reviews", conn_id="qolio_default"))
    assert (result["reviews"], result["facts"]) == (1, 1)
    house.world.conn.commit()
    assert house.world.conn.execute("select score from dwh.fact_qa_review").fetchall() == [(90,)]


def test_a_login_that_is_gone_meanwhile_is_named(house: House) -> None:
    house.connection(*LOGIN)
    for kind in (OperatorsOperator, VerifyOperator, ReviewsOperator):
        with pytest.raises(AirflowFailException, match="qolio_default has lost its account login"):
            done(kind(task_id="task", conn_id="qolio_default"))


def test_every_option_of_the_form_stands_on_the_page_of_connections() -> None:
    page = (ROOT / "docs" / "connections.md").read_text("utf-8")
    assert [key for key in QOLIO_FORM["conn-fields"] if f"`{key}`" not in page] == []
    assert QOLIO_FORM["conn-fields"]["account_password"]["schema"]["format"] == "password"


def test_the_options_of_the_local_stack_are_those_of_the_form() -> None:
    assert set(QOLIO_OPTIONS) <= set(QOLIO_FORM["conn-fields"])
