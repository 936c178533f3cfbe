"""Values and rows that the tests of delivery and audit share."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from launching import forced
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import intent_id, phone_key, plan_id
from obzvon.qolio.payload import CallRow
from obzvon.vendors.settings import VendorSettings
from obzvon.warehouse.partitions import ensure_months

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


class AnyDialer(VendorSettings):
    """Settings of a dialer about which these tests say nothing more."""

    @property
    def max_attempts(self) -> int:
        return 1

    @property
    def script_id(self) -> str:
        return "script"


def campaign(**changes: Any) -> CampaignSpec:
    """A campaign file with the given parts of `qolio` and `limits` changed."""
    qolio = {"operator_id": "bot:dialog:10"} | changes.pop("qolio", {})
    values: dict[str, Any] = {
        "name": "autumn_survey",
        "title": "Осенний опрос",
        "owner": "analytics@obzvon.example",
        "purpose": "survey",
        "contacts": {"source": {"type": "csv", "path": "lists/autumn.csv"}, "columns": {"phone": "Телефон"}},
        "vendor": AnyDialer(type="dialog", conn_id="dialog_default"),
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


class World:
    """One plan with one finished intent in a fresh warehouse; contacts, attempts and pages are added one by one."""

    def __init__(self, conn: psycopg.Connection, spec: CampaignSpec | None = None) -> None:
        self.conn, self.spec = conn, spec or campaign()
        self.vendor = self.spec.vendor.type
        self.day = date(2030, 5, 20)
        self.plan_id = plan_id(self.spec.name, self.day)
        self.intents: list[str] = []
        self._put(
            "ops.campaign_plan",
            plan_id=self.plan_id,
            campaign_id=self.spec.name,
            call_date=self.day,
            vendor_code=self.vendor,
            purpose=self.spec.purpose.value,
            spec=Jsonb({}),
            plan_hash="0" * 64,
            contacts_total=0,
            contacts_to_call=0,
        )
        conn.execute(
            "insert into dwh.dim_date values (20300520, '2030-05-20', 1, false, false, 'test') on conflict do nothing"
        )
        ensure_months(conn, [self.day])
        for code, group in (("RPC_REFUSED", "HUMAN"), ("GOAL", "HUMAN"), ("NO_ANSWER", "NOT_CONNECTED")):
            self._disposition(code, group)
        self._disposition("UNKNOWN", "UNKNOWN")
        self.intent()

    def intent(self, state: str = "final") -> str:
        """A further intent; contacts added after it are its."""
        key = intent_id(self.spec.name, self.day, "+03:00", len(self.intents))
        self._put(
            "ops.campaign_intent",
            intent_id=key,
            plan_id=self.plan_id,
            campaign_id=self.spec.name,
            call_date=self.day,
            vendor_code=self.vendor,
            zone="+03:00",
            tz_offsets=[180],
            chunk_no=len(self.intents),
            batch_no=0,
            state=state,
            vendor_task_id=f"task-{len(self.intents)}",
            contacts_planned=0,
            window_start_utc=datetime(2030, 5, 20, 7, tzinfo=UTC),
            window_end_utc=datetime(2030, 5, 20, 16, tzinfo=UTC),
            local_from="10:00",
            local_to="19:00",
        )
        self.intents.append(key)
        return key

    def contact(self, row_no: int, *, excluded: str | None = None, sent: str | None = "accepted") -> None:
        """A row of the list: to be called by the newest intent, or excluded with a disposition code."""
        phone, intent = f"+7916{row_no:07d}", self.intents[-1]
        key = phone_key(b"secret", phone)
        self.conn.execute("insert into pii.phone values (%s, %s, 'Иванов Иван') on conflict do nothing", [key, phone])
        self._put(
            "ops.plan_contact",
            plan_id=self.plan_id,
            row_no=row_no,
            contact_id=f"C-{row_no}",
            phone_key=key,
            tz_offsets=[180],
            exclusion_code=excluded,
            intent_id=None if excluded else intent,
            sent_state=None if excluded else sent,
        )
        self._put("dwh.dim_contact", contact_id=f"C-{row_no}", phone_key=key, tz_source="declared", **self._valid())
        self.conn.execute(
            "update ops.campaign_plan set contacts_total = contacts_total + 1,"
            " contacts_to_call = contacts_to_call + %s",
            [0 if excluded else 1],
        )
        if not excluded:
            accepted, rejected = int(sent == "accepted"), int(sent == "rejected")
            self.conn.execute(
                "update ops.campaign_intent set contacts_planned = contacts_planned + 1,"
                " contacts_sent = contacts_sent + %s, contacts_accepted = contacts_accepted + %s,"
                " contacts_rejected = contacts_rejected + %s where intent_id = %s",
                [accepted + rejected, accepted, rejected, intent],
            )

    def attempt(self, row_no: int, call_id: str, disposition: str = "RPC_REFUSED", **changes: Any) -> None:
        """A dial attempt of a contact, with a recording unless `record_url` is None."""
        started = datetime(2030, 5, 20, 9, 0, tzinfo=UTC)
        values = {
            "vendor_code": self.vendor,
            "vendor_call_id": call_id,
            "call_month": self.day.replace(day=1),
            "intent_id": self._intent_of(row_no),
            "contact_key": self._one("select contact_key from dwh.dim_contact where contact_id = %s", f"C-{row_no}"),
            "attempt_no": 1,
            "started_at": started,
            "local_started_at": datetime(2030, 5, 20, 12, 0),  # noqa: DTZ001 a subscriber's wall clock
            "date_key": 20300520,
            "local_hour": 12,
            "disposition_code": disposition,
            "vendor_status_raw": "raw",
            "talk_sec": Decimal("61.50"),
            "record_url": f"https://records.example.org/{call_id}.mp3",
            "row_hash": "0" * 64,
            "source_updated_at": started,
            "loaded_at": started,
            "batch_id": "batch-1",
        } | changes
        self._put("dwh.fact_call_attempt", **values, has_record=values["record_url"] is not None)

    def calls(self, count: int, **changes: Any) -> None:
        """`count` contacts with one conversation each, in one go."""
        for number in range(1, count + 1):
            self.contact(number)
            self.attempt(number, f"{number:05d}", **changes)
        self.conn.commit()

    def pull(self, rows: int, batch: str = "batch-1", *, counted: int | None = None, kind: str = "report") -> int:
        """A loaded page of the newest intent's report with the vendor's own count; its archive id."""
        number = int(self._one("select count(*) from ops.raw_archive"))
        moment = datetime(2030, 5, 20, 17, number, tzinfo=UTC)
        self._put(
            "ops.raw_archive",
            intent_id=self.intents[-1],
            batch_id=batch,
            kind=kind,
            page_no=1,
            path=f"{batch}/{kind}-{number}.zst",
            sha256="0" * 64,
            bytes=1,
            request=Jsonb({}),
            fetched_at=moment,
            loaded_at=moment,
            rows=rows,
            control_count=rows if counted is None else counted,
        )
        return int(self._one("select max(archive_id) from ops.raw_archive"))

    def delivery(self, call_id: str, state: str = "SENT") -> None:
        """What the ledger says of a call's delivery."""
        self._put(
            "ops.qa_delivery",
            call_uid=f"{self.vendor}:{call_id}",
            vendor_code=self.vendor,
            vendor_call_id=call_id,
            intent_id=self.intents[0],
            payload_hash="0" * 64,
            state=state,
        )

    def run(self, query: str, *values: object) -> None:
        """Change something by hand."""
        forced(self.conn, query, values)

    def states(self) -> dict[str, int]:
        """Deliveries by state."""
        return dict(self.conn.execute("select state, count(*) from ops.qa_delivery group by 1").fetchall())

    def _intent_of(self, row_no: int) -> str | None:
        return self._one("select intent_id from ops.plan_contact where row_no = %s", row_no)

    def _one(self, query: str, *values: object) -> Any:
        row = self.conn.execute(query, values).fetchone()
        return row and row[0]

    def _valid(self) -> dict[str, object]:
        return {"valid_from": datetime(2030, 1, 1, tzinfo=UTC), "is_current": True}

    def _disposition(self, code: str, group: str) -> None:
        self.conn.execute(
            "insert into dwh.dim_disposition values (%s, %s, %s, true, false, false, false, false)"
            " on conflict do nothing",
            [code, group, code],
        )

    def _put(self, table: str, **values: Any) -> None:
        columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        forced(self.conn, f"insert into {table} ({columns}) values ({marks})", list(values.values()))
