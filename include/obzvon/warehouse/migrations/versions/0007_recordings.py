"""copies of recordings in our own storage

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = TIMESTAMP(timezone=True)
WHOLE = (
    "state <> 'COPIED' or bytes > 0 and sha256 is not null and content_type is not null and path is not null"
    " and copied_at is not null"
)


def upgrade() -> None:
    op.create_table(
        "recording",
        sa.Column(
            "call_uid", sa.Text(), nullable=False, comment="Звонок: платформа:номер звонка, как в ops.qa_delivery"
        ),
        sa.Column("vendor_code", sa.Text(), nullable=False, comment="Платформа"),
        sa.Column("vendor_call_id", sa.Text(), nullable=False, comment="Номер звонка у платформы"),
        sa.Column("intent_id", sa.CHAR(length=64), nullable=False, comment="Задание, к которому относится звонок"),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="MISSING — записи ещё нет, REFUSED — пришедшее не принято, COPIED — копия в хранилище, DELETED — копия удалена и больше не снимается",
        ),
        sa.Column("path", sa.Text(), comment="Файл копии от корня архива; остаётся и после удаления"),
        sa.Column(
            "content_type", sa.Text(), comment="Вид звука по первым байтам файла: audio/mpeg, audio/wav, audio/ogg"
        ),
        sa.Column("bytes", sa.BigInteger(), comment="Размер копии, байт; остаётся и после удаления"),
        sa.Column("sha256", sa.CHAR(length=64), comment="SHA-256 копии; остаётся и после удаления"),
        sa.Column(
            "tries", sa.Integer(), server_default="0", nullable=False, comment="Сколько раз запись запрашивали, шт."
        ),
        sa.Column("last_error", sa.Text(), comment="Почему копии нет, словами; без ссылки и телефона"),
        sa.Column(
            "first_tried_at",
            MOMENT,
            server_default=sa.text("now()"),
            nullable=False,
            comment="Когда запись ждали впервые, UTC; от этого считается срок",
        ),
        sa.Column("tried_at", MOMENT, comment="Когда запрашивали в последний раз, UTC"),
        sa.Column("copied_at", MOMENT, comment="Когда копия снята, UTC"),
        sa.Column("deleted_at", MOMENT, comment="Когда копия удалена, UTC"),
        sa.CheckConstraint("state in ('MISSING', 'REFUSED', 'COPIED', 'DELETED')", name=op.f("ck_recording_state")),
        sa.CheckConstraint(WHOLE, name=op.f("ck_recording_copied_is_whole")),
        sa.PrimaryKeyConstraint("call_uid", name=op.f("pk_recording")),
        sa.UniqueConstraint("path", name=op.f("uq_recording_path")),
        schema="ops",
        comment="Копии записей разговоров в собственном хранилище; строка COPIED появляется, когда файл записан целиком",
    )
    op.create_index(op.f("ix_recording_intent_id"), "recording", ["intent_id"], schema="ops")


def downgrade() -> None:
    op.drop_table("recording", schema="ops")
