"""Reservations by intent, and room for what a launch notes of each contact.

The key of a reservation begins with the intent now: a plan's rows come one after the other into its index, not all over
the history. It answers what the index on the intent alone answered; the phone has its own index, with the date.
A launch writes each contact of a plan twice: with room in the page no index hears of it. Pages that are full stay so.

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
    op.execute("alter table ops.plan_contact set (fillfactor = 45)")


def downgrade() -> None:
    op.execute("alter table ops.plan_contact reset (fillfactor)")
    op.execute(_KEY.format(columns="phone_key, intent_id, local_date"))
    op.create_index("ix_attempt_reservation_intent_id", "attempt_reservation", ["intent_id"], schema="ops")
