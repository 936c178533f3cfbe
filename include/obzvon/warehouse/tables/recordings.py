"""Copies of recordings: which calls have one in our own storage, and why the others have none."""

from __future__ import annotations

import sqlalchemy as sa

from obzvon.warehouse.tables.base import KEY, MOMENT, NOW, C, metadata, one_of

recording = sa.Table(
    "recording",
    metadata,
    C("call_uid", sa.Text, primary_key=True, comment="Звонок: платформа:номер звонка, как в ops.qa_delivery"),
    C("vendor_code", sa.Text, nullable=False, comment="Платформа"),
    C("vendor_call_id", sa.Text, nullable=False, comment="Номер звонка у платформы"),
    C("intent_id", KEY, nullable=False, index=True, comment="Задание, к которому относится звонок"),
    C(
        "state",
        sa.Text,
        nullable=False,
        comment="MISSING — записи ещё нет, REFUSED — пришедшее не принято, COPIED — копия в хранилище,"
        " DELETED — копия удалена и больше не снимается",
    ),
    C("path", sa.Text, unique=True, comment="Файл копии от корня архива; остаётся и после удаления"),
    C("content_type", sa.Text, comment="Вид звука по первым байтам файла: audio/mpeg, audio/wav, audio/ogg"),
    C("bytes", sa.BigInteger, comment="Размер копии, байт; остаётся и после удаления"),
    C("sha256", KEY, comment="SHA-256 копии; остаётся и после удаления"),
    C("tries", sa.Integer, nullable=False, server_default="0", comment="Сколько раз запись запрашивали, шт."),
    C("last_error", sa.Text, comment="Почему копии нет, словами; без ссылки и телефона"),
    C(
        "first_tried_at",
        MOMENT,
        nullable=False,
        server_default=NOW,
        comment="Когда запись ждали впервые, UTC; от этого считается срок",
    ),
    C("tried_at", MOMENT, comment="Когда запрашивали в последний раз, UTC"),
    C("copied_at", MOMENT, comment="Когда копия снята, UTC"),
    C("deleted_at", MOMENT, comment="Когда копия удалена, UTC"),
    sa.CheckConstraint(one_of("state", ("MISSING", "REFUSED", "COPIED", "DELETED")), name="state"),
    sa.CheckConstraint(
        "state <> 'COPIED' or bytes > 0 and sha256 is not null and content_type is not null and path is not null"
        " and copied_at is not null",
        name="copied_is_whole",
    ),
    schema="ops",
    comment="Копии записей разговоров в собственном хранилище; строка COPIED появляется, когда файл записан целиком",
)
