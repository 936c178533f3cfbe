"""The only place with a clear phone, name or transcript."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from obzvon.warehouse.tables.base import BY_MONTH, FIRST_OF_MONTH, KEY, C, metadata, one_of

phone = sa.Table(
    "phone",
    metadata,
    C("phone_key", KEY, primary_key=True),
    C("phone_e164", sa.Text, nullable=False, unique=True),
    C("full_name", sa.Text),
    C("erase_after", sa.Date),
    schema="pii",
)

contact_payload = sa.Table(
    "contact_payload",
    metadata,
    C("plan_id", sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"), primary_key=True),
    C("row_no", sa.Integer, primary_key=True),
    C("phone_raw", sa.Text, nullable=False, comment="as it stood in the list"),
    C("phone_e164", sa.Text),
    C("full_name", sa.Text),
    C("variables", JSONB, nullable=False, comment="script variables, typed"),
    schema="pii",
)

approved_contact = sa.Table(
    "approved_contact",
    metadata,
    C("plan_id", KEY, primary_key=True, comment="no foreign key: what was approved outlives a plan that is made anew"),
    C("row_no", sa.Integer, primary_key=True),
    C("intent_id", KEY, nullable=False),
    C("contact_id", sa.Text, nullable=False),
    C("phone_e164", sa.Text, nullable=False),
    C("variables_hash", KEY, nullable=False),
    schema="pii",
    comment="whom a person agreed to have called, with which words",
)

dialog_turn = sa.Table(
    "dialog_turn",
    metadata,
    C("vendor_code", sa.Text, primary_key=True),
    C("vendor_call_id", sa.Text, primary_key=True),
    C("call_month", sa.Date, primary_key=True),
    C("turn_no", sa.SmallInteger, primary_key=True),
    C("role", sa.Text, nullable=False),
    C("start_sec", sa.Numeric(9, 2)),
    C("end_sec", sa.Numeric(9, 2)),
    C("text_redacted", sa.Text, nullable=False),
    sa.CheckConstraint(one_of("role", ("operator", "client", "bot")), name="role"),
    sa.CheckConstraint(FIRST_OF_MONTH, name="call_month"),
    schema="pii",
    postgresql_partition_by=BY_MONTH,
)
