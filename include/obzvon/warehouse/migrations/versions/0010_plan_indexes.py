"""Reservations by intent: a plan's rows come one after the other into the index, not all over the history.

The key begins with the intent now, so it answers what the index on the intent alone answered; the phone has its own
index, with the date.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

from alembic import op

revision, down_revision, branch_labels, depends_on = "0010", "0009", None, None
_KEY = """
alter table ops.attempt_reservation
    drop constraint pk_attempt_reservation,
    add constraint pk_attempt_reservation primary key ({columns})
"""


def upgrade() -> None:
    op.execute(_KEY.format(columns="intent_id, phone_key, local_date"))
    op.execute("drop index ops.ix_attempt_reservation_intent_id")


def downgrade() -> None:
    op.execute(_KEY.format(columns="phone_key, intent_id, local_date"))
    op.create_index("ix_attempt_reservation_intent_id", "attempt_reservation", ["intent_id"], schema="ops")
