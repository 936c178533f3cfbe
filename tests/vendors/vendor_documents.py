"""The vendor documents' own examples, the campaign files that say the same, and how one becomes the other.

Dates of the examples lie in the past, so they are moved to 15 January 2100. Slips of the documents are corrected where
they are marked.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.prepare import prepared
from obzvon.ledger.intents import Intent
from obzvon.ledger.keys import external_id, intent_id, plan_id, zone_label
from obzvon.stages.launch import order_of
from obzvon.vendors.base import Contact, Order

DAY = date(2100, 1, 15)
COMMON = """
owner: robot@obzvon.example
purpose: survey
contacts:
  source: {type: csv, path: list.csv}
  columns: {phone: Телефон}
goal: {title: Согласие, field: confirmation, in: [agreed]}
qolio: {operator_id: "bot:example"}
"""

# Dialog, "Создание обзвонов", «Пример запроса» (current text of the API book) -----------------------------------------

DIALOG_CREATE: dict[str, Any] = json.loads("""
{
  "campaign": {
    "project_id": 1,
    "name": "Обзвон клиентов",
    "description": "Обзвон клиентов для опроса удовлетворенности",
    "start_block_id": 10,
    "schedule": {
      "date": "2100-01-15",
      "start_time": "09:00",
      "end_time": "17:00",
      "periods": {"id": 1, "title": "Однократно"},
      "attempts": {"id": 1, "title": "1"},
      "interval": "5"
    },
    "state": "Создано",
    "phone_id": 5
  },
  "phones": [
    {
      "phone": "+79999999999",
      "add_data": {"name":"Иванов Иван", "time":"10:00", "phone": 123456}
    }
  ]
}
""")
DIALOG_COLUMNS: list[dict[str, Any]] = json.loads("""
[{"id": 1, "name": "phone_number", "display_name": "Phone Number", "column_type": "field", "data_type": "number",
  "filter_type": "contains", "filter_value": "79999999999", "sorting": "asc"}]
""")
DIALOG_FILE = """
name: dialog_example
title: Обзвон клиентов
description: Обзвон клиентов для опроса удовлетворенности
variables:
  name: {column: ФИО}
  time: {value: "10:00"}
  phone: {column: Заявка, type: integer}
vendor:
  type: dialog
  campaign_name: "{title}"
  project_id: 1
  scenario_id: 951
  start_block_id: 10
  phone_id: 5
  attempts: 1
  interval_minutes: 5
  report:
    columns:
      - {id: 1, name: phone_number, display_name: Phone Number, data_type: number,
         filter_type: contains, filter_value: "79999999999", sorting: asc}
    fields: {started_at: call_start, status: status}
    statuses: {Разговор: RPC_NO_RESULT}
"""
DIALOG_LIST = "Телефон;ФИО;Заявка\n+79999999999;Иванов Иван;123456\n"
DIALOG_ZONE = "Asia/Yekaterinburg"

# TWIN, «Тело запроса в формате Json» of "Создание задания" ------------------------------------------------------------
# Corrected: the trailing blank of "Custom ", and the caller id, where the page's comparison of two versions runs the
# old number and the new one (79996662211) together.

TWIN_CREATE: dict[str, Any] = json.loads("""
{
    "name": "02.02 тестирование на номер Никиты",
    "botId": "44e62ac6-6c08-4ad1-923d-5ee3299dd737",
    "dialplanId": "d71c9c44-e942-4c6c-9ccc-ea5a043efb75",
    "backgroundNoise": "/background/office.wav",
    "amd": {"enabled": true, "mode": "BACK", "file": null},
    "defaultCallerId": {"type": "Custom", "data": "79996662211", "additional": null},
    "defaultRedirect": {"type": "hangup", "data": null, "additional": null},
    "scheduledAt": null,
    "intensity": 1,
    "webhookUrl": "https://webhook.site/12345678",
    "allowedTimeRange": {"from": 32500, "to": 79000},
    "phoneNormalization": "ru",
    "detectGenderByVoice": true,
    "isTest": false,
    "recallRules": {
        "BUSY": {"enabled": true, "tries": 3, "interval": 900},
        "NO_ANSWER": {"enabled": true, "tries": 3, "interval": 1800},
        "MACHINE": {"enabled": true, "tries": 2, "interval": 1800},
        "CONGESTION": {"enabled": true, "tries": 3, "interval": 900},
        "NOT_SUCCESSFUL": {"enabled": false, "tries": null, "interval": null, "duration": 0}
    }
}
""")
TWIN_FILE = """
name: twin_example
title: "02.02 тестирование на номер Никиты"
window: {from: "09:01:40", to: "21:56:40"}
vendor:
  type: twin
  api: beta
  campaign_name: "{title}"
  bot_id: 44e62ac6-6c08-4ad1-923d-5ee3299dd737
  dialplan_id: d71c9c44-e942-4c6c-9ccc-ea5a043efb75
  start: on_load
  background_noise: /background/office.wav
  amd: {enabled: true, mode: BACK}
  default_caller_id: {type: Custom, data: "79996662211"}
  default_redirect: {type: hangup}
  intensity: 1
  webhook_url: https://webhook.site/12345678
  phone_normalization: ru
  detect_gender_by_voice: true
  is_test: false
  recall_rules:
    BUSY: {enabled: true, tries: 3, interval: 900}
    NO_ANSWER: {enabled: true, tries: 3, interval: 1800}
    MACHINE: {enabled: true, tries: 2, interval: 1800}
    CONGESTION: {enabled: true, tries: 3, interval: 900}
    NOT_SUCCESSFUL: {enabled: false, duration: 0}
"""


def campaign(text: str) -> CampaignSpec:
    """The campaign file, with what every file needs."""
    return CampaignSpec.model_validate(yaml.safe_load(COMMON) | yaml.safe_load(text))


def order(spec: CampaignSpec, zone: str, start: time, end: time, *, now: datetime) -> Order:
    """The one intent of this campaign and day as an order; hours are those of `zone`, whose offset the people share."""
    opens, closes = (datetime.combine(DAY, clock, ZoneInfo(zone)) for clock in (start, end))
    offset = opens.utcoffset()
    assert offset is not None
    minutes = int(offset.total_seconds() // 60)
    label = zone_label([minutes])
    intent = Intent(
        intent_id=intent_id(spec.name, DAY, label, 0), plan_id=plan_id(spec.name, DAY), campaign_id=spec.name,
        call_date=DAY, vendor_code=spec.vendor.type, zone=label, tz_offsets=(minutes,), chunk_no=0, batch_no=0,
        local_date=None, state="planned", vendor_task_id=None, contacts_planned=1, contacts_sent=0, contacts_accepted=0,
        contacts_rejected=0, window_start_utc=opens.astimezone(UTC), window_end_utc=closes.astimezone(UTC),
        local_from=start, local_to=end, submitted_at=None, started_at=None, stop_cause=None, stop_outcome=None,
        completeness=None, note=None,
    )  # fmt: skip
    return order_of(intent, spec, now)


def contacts(spec: CampaignSpec, listed: str, folder: Path) -> list[Contact]:
    """The list as the pipeline reads it."""
    (folder / "list.csv").write_text(listed, encoding="utf-8")
    rows = [row for chunk in prepared(spec, folder, {}, b"secret") for row in chunk.to_dict("records")]
    assert all(row["exclusion_reason"] is None for row in rows)
    plan = plan_id(spec.name, DAY)
    return [
        Contact(external_id(plan, int(row["row_no"])), str(row["phone_e164"]), json.loads(str(row["variables"])))
        for row in rows
    ]
