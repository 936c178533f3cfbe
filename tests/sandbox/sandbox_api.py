"""A small hand on a running sandbox, and the bodies the tests begin with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx

LOGIN, DIALOG_PASSWORD, TWIN_PASSWORD = "robot@obzvon.example", "sandbox-dialog-password", "sandbox-twin-password"
BOT = "44e62ac6-6c08-4ad1-923d-5ee3299dd737"
DIALPLAN = "d71c9c44-e942-4c6c-9ccc-ea5a043efb75"
NUMBER_ID = "00000000-0000-4000-8000-000000000003"
QOLIO_TOKEN = "sandbox-qolio-integration-token"
QOLIO_CALLS = "/qolio/api/v1/integrations/c34f637a-0000-4000-8000-000000000001/phone_calls"
AUTO_CALL = "/twin/cis/api/v1/telephony/autoCall"
BATCH = f"{AUTO_CALL}Candidate/batch"
BETA = "/twin/api/cis/beta/tasks"
CALLS = "/twin/analyse/api/v1/search/cis/calls"
SESSIONS = "/twin/analyse/api/v1/search/cis/sessions"
#: Two days ahead: in the future of every zone at any hour.
DAY = (datetime.now(UTC) + timedelta(days=2)).date()


class Api:
    """Signed in to all three vendors; `advance` moves the campaigns' virtual time."""

    def __init__(self, base_url: str) -> None:
        self.http = httpx.Client(base_url=base_url, timeout=60, trust_env=False, verify=False)
        self.tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def sign_in(self) -> None:
        form = {"username": LOGIN, "password": DIALOG_PASSWORD}
        self.tokens["dialog"] = self.http.post("/dialog/api/login/", data=form).json()["access_token"]
        body = {"email": LOGIN, "password": TWIN_PASSWORD, "ttl": 3600}
        self.tokens["twin"] = self.http.post("/twin/iam/api/v1/auth/login", json=body).json()["token"]

    def post(self, path: str, body: Any = None, **kwargs: Any) -> httpx.Response:
        return self.http.post(path, json=body, headers=self._headers(path), **kwargs)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params, headers=self._headers(path))

    def admin(self, path: str, body: Any = None) -> Any:
        return self.http.post(f"/_sandbox/{path}", json=body).raise_for_status().json()

    def look(self, book: str, /, **params: Any) -> Any:
        return self.http.get(f"/_sandbox/{book}", params=params).raise_for_status().json()

    def advance(self, **span: float) -> None:
        self.admin("clock", {"advance_seconds": timedelta(**span).total_seconds()})

    def fault(self, vendor: str, do: str, **more: Any) -> None:
        self.admin("faults", {"vendor": vendor, "do": do, **more})

    def _headers(self, path: str) -> dict[str, str]:
        vendor = path.split("/")[1]
        if vendor == "qolio":
            return {"Authorization": QOLIO_TOKEN}
        return {"Authorization": f"Bearer {self.tokens[vendor]}"}

    def dialog_campaign(self, phones: int = 20, **schedule: Any) -> int:
        answer = self.post("/dialog/api/campaigns", dialog_campaign(phones, **schedule))
        assert answer.status_code == 200, answer.text
        return int(answer.json()["campaign"]["id"])

    def report(self, campaign: int, columns: list[dict[str, Any]] | None = None, **changes: Any) -> httpx.Response:
        return self.post("/dialog/api/analytics/1/report", dialog_report(campaign, columns, **changes))

    def task(self, **changes: Any) -> str:
        answer = self.post(AUTO_CALL, auto_call(**changes))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"]["identity"])

    def load(self, task: str, count: int = 10, first: int = 0, force: bool = False) -> None:
        batch = [candidate(task, first + number) for number in range(count)]
        answer = self.post(BATCH, {"forceStart": force, "batch": batch})
        assert answer.status_code == 200, answer.text

    def calls(self, task: str, **params: Any) -> list[dict[str, Any]]:
        """All calls of the task, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(CALLS, taskId=task, limit=1000, offset=len(found), **params).json()["items"]
            found += page
            if len(page) < 1000:
                return found

    def status(self, task: str) -> str:
        return str(self.get(f"{AUTO_CALL}/{task}").json()["status"])


def server_time(answer: httpx.Response) -> datetime:
    return parsedate_to_datetime(answer.headers["date"])


def at(clock: str, zone: str = "Europe/Moscow") -> datetime:
    """A time of the campaign's day."""
    return datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=ZoneInfo(zone))


def changed(body: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with `a.b.c` set, or deleted where the value is `...`."""
    copied = copy.deepcopy(dict(body))
    *way, last = path.split(".")
    place: Any = copied
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copied


def dialog_campaign(phones: int = 20, **schedule: Any) -> dict[str, Any]:
    return {
        "campaign": {
            "project_id": 1,
            "name": "Опрос [af:0a1b2c3d]",
            "description": "Опрос удовлетворенности",
            "start_block_id": 10,
            "schedule": {
                "date": DAY.isoformat(),
                "start_time": "09:00",
                "end_time": "17:00",
                "periods": {"id": 1, "title": "Однократно"},
                "attempts": {"id": 3, "title": "3"},
                "interval": "15",
                **schedule,
            },
            "state": "Создано",
            "phone_id": 5,
        },
        "phones": [{"phone": f"+7912{n:07d}", "add_data": {"name": "Иванов Иван", "order": n}} for n in range(phones)],
    }


def dialog_report(campaign: int, columns: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    wanted = {
        "scenario_id": 951,
        "start_block_id": 10,
        "outgoing_campaign_id": campaign,
        "date_start": f"{DAY}T00:00:00.000Z",
        "date_end": f"{DAY}T23:59:59.000Z",
        **changes,
    }
    return {"analytics_filter": wanted} | ({} if columns is None else {"columns": columns})


def auto_call(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Опрос [af:0a1b2c3d]",
        "defaultExec": "robot",
        "defaultExecData": BOT,
        "secondExec": "end",
        "secondExecData": "",
        "cidType": "gornum",
        "cidData": NUMBER_ID,
        "startType": "time",
        "startMoment": f"{DAY} 10:00",
        "cps": 1.01,
        "callStrategy": "PARALLEL",
        "checkPhone": True,
        "phoneNormalization": "RU",
        "webhookUrls": [],
        "additionalOptions": {
            "fullListMethod": "reject",
            "fullListTime": 5,
            "useTr": True,
            "allowCallTimeFrom": 36000,
            "allowCallTimeTo": 72000,
            "recordCall": True,
            "recTrimLeft": 0,
            "detectRobot": True,
            "detectRobotMode": "back",
            "detectRobotGreeting": None,
            "providerId": None,
            "fz230": True,
        },
        "redialStrategyOptions": {
            "redialStrategyEn": True,
            "candidateLimit": {"redial": True, "count": 3},
            "numberLimit": {"redial": True, "count": 3},
            "busy": {"redial": True, "time": 900, "count": 2},
            "noAnswer": {"redial": True, "time": 1800, "count": 2},
            "answerMash": {"redial": False},
            "congestion": {"redial": True, "time": 900, "count": 2},
            "answerNoList": {"redial": False},
        },
        **changes,
    }


def beta_task(**changes: Any) -> dict[str, Any]:
    """The example of the beta page; its typing slips corrected (caller id of 22 digits, a trailing blank)."""
    return {
        "name": "02.02 тестирование на номер Никиты",
        "botId": BOT,
        "dialplanId": DIALPLAN,
        "backgroundNoise": "/background/office.wav",
        "amd": {"enabled": True, "mode": "BACK", "file": None},
        "defaultCallerId": {"type": "Custom", "data": "79996662211", "additional": None},
        "defaultRedirect": {"type": "hangup", "data": None, "additional": None},
        "scheduledAt": f"{DAY}T10:00:00+03:00",
        "intensity": 1,
        "webhookUrl": "https://webhook.site/12345678",
        "allowedTimeRange": {"from": 32500, "to": 79000},
        "phoneNormalization": "ru",
        "detectGenderByVoice": True,
        "isTest": False,
        "recallRules": {
            "BUSY": {"enabled": True, "tries": 3, "interval": 900},
            "NO_ANSWER": {"enabled": True, "tries": 3, "interval": 1800},
            "MACHINE": {"enabled": True, "tries": 2, "interval": 1800},
            "CONGESTION": {"enabled": True, "tries": 3, "interval": 900},
            "NOT_SUCCESSFUL": {"enabled": False, "tries": None, "interval": None, "duration": 0},
        },
        **changes,
    }


def candidate(task: str | None, number: int, **changes: Any) -> dict[str, Any]:
    named = {} if task is None else {"autoCallId": task}
    return {
        **named,
        "phone": [f"7912{number:07d}"],
        "variables": {"name": "Анна"},
        "callbackData": {"row": str(number)},
        "clientExternalId": f"plan-{number}",
        "timezone": 10800,
        **changes,
    }


def phone_call(**changes: Any) -> dict[str, Any]:
    """The example of Qolio's page; its time zone written as the page's own notes ask."""
    return {
        "operator_id": "operator@email.com",
        "started_at": "2020-06-21T09:51:13.588+03:00",
        "direction": "incoming",
        "duration": 410.1,
        "client_phone_number": "+375332222453",
        "media_url": "https://file-examples.com/wp-content/uploads/2017/11/file_example_WAV_1MG.wav",
        "uid": "7b2331ca-adcb-4f15-811b-6b6cfddb2baf",
        "client": {
            "id": "client@email.com",
            "company_name": "Test Company",
            "first_name": "John",
            "last_name": "Doe",
        },
        "custom_fields": {
            "opened_at": "2020-06-21T09:51:13.588Z",
            "reopen_count": 5,
            "topic": "Поддержка",
            "sub-topic": "Возобновление доступа",
        },
        **changes,
    }
