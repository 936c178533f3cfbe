"""What goes wrong ends in one sentence that names the cause and the cure, and nobody is called."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from airflow.sdk.exceptions import AirflowException

from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon_provider.operators.launch import LaunchOperator
from obzvon_provider.operators.plan import PlanOperator

pytestmark = pytest.mark.stack
ROOT = Path(__file__).resolve().parents[2]
EXTRA = {
    "dialog": {"platform_timezone": "Asia/Yekaterinburg"},
    "twin": {"company_timezone": "Europe/Moscow"},
}
DOWN = "http://127.0.0.1:9"  # the discard port: nobody listens
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


class House:
    """A project folder of one campaign, its connections, and the two stages that could call somebody."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, vendor: str) -> None:
        self.folder, self.monkeypatch, self.sandbox, self.vendor = folder, monkeypatch, sandbox, vendor
        self.name = f"demo_{vendor}"
        self.connect(f"{sandbox.base_url}/{vendor}", f"sandbox-{vendor}-password", EXTRA[vendor])
        monkeypatch.setenv("AIRFLOW_VAR_OBZVON_PHONE_SECRET", "a secret of at least thirty-two characters")
        monkeypatch.setenv("OBZVON_CAMPAIGNS", str(folder))
        self.write(lambda spec: None)

    def connect(self, host: str, password: str, extra: dict[str, str]) -> None:
        conn = {"conn_type": self.vendor, "host": host, "login": "robot@obzvon.example", "password": password,
                "extra": extra}  # fmt: skip
        self.monkeypatch.setenv(f"AIRFLOW_CONN_{self.vendor.upper()}_DEFAULT", json.dumps(conn))

    def write(self, edit: Edit) -> None:
        path = ROOT / "include" / "campaigns" / f"{self.name}.yaml"
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        edit(spec)
        (self.folder / path.name).write_text(yaml.safe_dump(spec, allow_unicode=True), encoding="utf-8")

    def list_file(self, content: bytes) -> str:
        path = self.folder / "list.csv"
        path.write_bytes(content)
        return str(path)

    def run(self) -> None:
        """Plan, then launch every batch, as the DAG does."""
        tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        pushed: dict[str, Any] = {}
        context: Any = {
            "params": {"call_date": tomorrow},
            "run_id": "run-1",
            "ti": SimpleNamespace(xcom_push=pushed.__setitem__),
        }
        batches = PlanOperator(task_id="plan", campaign=self.name).execute(context)
        for batch in batches:
            launch = LaunchOperator(task_id=f"launch{batch}", plan_id=pushed["plan_id"], batch_no=batch)
            asyncio.run(launch.aexecute(context))

    def called(self) -> int:
        """Campaigns that exist at the vendor."""
        answer = httpx.get(f"{self.sandbox.admin}/campaigns", trust_env=False)
        return sum(campaign["vendor"] == self.vendor for campaign in answer.json())

    def says(self) -> str:
        """The sentence a run fails with; nobody may have been called."""
        with pytest.raises(AirflowException) as caught:
            self.run()
        assert self.called() == 0
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.fixture(params=["dialog", "twin"])
def house(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    warehouse_dsn: str,
) -> House:
    info = psycopg.conninfo.conninfo_to_dict(warehouse_dsn)
    warehouse = {"conn_type": "postgres", "host": info["host"], "login": info["user"], "schema": info["dbname"]}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    return House(tmp_path, monkeypatch, sandbox, request.param)


def test_wrong_password(house: House) -> None:
    house.connect(f"{house.sandbox.base_url}/{house.vendor}", "wrong-password-1", EXTRA[house.vendor])
    said = house.says()
    assert house.vendor in said
    assert "password" in said
    assert "wrong-password-1" not in said


def test_vendor_down(house: House) -> None:
    house.connect(DOWN, "any-password-at-all", EXTRA[house.vendor] | {"retry_seconds": "1"})
    said = house.says()
    assert house.vendor in said
    assert "connect" in said


def test_missing_setting_of_the_account(house: House) -> None:
    house.connect(f"{house.sandbox.base_url}/{house.vendor}", f"sandbox-{house.vendor}-password", {})
    (key,) = EXTRA[house.vendor]
    assert key in house.says()


def test_unknown_column(house: House) -> None:
    house.write(lambda spec: spec["contacts"]["columns"].update(phone="Телефончик"))
    said = house.says()
    assert "contacts.columns.phone" in said
    assert "Телефончик" in said
    assert re.search(r"it has: .*елефон", said)


@pytest.mark.parametrize("content", [b"", "Телефон;ФИО\n".encode("cp1251")])
def test_empty_list(house: House, content: bytes) -> None:
    path = house.list_file(content)
    columns = {"phone": "Телефон", "full_name": "ФИО"}
    house.write(lambda spec: (spec["contacts"].update(source={"type": "csv", "path": path}, columns=columns),
                              spec.update(variables={})))  # fmt: skip
    said = house.says()
    assert "empty" in said
    assert "export it again" in said


def test_all_contacts_excluded(house: House) -> None:
    path = house.list_file("Телефон\n112\n103\n".encode())
    house.write(lambda spec: (spec["contacts"].update(source={"type": "csv", "path": path},
                              columns={"phone": "Телефон"}, max_reject_share=1.0),
                              spec.update(variables={})))  # fmt: skip
    said = house.says()
    assert "short_number" in said
    assert "2" in said


def test_too_many_rejects(house: House) -> None:
    house.write(lambda spec: spec["contacts"].update(max_reject_share=0.01))
    said = house.says()
    assert "max_reject_share" in said
    assert "1" in said


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"type": "csv", "path": "no/such/file.csv"}, "no such file"),
        ({"type": "xlsx", "path": "include/campaigns/lists/demo_dialog.csv"}, "xlsx"),
        ({"type": "parquet", "path": "include/campaigns/lists/demo_dialog.csv"}, "arquet"),
        ({"type": "sql", "conn_id": "nowhere", "query": "select 1"}, "nowhere"),
    ],
)
def test_unreadable_source(house: House, source: dict[str, str], words: str) -> None:
    house.write(lambda spec: spec["contacts"].update(source=source))
    assert words in house.says()


def test_the_house_itself_is_in_order(house: House) -> None:
    """The control: without a fault the same house does create campaigns."""
    house.run()
    assert house.called() > 0
    httpx.post(f"{house.sandbox.admin}/reset", trust_env=False).raise_for_status()
