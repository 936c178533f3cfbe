"""Values and rows that the tests of delivery and audit share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from obzvon.campaigns.spec import CampaignSpec
from obzvon.qolio.payload import CallRow
from obzvon.vendors.settings import VendorSettings

SAMPLE: dict[str, Any] = {
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
}
"""The vendor's own example; only its `started_at` ("…Z+03", no ISO 8601) is put right."""


def campaign(**changes: Any) -> CampaignSpec:
    """A campaign file with the given parts of `qolio` and `limits` changed."""
    qolio = {"operator_id": "bot:dialog:10"} | changes.pop("qolio", {})
    values: dict[str, Any] = {
        "name": "autumn_survey",
        "title": "Осенний опрос",
        "owner": "analytics@obzvon.example",
        "purpose": "survey",
        "contacts": {"source": {"type": "csv", "path": "lists/autumn.csv"}, "columns": {"phone": "Телефон"}},
        "vendor": VendorSettings(type="dialog", conn_id="dialog_default"),
        "goal": {"field": "Итог", "in": ["да"], "title": "Ответил на все вопросы"},
        "qolio": qolio,
    }
    return CampaignSpec.model_validate(values | changes)


def call(**changes: Any) -> CallRow:
    """A conversation with a person in Moscow at 12:00 local time, 61.5 s, with a recording."""
    started_at = changes.pop("started_at", datetime(2030, 5, 20, 9, 0, tzinfo=UTC))
    values: dict[str, Any] = {
        "vendor_code": "dialog",
        "vendor_call_id": "555-0001",
        "started_at": started_at,
        "local_started_at": (started_at + timedelta(hours=3)).replace(tzinfo=None),
        "disposition_code": "RPC_REFUSED",
        "attempt_no": 2,
        "talk_sec": Decimal("61.50"),
        "record_url": "https://records.example.org/555/0001.mp3",
        "region": "Москва",
        "contact_id": "C-17",
        "phone_key": "ab" * 32,
        "phone_e164": "+79161234567",
        "full_name": "Иванов Иван Иванович",
    }
    return CallRow(**(values | changes))
