"""Dialog with stock parts: what a data engineer would write in an afternoon, and most of us have.

Only the ids of connections and of the table are params (they would be constants), so that cases can run side by side.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param
from requests import Response
from stock_steps import TIMEOUT, deliver, load, read_contacts

# the login is a task of its own and its token an XCom, as in most examples of HttpOperator
JSON = {
    "Content-Type": "application/json",
    "Authorization": "Bearer {{ ti.xcom_pull(task_ids='login') }}",
}
REPORT = """{
  "analytics_filter": {
    "scenario_id": 951,
    "start_block_id": 10,
    "outgoing_campaign_id": {{ ti.xcom_pull(task_ids='create_campaign') }},
    "date_start": "{{ params.call_date }}T00:00:00+05:00",
    "date_end": "{{ params.call_date }}T23:59:59+05:00"
  }
}"""
UNFINISHED = {"Набор номера", "Идёт разговор"}


def build_campaign(call_date: str, attempts: str) -> dict[str, Any]:
    """The body of the create call: the whole list is one campaign."""
    schedule = {
        "date": call_date,
        "start_time": "10:00",
        "end_time": "20:00",
        "periods": {"id": 1, "title": "Однократно"},
        "attempts": {"id": int(attempts), "title": str(attempts)},
        "interval": "60",
    }
    campaign = {"project_id": 1, "name": f"stock {call_date}", "start_block_id": 10, "phone_id": 5}
    phones = [{"phone": row["phone"], "add_data": {"name": row["name"]}} for row in read_contacts()]
    return {"campaign": {**campaign, "schedule": schedule}, "phones": phones}


def everybody_was_called(response: Response, ti: Any) -> bool:
    """Dialog has no status to ask for: finished = a row for each number, none of them in progress."""
    rows = response.json()["data"]
    called = {row["phone_number"] for row in rows}
    sent = {entry["phone"] for entry in ti.xcom_pull(task_ids="build_campaign")["phones"]}
    return sent <= called and not any(row["status"] in UNFINISHED for row in rows)


def to_rows(response: Response, ti: Any) -> list[dict[str, Any]]:
    """The report in the columns of the table."""
    return [
        {
            "call_id": row["call_id"],
            "campaign_id": str(ti.xcom_pull(task_ids="create_campaign")),
            "phone": row["phone_number"],
            "started_at": row["call_start"],
            "status": row["status"],
            "result": row["result"],
            "duration": row["duration"],
            "record_url": row["record_url"],
            "phrases": [
                {
                    "text": said["text"],
                    "start_time": said["start"],
                    "end_time": said["end"],
                    "role": "operator" if said["role"] == "bot" else "client",
                }
                for said in row["dialog"]
            ],
        }
        for row in response.json()["data"]
    ]


with DAG(
    "stock_dialog",
    schedule=None,
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    # two retries after a moment: the advice of every tutorial (there minutes, here a second to save the reader's time)
    default_args={"retries": 2, "retry_delay": timedelta(seconds=1)},
    params={
        "call_date": Param(type="string", format="date"),
        "attempts": 1,
        "vendor": "dialog_api",
        "qolio": "qolio_api",
        "table": "stock_dialog",
    },
    doc_md=__doc__,
) as dag:
    login = HttpOperator(
        task_id="login",
        http_conn_id="{{ params.vendor }}",
        endpoint="api/login/",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        # not the login of the API's connection: HttpHook would turn that into basic auth over the bearer token
        data={"username": "{{ conn.dialog_account.login }}", "password": "{{ conn.dialog_account.password }}"},
        response_filter=lambda response: response.json()["access_token"],
        extra_options=TIMEOUT,
    )
    build = PythonOperator(
        task_id="build_campaign",
        python_callable=build_campaign,
        op_kwargs={"call_date": "{{ params.call_date }}", "attempts": "{{ params.attempts }}"},
    )
    create = HttpOperator(
        task_id="create_campaign",
        http_conn_id="{{ params.vendor }}",
        endpoint="api/campaigns",
        headers=JSON,
        data="{{ ti.xcom_pull(task_ids='build_campaign') | tojson }}",
        response_filter=lambda response: response.json()["campaign"]["id"],
        extra_options=TIMEOUT,
    )
    wait = HttpSensor(
        task_id="wait",
        http_conn_id="{{ params.vendor }}",
        method="POST",
        endpoint="api/analytics/1/report",
        headers=JSON,
        request_params=REPORT,
        response_check=everybody_was_called,
        poke_interval=2,
        timeout=600,
        extra_options=TIMEOUT,
    )
    fetch = HttpOperator(
        task_id="fetch_report",
        http_conn_id="{{ params.vendor }}",
        endpoint="api/analytics/1/report",
        headers=JSON,
        data=REPORT,
        response_filter=to_rows,
        extra_options=TIMEOUT,
    )
    into_table = PythonOperator(
        task_id="load",
        python_callable=load,
        op_kwargs={"rows": fetch.output, "table": "{{ params.table }}"},
    )
    to_qolio = PythonOperator(
        task_id="deliver",
        python_callable=deliver,
        op_kwargs={"rows": fetch.output, "conn_id": "{{ params.qolio }}", "operator_id": "bot:dialog:10"},
    )
    [login, build] >> create >> wait >> fetch >> into_table >> to_qolio
