"""the inbox of vendors' events

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision, down_revision, branch_labels, depends_on = "0011", "0010", None, None

MOMENT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "vendor_event",
        sa.Column("event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Номер строки"),
        sa.Column("vendor_code", sa.Text(), nullable=False, comment="Платформа"),
        sa.Column("conn_id", sa.Text(), nullable=False, comment="Подключение Airflow, на адрес которого пришло"),
        sa.Column("sha256", sa.CHAR(length=64), nullable=False, comment="SHA-256 тела, каким оно пришло"),
        sa.Column("body", sa.LargeBinary(), comment="Тело, каким оно пришло; пусто — в архиве или стёрто"),
        sa.Column("bytes", sa.Integer(), nullable=False, comment="Размер тела, байт; остаётся всегда"),
        sa.Column(
            "times", sa.Integer(), server_default="1", nullable=False, comment="Сколько раз пришло это тело, шт."
        ),
        sa.Column(
            "received_at",
            MOMENT,
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="Когда пришло впервые, UTC",
        ),
        sa.Column("event", sa.Text(), comment="Имя события у платформы; пусто — не прочитано"),
        sa.Column("vendor_task_id", sa.Text(), comment="Номер задания у платформы; пусто — не назван"),
        sa.Column("vendor_call_id", sa.Text(), comment="Номер звонка у платформы; пусто — не назван"),
        sa.Column(
            "outcome",
            sa.Text(),
            comment="Что стало с событием; пусто — ещё не прочитано. archived — тело в архиве, told — только будит"
            " ожидание, unknown_task — задания нет в журнале, broken — прочесть нельзя, erased — стёрто по запросу",
        ),
        sa.Column("reason", sa.Text(), comment="Почему не прочитано: правило и поле, без значений"),
        sa.Column("archive_id", sa.BigInteger(), comment="Страница архива с этим телом; когда она загружена — там"),
        sa.Column("settled_at", MOMENT, comment="Когда прочитано, UTC"),
        sa.CheckConstraint(
            "outcome in ('archived', 'told', 'unknown_task', 'broken', 'erased')", name=op.f("ck_vendor_event_outcome")
        ),
        sa.CheckConstraint(
            "body is not null or outcome in ('archived', 'erased')", name=op.f("ck_vendor_event_kept_until_archived")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_vendor_event")),
        sa.UniqueConstraint("sha256", name=op.f("uq_vendor_event_sha256")),
        schema="pii",
        comment="Входящие события платформ, каждое тело один раз; пока не в архиве, лежит здесь целиком",
    )
    op.create_index(
        "ix_vendor_event_waiting",
        "vendor_event",
        ["event_id"],
        schema="pii",
        postgresql_where=sa.text("outcome is null"),
    )
    op.create_index(
        "ix_vendor_event_unknown_task",
        "vendor_event",
        ["vendor_task_id"],
        schema="pii",
        postgresql_where=sa.text("outcome = 'unknown_task'"),
    )
    op.create_index("ix_vendor_event_received_at", "vendor_event", ["received_at"], schema="pii")


def downgrade() -> None:
    op.drop_table("vendor_event", schema="pii")
