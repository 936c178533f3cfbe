"""which secret the phone keys were made with

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision, down_revision, branch_labels, depends_on = "0012", "0011", None, None

MOMENT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "key_rotation",
        sa.Column("version", sa.SmallInteger(), nullable=False, autoincrement=False, comment="Сколько слоёв у секрета"),
        sa.Column("fingerprint", sa.CHAR(length=64), nullable=False, comment="Отпечаток секрета: HMAC постоянного текста"),
        sa.Column("began_at", MOMENT, server_default=sa.text("now()"), nullable=False, comment="Когда начата, UTC"),
        sa.Column("done_at", MOMENT, comment="Когда закончена, UTC; пусто — идёт, и хранилище закрыто для записи"),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_key_rotation")),
        schema="ops",
        comment="Смены секрета псевдонимов: каким секретом сделаны ключи телефонов и людей",
    )


def downgrade() -> None:
    op.drop_table("key_rotation", schema="ops")
