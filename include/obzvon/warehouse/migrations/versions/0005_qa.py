"""scores that come back, verification of deliveries

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = TIMESTAMP(timezone=True)
UNVERIFIED = sa.text("state in ('SENT', 'MISSING')")


def upgrade() -> None:
    op.create_table(
        "qa_review",
        sa.Column("review_id", sa.Text(), nullable=False, comment="Qolio's id; unnamed:<hash> where the review has none"),
        sa.Column("call_uid", sa.Text(), comment="vendor:vendor_call_id; of a call that the warehouse need not know"),
        sa.Column("form_name", sa.Text()),
        sa.Column("score", sa.Numeric(9, 4)),
        sa.Column("max_score", sa.Numeric(9, 4)),
        sa.Column("reviewer_id", sa.Text()),
        sa.Column("reviewed_at", MOMENT),
        sa.Column("appeal_state", sa.Text()),
        sa.Column("problem", sa.Text(), comment="what cannot be used of it, by name; null: it can become a fact"),
        sa.Column("first_pulled_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("pulled_at", MOMENT, nullable=False, comment="beginning of the pull that brought these values; the newest wins"),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_qa_review")),
        schema="ops",
        comment="every review that Qolio told of, the newest state of each; dwh.fact_qa_review has those of known calls",
    )
    op.create_index(op.f("ix_qa_review_call_uid"), "qa_review", ["call_uid"], schema="ops")
    op.create_index("ix_qa_review_reviewed_at", "qa_review", ["reviewed_at"], schema="ops")
    op.create_index("ix_qa_delivery_unverified", "qa_delivery", ["vendor_code", "vendor_call_id"], schema="ops", postgresql_where=UNVERIFIED)


def downgrade() -> None:
    op.drop_index("ix_qa_delivery_unverified", "qa_delivery", schema="ops")
    op.drop_table("qa_review", schema="ops")
