"""what people were told

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision, down_revision, branch_labels, depends_on = "0013", "0012", None, None

MOMENT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("alert_id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Номер строки"),
        sa.Column("rule", sa.Text(), nullable=False, comment="Правило; страница о нём — docs/runbooks"),
        sa.Column(
            "subject", sa.Text(), nullable=False, comment="О чём: кампания или платформа; пусто — обо всём сразу"
        ),
        sa.Column("severity", sa.Text(), nullable=False, comment="Срочность: critical, error, warning"),
        sa.Column(
            "value", sa.Double(), nullable=False, comment="Величина при последней проверке, в единицах её метрики"
        ),
        sa.Column("began_at", MOMENT, server_default=sa.text("now()"), nullable=False, comment="Когда замечено, UTC"),
        sa.Column(
            "told_at", MOMENT, comment="Когда о нём в последний раз сообщили, UTC; пусто — ещё не сообщили"
        ),
        sa.Column("ended_at", MOMENT, comment="Когда прошло, UTC; пусто — продолжается"),
        sa.Column("end_told_at", MOMENT, comment="Когда сообщили, что прошло, UTC; пусто — не сообщили"),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alert")),
        schema="ops",
        comment="Тревоги: по строке на случай, с начала до конца",
    )
    op.create_index(
        "ix_alert_open",
        "alert",
        ["rule", "subject"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("ended_at is null"),
    )


def downgrade() -> None:
    op.drop_table("alert", schema="ops")
