"""What the pipeline must remember of people and of what came back: caps, consents, archive, deliveries, audit."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from obzvon.warehouse.tables.base import KEY, MOMENT, NOW, C, metadata, one_of

attempt_reservation = sa.Table(
    "attempt_reservation",
    metadata,
    C("phone_key", KEY, comment="Псевдоним телефона: HMAC-SHA256"),
    C(
        "intent_id",
        sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"),
        comment="Задание у платформы",
    ),
    C("local_date", sa.Date, comment="Местная дата звонков"),
    C("person_key", KEY, comment="Псевдоним человека; пусто — человек неизвестен"),
    C("campaign_id", sa.Text, nullable=False, comment="Кампания: имя её файла"),
    C("purpose", sa.Text, nullable=False, comment="Цель звонков"),
    C(
        "max_attempts",
        sa.SmallInteger,
        nullable=False,
        comment="Наборов в худшем случае, шт.; 0 — наборы пришлись на день, который не планировали",
    ),
    C(
        "held",
        sa.SmallInteger,
        nullable=False,
        comment="Наборов, которые ещё могут быть, шт.; 0, когда задание закрыто",
    ),
    C(
        "attempts",
        sa.SmallInteger,
        nullable=False,
        server_default="0",
        comment="Наборов, которые были и считаются, шт.",
    ),
    C("answered", sa.SmallInteger, nullable=False, server_default="0", comment="Из них ответил человек, шт."),
    C("released_at", MOMENT, comment="Когда худший случай заменён тем, что было, UTC"),
    sa.PrimaryKeyConstraint("intent_id", "phone_key", "local_date"),
    sa.Index("ix_attempt_reservation_phone_date", "phone_key", "local_date"),
    sa.Index(
        "ix_attempt_reservation_person_date",
        "person_key",
        "local_date",
        postgresql_where=sa.text("person_key is not null"),
    ),
    sa.Index("ix_attempt_reservation_held", "intent_id", postgresql_where=sa.text("held > 0")),
    sa.Index("ix_attempt_reservation_local_date", "local_date"),
    schema="ops",
    comment="Что идёт в лимиты звонков: случившиеся наборы и те, что ещё могут сделать незакрытые задания",
)

consent = sa.Table(
    "consent",
    metadata,
    C("consent_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер строки"),
    C("phone_key", KEY, nullable=False, comment="Псевдоним телефона: HMAC-SHA256"),
    C(
        "purpose",
        sa.Text,
        nullable=False,
        server_default="*",
        comment="На какую цель звонков: advertising, service, debt, survey; * — на любую",
    ),
    C("given_on", sa.Date, nullable=False, comment="Дата согласия"),
    C("valid_to", sa.Date, comment="Последний день действия; пусто — до отзыва"),
    C("proof_ref", sa.Text, nullable=False, comment="Где доказательство: документ, запись, анкета"),
    C("source", sa.Text, nullable=False, comment="Откуда согласие взято"),
    C("stored_at", MOMENT, nullable=False, server_default=NOW, comment="Когда внесено, UTC"),
    sa.UniqueConstraint("phone_key", "purpose", "proof_ref"),
    schema="ops",
    comment="Согласия на звонки сверх тех, что несут списки; отзыв — строка ops.suppression",
)

suppression = sa.Table(
    "suppression",
    metadata,
    C("suppression_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер строки"),
    C("phone_key", KEY, nullable=False, index=True, comment="Псевдоним телефона: HMAC-SHA256"),
    C("person_key", KEY, comment="Псевдоним человека: закрыты и другие его телефоны; пусто — человек неизвестен"),
    C(
        "purpose",
        sa.Text,
        nullable=False,
        server_default="*",
        comment="Для какой цели звонков: advertising, service, debt, survey; * — для всех",
    ),
    C("reason", sa.Text, nullable=False, comment="Почему, словами"),
    C(
        "source",
        sa.Text,
        nullable=False,
        comment="Откуда: bot, operator, crm, vendor_blacklist, regulator, carrier_block и др.",
    ),
    C("valid_from", MOMENT, nullable=False, comment="Действует с, UTC"),
    C("valid_to", MOMENT, comment="Действует до, UTC; пусто — навсегда"),
    C("evidence_ref", sa.Text, comment="Доказательство: звонок, письмо, обращение"),
    sa.UniqueConstraint(
        "phone_key", "person_key", "purpose", "source", "evidence_ref", postgresql_nulls_not_distinct=True
    ),
    sa.Index("ix_suppression_person", "person_key", postgresql_where=sa.text("person_key is not null")),
    schema="ops",
    comment="Стоп-лист: кому, для каких целей и когда не звонить; строки закрываются датой, не удаляются",
)

raw_archive = sa.Table(
    "raw_archive",
    metadata,
    C("archive_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер строки"),
    C(
        "intent_id",
        sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        comment="Задание у платформы",
    ),
    C("batch_id", sa.Text, nullable=False, index=True, comment="Выгрузка отчёта; в ней несколько страниц"),
    C("kind", sa.Text, nullable=False, comment="Вид страницы: сам отчёт, расшифровки и др."),
    C("page_no", sa.Integer, nullable=False, comment="Номер страницы в выгрузке"),
    C("path", sa.Text, nullable=False, unique=True, comment="Файл от корня архива"),
    C("sha256", KEY, nullable=False, comment="SHA-256 ответа, каким он пришёл"),
    C("bytes", sa.BigInteger, nullable=False, comment="Размер ответа, байт"),
    C("request", JSONB, nullable=False, comment="Запрос, без секретов и телефонов"),
    C("fetched_at", MOMENT, nullable=False, comment="Когда получен, UTC"),
    C("loaded_at", MOMENT, comment="Когда загружен в факты, UTC; пусто — ещё нет"),
    C("rows", sa.Integer, comment="Строк на странице, шт., с теми, что в карантине; пусто — не загружена"),
    C(
        "control_count",
        sa.Integer,
        comment="Сколько строк насчитала сама платформа, шт.; стоит на первой странице запроса",
    ),
    C("erased_at", MOMENT, comment="Когда из файла в последний раз убрали чьи-то данные или удалили его, UTC"),
    C("erased_rows", sa.Integer, nullable=False, server_default="0", comment="Убрано строк, шт.; rows их считает"),
    C("gone_at", MOMENT, comment="Когда файл удалён по сроку хранения, UTC; sha256 и bytes остаются"),
    schema="ops",
    comment="Архив ответов платформ: по строке на файл страницы отчёта",
)

erasure = sa.Table(
    "erasure",
    metadata,
    C("erasure_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер расписки"),
    C(
        "kind",
        sa.Text,
        nullable=False,
        comment="request — попросил человек, retention — истёк срок хранения для цели звонков",
    ),
    C("phone_key", KEY, comment="Чьи данные, псевдоним телефона; пусто у retention"),
    C("purpose", sa.Text, comment="Для какой цели звонков истёк срок; пусто у request"),
    C("reference", sa.Text, comment="Письмо или обращение, по которому удалено"),
    C("counts", JSONB, nullable=False, comment="Сколько строк и файлов удалено, по местам, шт."),
    C("left_over", JSONB, nullable=False, comment="Что удалить не можем и где оно: номера у платформ и в Qolio"),
    C("done_at", MOMENT, nullable=False, server_default=NOW, comment="Когда сделано, UTC"),
    sa.CheckConstraint(one_of("kind", ("request", "retention")), name="kind"),
    schema="ops",
    comment="Расписки об удалении личных данных",
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    C(
        "archive_id",
        sa.ForeignKey("ops.raw_archive.archive_id", ondelete="CASCADE"),
        primary_key=True,
        comment="Страница архива",
    ),
    C("row_no", sa.Integer, primary_key=True, comment="Строка страницы, с 1"),
    C("rule", sa.Text, nullable=False, comment="Правило, которое нарушено"),
    C("field", sa.Text, nullable=False, comment="Поле"),
    C("cause", sa.Text, nullable=False, comment="Чем нарушено; без личных данных"),
    C("quarantined_at", MOMENT, nullable=False, server_default=NOW, comment="Когда отложена, UTC"),
    C("requeued_at", MOMENT, comment="Когда загружена после исправления, UTC; пусто — ещё в карантине"),
    schema="ops",
    comment="Строки архива, нарушающие формат отчёта",
)

qa_delivery = sa.Table(
    "qa_delivery",
    metadata,
    C("call_uid", sa.Text, primary_key=True, comment="Звонок: платформа:номер звонка; под этим uid он в Qolio"),
    C("vendor_code", sa.Text, nullable=False, comment="Платформа"),
    C("vendor_call_id", sa.Text, nullable=False, comment="Номер звонка у платформы"),
    C("intent_id", KEY, index=True, comment="Задание, к которому относится звонок; пусто — неизвестно"),
    C("payload_hash", KEY, nullable=False, comment="SHA-256 отправленного: одинаковое второй раз не отправляется"),
    C(
        "state",
        sa.Text,
        nullable=False,
        comment="SENDING, SENT — принят, VERIFIED — виден, MISSING — не виден, REJECTED, SKIPPED или IN_DOUBT",
    ),
    C("http_status", sa.SmallInteger, comment="Код последнего ответа Qolio"),
    C("attempts", sa.Integer, nullable=False, server_default="0", comment="Запросов сделано, шт."),
    C("sent_at", MOMENT, comment="Когда принят, UTC"),
    C("verified_at", MOMENT, comment="Когда найден в Qolio обратным чтением, UTC"),
    C("reason", sa.Text, comment="Почему отклонён, пропущен или не виден; без личных данных"),
    sa.CheckConstraint(
        one_of("state", ("SENDING", "SENT", "VERIFIED", "MISSING", "REJECTED", "SKIPPED", "IN_DOUBT")), name="state"
    ),
    schema="ops",
    comment="Отправка разговоров в Qolio: по строке на звонок",
)

audit_check = sa.Table(
    "audit_check",
    metadata,
    C(
        "plan_id",
        sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"),
        primary_key=True,
        comment="План: одна кампания на одну дату звонков",
    ),
    C("check_name", sa.Text, primary_key=True, comment="Проверка"),
    C("expected", sa.BigInteger, nullable=False, comment="Сколько должно быть, шт."),
    C("actual", sa.BigInteger, nullable=False, comment="Сколько есть, шт."),
    C("explained", sa.BigInteger, nullable=False, server_default="0", comment="Из разницы — с известной причиной, шт."),
    C("explanation", sa.Text, comment="Причина разницы, словами"),
    C("holds", sa.Boolean, nullable=False, comment="Сходится: разница expected и actual объяснена"),
    C("checked_at", MOMENT, nullable=False, server_default=NOW, comment="Когда проверено, UTC"),
    schema="ops",
    comment="Итоги сверки плана: по строке на проверку",
)
