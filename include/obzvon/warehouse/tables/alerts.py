"""What people were told when nobody was looking."""

from __future__ import annotations

import sqlalchemy as sa

from obzvon.warehouse.tables.base import MOMENT, NOW, C, metadata

alert = sa.Table(
    "alert",
    metadata,
    C("alert_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер строки"),
    C("rule", sa.Text, nullable=False, comment="Правило; страница о нём — docs/runbooks"),
    C("subject", sa.Text, nullable=False, comment="О чём: кампания или платформа; пусто — обо всём сразу"),
    C("severity", sa.Text, nullable=False, comment="Срочность: critical, error, warning"),
    C("value", sa.Double, nullable=False, comment="Величина при последней проверке, в единицах её метрики"),
    C("began_at", MOMENT, nullable=False, server_default=NOW, comment="Когда замечено, UTC"),
    C("told_at", MOMENT, comment="Когда о нём в последний раз сообщили, UTC; пусто — ещё не сообщили"),
    C("ended_at", MOMENT, comment="Когда прошло, UTC; пусто — продолжается"),
    C("end_told_at", MOMENT, comment="Когда сообщили, что прошло, UTC; пусто — не сообщили"),
    sa.Index("ix_alert_open", "rule", "subject", unique=True, postgresql_where=sa.text("ended_at is null")),
    schema="ops",
    comment="Тревоги: по строке на случай, с начала до конца",
)
