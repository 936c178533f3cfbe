"""What comes back from Qolio: reviews as they were told, and the index by which deliveries are verified."""

from __future__ import annotations

import sqlalchemy as sa

from obzvon.warehouse.tables.base import MOMENT, NOW, C, metadata
from obzvon.warehouse.tables.evidence import qa_delivery

qa_review = sa.Table(
    "qa_review",
    metadata,
    C("review_id", sa.Text, primary_key=True, comment="Номер оценки в Qolio; unnamed:<хеш>, если его нет"),
    C("call_uid", sa.Text, index=True, comment="Звонок: платформа:номер звонка; хранилище может его не знать"),
    C("form_name", sa.Text, comment="Форма оценки"),
    C("score", sa.Numeric(9, 4), comment="Набрано баллов; пусто — оценки ещё нет"),
    C("max_score", sa.Numeric(9, 4), comment="Максимум баллов формы"),
    C("reviewer_id", sa.Text, comment="Кто оценил, номер в Qolio"),
    C("reviewed_at", MOMENT, comment="Когда оценено, UTC"),
    C("appeal_state", sa.Text, comment="Состояние апелляции, словом Qolio; пусто — её нет"),
    C("problem", sa.Text, comment="Что в ней непригодно, имя поля; пусто — может стать фактом"),
    C("first_pulled_at", MOMENT, nullable=False, server_default=NOW, comment="Когда увидели впервые, UTC"),
    C(
        "pulled_at",
        MOMENT,
        nullable=False,
        comment="Начало чтения, которое принесло эти значения, UTC; побеждает новое",
    ),
    sa.Index("ix_qa_review_reviewed_at", "reviewed_at"),
    schema="ops",
    comment="Все оценки, о которых сказал Qolio, в последнем виде; у известных звонков есть строка dwh.fact_qa_review",
)

unverified = sa.Index(
    "ix_qa_delivery_unverified",
    qa_delivery.c.vendor_code,
    qa_delivery.c.vendor_call_id,
    postgresql_where=sa.text("state in ('SENT', 'MISSING')"),
)
