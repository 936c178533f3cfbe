"""The inbox of vendors' events: bodies hold phones, so it stands in `pii`."""

from __future__ import annotations

import sqlalchemy as sa

from obzvon.warehouse.tables.base import KEY, MOMENT, C, metadata, one_of

__all__ = ["vendor_event"]

vendor_event = sa.Table(
    "vendor_event",
    metadata,
    C("event_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер строки"),
    C("vendor_code", sa.Text, nullable=False, comment="Платформа"),
    C("conn_id", sa.Text, nullable=False, comment="Подключение Airflow, на адрес которого пришло"),
    C("sha256", KEY, nullable=False, unique=True, comment="SHA-256 тела, каким оно пришло"),
    C("body", sa.LargeBinary, comment="Тело, каким оно пришло; пусто — в архиве или стёрто"),
    C("bytes", sa.Integer, nullable=False, comment="Размер тела, байт; остаётся всегда"),
    C("times", sa.Integer, nullable=False, server_default="1", comment="Сколько раз пришло это тело, шт."),
    C(
        "received_at",
        MOMENT,
        nullable=False,
        index=True,
        server_default=sa.text("clock_timestamp()"),
        comment="Когда пришло впервые, UTC",
    ),
    C("event", sa.Text, comment="Имя события у платформы; пусто — не прочитано"),
    C("vendor_task_id", sa.Text, comment="Номер задания у платформы; пусто — не назван"),
    C("vendor_call_id", sa.Text, comment="Номер звонка у платформы; пусто — не назван"),
    C(
        "outcome",
        sa.Text,
        comment="Что стало с событием; пусто — ещё не прочитано. archived — тело в архиве, told — только будит"
        " ожидание, unknown_task — задания нет в журнале, broken — прочесть нельзя, erased — стёрто по запросу",
    ),
    C("reason", sa.Text, comment="Почему не прочитано: правило и поле, без значений"),
    C("archive_id", sa.BigInteger, comment="Страница архива с этим телом; когда она загружена — там"),
    C("settled_at", MOMENT, comment="Когда прочитано, UTC"),
    sa.CheckConstraint(
        one_of("outcome", ("archived", "told", "unknown_task", "broken", "erased")),
        name="outcome",
    ),
    sa.CheckConstraint("body is not null or outcome in ('archived', 'erased')", name="kept_until_archived"),
    sa.Index("ix_vendor_event_waiting", "event_id", postgresql_where=sa.text("outcome is null")),
    sa.Index("ix_vendor_event_unknown_task", "vendor_task_id", postgresql_where=sa.text("outcome = 'unknown_task'")),
    schema="pii",
    comment="Входящие события платформ, каждое тело один раз; пока не в архиве, лежит здесь целиком",
)
