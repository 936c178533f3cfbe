"""What comes back from Qolio: reviews as they were told, and the index by which deliveries are verified."""

from __future__ import annotations

import sqlalchemy as sa

from obzvon.warehouse.tables.base import MOMENT, NOW, C, metadata
from obzvon.warehouse.tables.ops import qa_delivery

qa_review = sa.Table(
    "qa_review",
    metadata,
    C("review_id", sa.Text, primary_key=True, comment="Qolio's id; unnamed:<hash> where the review has none"),
    C("call_uid", sa.Text, index=True, comment="vendor:vendor_call_id; of a call that the warehouse need not know"),
    C("form_name", sa.Text),
    C("score", sa.Numeric(9, 4)),
    C("max_score", sa.Numeric(9, 4)),
    C("reviewer_id", sa.Text),
    C("reviewed_at", MOMENT),
    C("appeal_state", sa.Text),
    C("problem", sa.Text, comment="what cannot be used of it, by name; null: it can become a fact"),
    C("first_pulled_at", MOMENT, nullable=False, server_default=NOW),
    C("pulled_at", MOMENT, nullable=False, comment="beginning of the pull that brought these values; the newest wins"),
    sa.Index("ix_qa_review_reviewed_at", "reviewed_at"),
    schema="ops",
    comment="every review that Qolio told of, the newest state of each; dwh.fact_qa_review has those of known calls",
)

unverified = sa.Index(
    "ix_qa_delivery_unverified",
    qa_delivery.c.vendor_code,
    qa_delivery.c.vendor_call_id,
    postgresql_where=sa.text("state in ('SENT', 'MISSING')"),
)
