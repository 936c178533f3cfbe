"""Links from tasks: where they lead, and that one that is not known leaves the button out and fails nothing."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from approving import asking, campaign, planned
from launching import PLAN, forced, plan_of

from obzvon.qolio.cabinet import qolio_address
from obzvon.vendors.account import Account
from obzvon.vendors.cabinet import cabinet_address
from obzvon.vendors.registry import dialer_class
from obzvon_provider.links import ArchiveLink, CabinetLink, CampaignLink, QolioLink, QuestionLink, publish
from obzvon_provider.operators.launch import LaunchOperator

ROOT = Path(__file__).parents[2]
WEB = "https://airflow.example/house"


@pytest.fixture(autouse=True)
def house(warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    info = psycopg.conninfo.conninfo_to_dict(warehouse_dsn)
    warehouse = {"conn_type": "postgres", "host": info["host"], "login": info["user"], "schema": info["dbname"]}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", f"{WEB}/")
    dialog = {"conn_type": "dialog", "host": "https://ai-assistant.is74.ru/x", "extra": {"token": "a-ready-token"}}
    monkeypatch.setenv("AIRFLOW_CONN_DIALOG_DEFAULT", json.dumps(dialog))
    qolio = {"conn_type": "qolio", "host": "https://api.prod1.qolio.ru"}
    monkeypatch.setenv("AIRFLOW_CONN_QOLIO_DEFAULT", json.dumps(qolio))
    return monkeypatch


class Instance(SimpleNamespace):
    """A task instance that keeps what is pushed."""

    def __init__(self, **pulled: Any) -> None:
        super().__init__(dag_id="campaign__test", run_id="manual__2031-05-20T05:00:00+00:00", task_id="t", map_index=-1)
        self.pushed: dict[str, Any] = {}
        self.pulled = pulled

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, *, task_ids: str, key: str, map_indexes: int) -> Any:
        return self.pulled.get(key) if (task_ids, map_indexes) == ("t", -1) else None


def task(**fields: Any) -> Any:
    return SimpleNamespace(**{"warehouse_conn_id": "warehouse_default", "plan_id": PLAN, "batch_no": 0} | fields)


def with_cabinet(house: pytest.MonkeyPatch, template: str) -> None:
    dialog = {"conn_type": "dialog", "host": "https://ai-assistant.is74.ru", "extra": {"cabinet_url": template}}
    house.setenv("AIRFLOW_CONN_DIALOG_DEFAULT", json.dumps(dialog))


def test_the_campaigns_page_has_the_plans_call_date(conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    (campaign, day), *_ = conn.execute("select campaign_id, call_date from ops.campaign_plan").fetchall()
    conn.commit()
    page = f"{WEB}/obzvon/campaigns/{campaign}?from={day}&to={day}"
    assert isinstance(day, date)
    assert CampaignLink().get_link(task(), ti_key=Instance()) == page
    assert ArchiveLink().get_link(task(), ti_key=Instance()) == f"{page}#archive"
    planning = SimpleNamespace(warehouse_conn_id="warehouse_default")  # it has no plan until it has pushed one
    assert CampaignLink().get_link(planning, ti_key=Instance()) == ""
    assert CampaignLink().get_link(planning, ti_key=Instance(plan_id=PLAN)) == page


def test_the_question_is_linked_where_somebody_is_asked(conn: psycopg.Connection) -> None:
    nobody = planned(conn, 7, spec=campaign(approval={"when": "never"}))
    asked = planned(conn, 7, spec=asking(name="asked"))
    conn.commit()
    run = "dags/campaign__test/runs/manual__2031-05-20T05%3A00%3A00%2B00%3A00"
    assert QuestionLink().get_link(task(plan_id=nobody.plan_id), ti_key=Instance()) == ""
    question = QuestionLink().get_link(task(plan_id=asked.plan_id), ti_key=Instance())
    assert question == f"{WEB}/{run}/tasks/approve/required_actions"


def test_the_cabinet_is_the_front_page_until_the_vendor_has_the_campaign(
    conn: psycopg.Connection, house: pytest.MonkeyPatch
) -> None:
    plan_of(conn, contacts=1, intents=2)
    assert CabinetLink().get_link(task(), ti_key=Instance()) == "https://ai-assistant.is74.ru/"
    with_cabinet(house, "https://cabinet.example:8443/calls/{id}?tab=1")
    assert CabinetLink().get_link(task(), ti_key=Instance()) == "https://cabinet.example:8443/"
    forced(conn, "update ops.campaign_intent set state = 'running', vendor_task_id = '55/5' where chunk_no = 1")
    conn.commit()
    assert CabinetLink().get_link(task(), ti_key=Instance()) == "https://cabinet.example:8443/calls/55%2F5?tab=1"
    assert CabinetLink().get_link(task(batch_no=7), ti_key=Instance()) == "https://cabinet.example:8443/"


def test_what_is_not_known_leaves_the_button_out_and_fails_nothing(
    conn: psycopg.Connection, house: pytest.MonkeyPatch
) -> None:
    assert CabinetLink().get_link(task(plan_id="f" * 64), ti_key=Instance()) == ""
    plan_of(conn, contacts=1)
    with_cabinet(house, "javascript:alert({id})")
    assert CabinetLink().get_link(task(), ti_key=Instance()) == ""
    house.delenv("AIRFLOW_CONN_DIALOG_DEFAULT")
    assert CabinetLink().get_link(task(), ti_key=Instance()) == ""
    house.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps({"conn_type": "mysql", "host": "h"}))
    assert CampaignLink().get_link(task(), ti_key=Instance()) == ""


def test_links_can_be_shown_before_a_task_waits(conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    launch, ti = LaunchOperator(task_id="launch", plan_id=PLAN, batch_no=0), Instance()
    context: Any = {"ti": ti, "run_id": "run-1"}
    publish(launch, context)
    assert ti.pushed == {"_link_CabinetLink": "https://ai-assistant.is74.ru/"}


def test_the_web_server_knows_the_links_of_mapped_tasks_too() -> None:
    bag = DagBag(ROOT / "dags" / "campaigns.py", bundle_path=ROOT / "dags")
    dag = DagSerialization.from_dict(DagSerialization.to_dict(bag.dags["campaign__demo_twin"]))
    shown = {task_id: set(dag.get_task(task_id).extra_links) for task_id in dag.task_ids}
    assert {task_id: links for task_id, links in shown.items() if links} == {
        "plan": {"Campaign", "Question"},
        "approve": {"Campaign"},
        "deliver": {"Qolio"},
        "doubt.settle": {"Cabinet"},
        "doubt.deliver": {"Qolio"},
        **{f"{group}.{task}": {"Cabinet"} for group in ("batch", "doubt") for task in ("launch", "wait")},
        **{f"{group}.collect": {"Campaign", "Archive"} for group in ("batch", "doubt")},
    }


def test_qolio_is_linked_by_the_tasks_connection_or_its_plans(conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    for operator in (task(), task(conn_id="qolio_default", plan_id=None)):
        assert QolioLink().get_link(operator, ti_key=Instance()) == "https://app.dealapp.io/"


def account(host: str, **options: Any) -> Account:
    return Account(host, options=options)


@pytest.mark.parametrize(
    ("vendor", "host", "front"),
    [
        ("dialog", "https://ai-assistant.is74.ru/api", "https://ai-assistant.is74.ru/"),
        ("dialog", "http://u:secret@dialog.local:8080/x", "http://dialog.local:8080/"),
        ("twin", "https://twin24.ai", "https://tcl.twin24.ai/"),
        ("twin", "https://cis.twin24.ai", "https://tcl.twin24.ai/"),
        ("twin", "https://nottwin24.ai", None),
    ],
)
def test_front_pages_are_those_that_a_source_shows(vendor: str, host: str, front: str | None) -> None:
    assert dialer_class(vendor).cabinet(account(host)) == front


def test_a_template_of_qolio_has_the_integrations_id() -> None:
    path = {"integration_path": "/api/v1/integrations/77/phone_calls"}
    own = account("https://qolio.local", cabinet_url="https://cabinet.example/i/{integration}", **path)
    assert qolio_address(own) == "https://cabinet.example/i/77"
    assert qolio_address(account("https://qolio.local", **path)) is None
    assert qolio_address(account("https://api.prod1.dealapp.io", **path)) == "https://app.dealapp.io/"


def test_braces_that_are_no_id_stay() -> None:
    given = account("https://h", cabinet_url=" https://c.example/{company}/{id} ")
    assert cabinet_address(given, None, id="7") == "https://c.example/{company}/7"
