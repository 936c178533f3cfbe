"""TWIN (v1) with stock parts: the same afternoon's work as `stock_dialog`, with three requests to launch.

Only the ids of connections and of the table are params (they would be constants), so that cases can run side by side.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param
from requests import Response
from stock_steps import TIMEOUT, deliver, load, read_contacts

JSON = {
    "Content-Type": "application/json",
    "Authorization": "Bearer {{ ti.xcom_pull(task_ids='login') }}",
}
TASK_ID = "{{ ti.xcom_pull(task_ids='create_task') }}"
TASKS = "cis/api/v1/telephony/autoCall"
#: Small, so that a list of sixty fills three pages as a real list fills three of 1000.
PAGE = 25


def build_task(call_date: str) -> dict[str, Any]:
    """The body of the create call: the whole list is one task, started by `play`."""
    again = {"redial": True, "count": 1}
    return {
        "name": f"stock {call_date}",
        "defaultExec": "robot",
        "defaultExecData": "44e62ac6-6c08-4ad1-923d-5ee3299dd737",
        "secondExec": "end",
        "cidType": "default",
        "startType": "manual",
        "cps": 1.05,
        "additionalOptions": {
            "useTr": True,
            "allowCallTimeFrom": 36000,
            "allowCallTimeTo": 72000,
            "recordCall": True,
            "detectRobot": True,
            "detectRobotMode": "back",
        },
        "redialStrategyOptions": {
            "redialStrategyEn": True,
            "candidateLimit": again | {"count": 2},
            "busy": again | {"time": 900},
            "noAnswer": again | {"time": 3600},
        },
    }


def build_candidates(task_id: str) -> dict[str, Any]:
    """The body of the batch call. `clientExternalId` is there for joining, as TWIN's page suggests."""
    return {
        "forceStart": False,
        "batch": [
            {
                "autoCallId": task_id,
                "phone": [row["phone"].removeprefix("+")],
                "variables": {"name": row["name"]},
                "clientExternalId": row["id"],
            }
            for row in read_contacts()
        ],
    }


def next_page(response: Response) -> dict[str, Any] | None:
    """The usual rule: a full page may be followed by another."""
    if len(response.json()["items"]) < PAGE:
        return None
    offset = int(parse_qs(urlsplit(response.url).query)["offset"][0])
    return {"data": {"offset": offset + PAGE}}


def to_rows(responses: list[Response]) -> list[dict[str, Any]]:
    """All pages in the columns of the table."""
    return [
        {
            "call_id": call["id"],
            "campaign_id": call["taskId"],
            "phone": call["phone"],
            "started_at": call["startedAt"],
            "status": call["status"],
            "result": (call["dialogResults"] or {}).get("confirmation"),
            "duration": call["duration"],
            "record_url": call["recordPath"],
            "phrases": [
                {
                    "text": said["text"],
                    "start_time": said["startTime"],
                    "end_time": said["endTime"],
                    "role": "operator" if said["author"] == "BOT" else "client",
                }
                for said in call["messages"]
            ],
        }
        for response in responses
        for call in response.json()["items"]
    ]


with DAG(
    "stock_twin",
    schedule=None,
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    # two retries after a moment: the advice of every tutorial (there minutes, here a second to save the reader's time)
    default_args={"retries": 2, "retry_delay": timedelta(seconds=1)},
    params={
        "call_date": Param(type="string", format="date"),
        "vendor": "twin_api",
        "qolio": "qolio_api",
        "table": "stock_twin",
    },
    doc_md=__doc__,
) as dag:
    login = HttpOperator(
        task_id="login",
        http_conn_id="{{ params.vendor }}",
        endpoint="iam/api/v1/auth/login",
        headers={"Content-Type": "application/json"},
        # not the login of the API's connection: HttpHook would turn that into basic auth over the bearer token
        data="""{"email": "{{ conn.twin_account.login }}", "password": "{{ conn.twin_account.password }}"}""",
        response_filter=lambda response: response.json()["token"],
        extra_options=TIMEOUT,
    )
    task = PythonOperator(
        task_id="build_task", python_callable=build_task, op_kwargs={"call_date": "{{ params.call_date }}"}
    )
    create = HttpOperator(
        task_id="create_task",
        http_conn_id="{{ params.vendor }}",
        endpoint=TASKS,
        headers=JSON,
        data="{{ ti.xcom_pull(task_ids='build_task') | tojson }}",
        response_filter=lambda response: response.json()["id"]["identity"],
        extra_options=TIMEOUT,
    )
    batch = PythonOperator(
        task_id="build_candidates", python_callable=build_candidates, op_kwargs={"task_id": create.output}
    )
    candidates = HttpOperator(
        task_id="add_candidates",
        http_conn_id="{{ params.vendor }}",
        endpoint="cis/api/v1/telephony/autoCallCandidate/batch",
        headers=JSON,
        data="{{ ti.xcom_pull(task_ids='build_candidates') | tojson }}",
        extra_options=TIMEOUT,
    )
    play = HttpOperator(
        task_id="play",
        http_conn_id="{{ params.vendor }}",
        endpoint=f"{TASKS}/{TASK_ID}/play",
        headers=JSON,
        extra_options=TIMEOUT,
    )
    wait = HttpSensor(
        task_id="wait",
        http_conn_id="{{ params.vendor }}",
        endpoint=f"{TASKS}/{TASK_ID}",
        headers=JSON,
        response_check=lambda response: response.json()["status"] == "FINISHED",
        poke_interval=2,
        timeout=600,
        extra_options=TIMEOUT,
    )
    fetch = HttpOperator(
        task_id="fetch_calls",
        http_conn_id="{{ params.vendor }}",
        method="GET",
        endpoint="analyse/api/v1/search/cis/calls",
        headers=JSON,
        data={"taskId": TASK_ID, "limit": PAGE, "offset": 0},
        pagination_function=next_page,
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
        op_kwargs={"rows": fetch.output, "conn_id": "{{ params.qolio }}", "operator_id": "bot:twin:44e62ac6"},
    )
    [login, task] >> create >> batch >> candidates >> play >> wait >> fetch >> into_table >> to_qolio
