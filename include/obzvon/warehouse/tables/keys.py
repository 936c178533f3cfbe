"""Which secret the keys of phones and people were made with."""

from __future__ import annotations

import sqlalchemy as sa

from obzvon.warehouse.tables.base import KEY, MOMENT, NOW, C, metadata

key_rotation = sa.Table(
    "key_rotation",
    metadata,
    C("version", sa.SmallInteger, primary_key=True, autoincrement=False, comment="Сколько слоёв у секрета"),
    C("fingerprint", KEY, nullable=False, comment="Отпечаток секрета: HMAC постоянного текста"),
    C("began_at", MOMENT, nullable=False, server_default=NOW, comment="Когда начата, UTC"),
    C("done_at", MOMENT, comment="Когда закончена, UTC; пусто — идёт, и хранилище закрыто для записи"),
    schema="ops",
    comment="Смены секрета псевдонимов: каким секретом сделаны ключи телефонов и людей",
)
