"""The only place with a clear phone, name or transcript."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from obzvon.warehouse.tables.base import BY_MONTH, FIRST_OF_MONTH, KEY, C, metadata, one_of

phone = sa.Table(
    "phone",
    metadata,
    C("phone_key", KEY, primary_key=True, comment="Псевдоним телефона: HMAC-SHA256 от номера"),
    C("phone_e164", sa.Text, nullable=False, unique=True, comment="Телефон, +7…"),
    C("full_name", sa.Text, comment="Имя из последнего списка; пусто — не указано"),
    C("erase_after", sa.Date, comment="Хранить до этой даты; пусто — пока нужен какому-нибудь плану"),
    schema="pii",
    comment="Телефоны и имена открыто: единственное место, где по псевдониму узнаётся номер",
)

contact_payload = sa.Table(
    "contact_payload",
    metadata,
    C(
        "plan_id",
        sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"),
        primary_key=True,
        comment="План: одна кампания на одну дату звонков",
    ),
    C("row_no", sa.Integer, primary_key=True, comment="Строка списка, с 1 после заголовка"),
    C("phone_raw", sa.Text, nullable=False, comment="Телефон, как он стоял в списке"),
    C("phone_e164", sa.Text, comment="Телефон, +7…; пусто — не распознан"),
    C("full_name", sa.Text, comment="Имя; пусто — не указано"),
    C("variables", JSONB, nullable=False, comment="Переменные сценария с типами"),
    schema="pii",
    comment="Личные данные строк списков, какими они ушли в план; удаляются по сроку хранения",
)

approved_contact = sa.Table(
    "approved_contact",
    metadata,
    C(
        "plan_id",
        KEY,
        primary_key=True,
        comment="План; без внешнего ключа: согласованное переживает план, составленный заново",
    ),
    C("row_no", sa.Integer, primary_key=True, comment="Строка списка, с 1 после заголовка"),
    C("intent_id", KEY, nullable=False, comment="Задание у платформы"),
    C("contact_id", sa.Text, nullable=False, comment="Номер человека в исходной системе, или row:<строка списка>"),
    C("phone_e164", sa.Text, nullable=False, comment="Телефон, +7…"),
    C("variables_hash", KEY, nullable=False, comment="SHA-256 переменных сценария, какими их согласовали"),
    schema="pii",
    comment="Кому человек разрешил звонить и с какими словами",
)

dialog_turn = sa.Table(
    "dialog_turn",
    metadata,
    C("vendor_code", sa.Text, primary_key=True, comment="Платформа"),
    C("vendor_call_id", sa.Text, primary_key=True, comment="Номер звонка у платформы"),
    C("call_month", sa.Date, primary_key=True, comment="Раздел: тот же месяц, что у попытки"),
    C("turn_no", sa.SmallInteger, primary_key=True, comment="Номер реплики, с 1"),
    C("role", sa.Text, nullable=False, comment="Кто говорит: bot — робот, client — абонент, operator — оператор"),
    C("start_sec", sa.Numeric(9, 2), comment="Начало реплики от начала звонка, сек.; пусто — не сказано"),
    C("end_sec", sa.Numeric(9, 2), comment="Конец реплики от начала звонка, сек.; пусто — не сказано"),
    C("text_redacted", sa.Text, nullable=False, comment="Текст, личное в нём закрыто"),
    sa.CheckConstraint(one_of("role", ("operator", "client", "bot")), name="role"),
    sa.CheckConstraint(FIRST_OF_MONTH, name="call_month"),
    schema="pii",
    postgresql_partition_by=BY_MONTH,
    comment="Расшифровки разговоров: по строке на реплику; разделы по месяцам call_month",
)
