"""Dimensions and facts."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from obzvon.warehouse.tables.base import (
    BY_MONTH,
    DISPOSITION_GROUPS,
    FIRST_OF_MONTH,
    KEY,
    MOMENT,
    PURPOSES,
    C,
    metadata,
    one_of,
)

dim_date = sa.Table(
    "dim_date",
    metadata,
    C("date_key", sa.Integer, primary_key=True, autoincrement=False, comment="yyyymmdd"),
    C("day", sa.Date, nullable=False, unique=True),
    C("iso_dow", sa.SmallInteger, nullable=False),
    C("is_ru_day_off", sa.Boolean, nullable=False, comment="production calendar, transfers included"),
    C("is_working_weekend", sa.Boolean, nullable=False),
    C("calendar_source", sa.Text, nullable=False),
    schema="dwh",
)

dim_region = sa.Table(
    "dim_region",
    metadata,
    C("region_key", sa.SmallInteger, primary_key=True, autoincrement=False),
    C("subject_name", sa.Text, nullable=False, unique=True),
    C("tz_offsets", ARRAY(sa.SmallInteger), nullable=False),
    C("tz_names", sa.Text, nullable=False),
    C("is_multi_tz", sa.Boolean, nullable=False),
    schema="dwh",
)

dim_disposition = sa.Table(
    "dim_disposition",
    metadata,
    C("disposition_code", sa.Text, primary_key=True),
    C("disposition_group", sa.Text, nullable=False),
    C("title_ru", sa.Text, nullable=False),
    C("is_terminal", sa.Boolean, nullable=False),
    C("is_retryable", sa.Boolean, nullable=False),
    C("is_rpc", sa.Boolean, nullable=False),
    C("is_goal", sa.Boolean, nullable=False),
    C("counts_towards_cap", sa.Boolean, nullable=False),
    C("suppress_purpose", sa.Text),
    sa.CheckConstraint(one_of("disposition_group", DISPOSITION_GROUPS), name="disposition_group"),
    schema="dwh",
)

dim_script = sa.Table(
    "dim_script",
    metadata,
    C("script_key", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("vendor_code", sa.Text, nullable=False),
    C("vendor_script_id", sa.Text, nullable=False),
    C("version", sa.Text, nullable=False),
    C("name", sa.Text, nullable=False),
    C("ab_variant", sa.Text),
    sa.UniqueConstraint("vendor_code", "vendor_script_id", "version"),
    schema="dwh",
)

dim_campaign = sa.Table(
    "dim_campaign",
    metadata,
    C("campaign_key", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("campaign_id", sa.Text, nullable=False),
    C("name", sa.Text, nullable=False),
    C("purpose", sa.Text, nullable=False),
    C("owner", sa.Text),
    C("goal_definition", sa.Text, nullable=False),
    C("max_attempts", sa.SmallInteger),
    C("window_from", sa.Time),
    C("window_to", sa.Time),
    C("valid_from", MOMENT, nullable=False),
    C("valid_to", MOMENT),
    C("is_current", sa.Boolean, nullable=False),
    sa.UniqueConstraint("campaign_id", "valid_from"),
    sa.CheckConstraint(one_of("purpose", PURPOSES), name="purpose"),
    schema="dwh",
    comment="SCD2",
)

dim_contact = sa.Table(
    "dim_contact",
    metadata,
    C("contact_key", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("contact_id", sa.Text, nullable=False, comment="id in the source system"),
    C("phone_key", KEY, comment="null where the list held no valid phone"),
    C("region_key", sa.ForeignKey("dwh.dim_region.region_key")),
    C("tz_offset_min", sa.SmallInteger, comment="null where the zone is not certain"),
    C("tz_source", sa.Text, nullable=False),
    C("segment", sa.Text),
    C("valid_from", MOMENT, nullable=False),
    C("valid_to", MOMENT),
    C("is_current", sa.Boolean, nullable=False),
    sa.UniqueConstraint("contact_id", "phone_key", "valid_from", postgresql_nulls_not_distinct=True),
    sa.Index("ix_dim_contact_phone", "phone_key"),
    schema="dwh",
    comment="SCD2, no clear personal data",
)

fact_campaign_contact = sa.Table(
    "fact_campaign_contact",
    metadata,
    C("plan_id", KEY, primary_key=True),
    C("row_no", sa.Integer, primary_key=True),
    C("intent_id", KEY, index=True, comment="null = not sent to a vendor; see exclusion_code"),
    C("contact_key", sa.ForeignKey("dwh.dim_contact.contact_key"), nullable=False),
    C("campaign_key", sa.ForeignKey("dwh.dim_campaign.campaign_key"), nullable=False),
    C("script_key", sa.ForeignKey("dwh.dim_script.script_key"), nullable=False),
    C("call_date", sa.Date, nullable=False),
    C("loaded_at", MOMENT, nullable=False),
    C("exclusion_code", sa.ForeignKey("dwh.dim_disposition.disposition_code")),
    C("exclusion_reason", sa.Text),
    C("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    C("first_attempt_at", MOMENT),
    C("first_human_at", MOMENT),
    C("first_human_attempt", sa.SmallInteger),
    C("rpc_at", MOMENT),
    C("goal_at", MOMENT),
    C("final_disposition", sa.ForeignKey("dwh.dim_disposition.disposition_code")),
    C("closed_at", MOMENT),
    sa.Index("ix_fact_campaign_contact_intent_contact", "intent_id", "contact_key", unique=True),
    schema="dwh",
    comment="one row per row of the list, excluded ones included: accumulating snapshot of intent x contact",
)

known_call = sa.Table(
    "known_call",
    metadata,
    C("vendor_code", sa.Text, primary_key=True),
    C("vendor_call_id", sa.Text, primary_key=True),
    C("call_month", sa.Date, nullable=False),
    sa.CheckConstraint(FIRST_OF_MONTH, name="call_month"),
    schema="ops",
    comment="the month that each call is stored under, for life: it outlives schema dwh",
)

fact_call_attempt = sa.Table(
    "fact_call_attempt",
    metadata,
    C("vendor_code", sa.Text, primary_key=True),
    C("vendor_call_id", sa.Text, primary_key=True),
    C("call_month", sa.Date, primary_key=True),
    C("intent_id", KEY, index=True, comment="null = call not started by this pipeline"),
    C("contact_key", sa.ForeignKey("dwh.dim_contact.contact_key"), index=True),
    C("attempt_no", sa.SmallInteger),
    C("grain", sa.Text, nullable=False, server_default="attempt", comment="attempt | contact"),
    C("started_at", MOMENT, nullable=False),
    C("local_started_at", TIMESTAMP(timezone=False), nullable=False, comment="subscriber's wall clock, frozen at load"),
    C("date_key", sa.ForeignKey("dwh.dim_date.date_key"), nullable=False, index=True),
    C("local_hour", sa.SmallInteger, nullable=False),
    C("disposition_code", sa.ForeignKey("dwh.dim_disposition.disposition_code"), nullable=False),
    C("vendor_status_raw", sa.Text, nullable=False),
    C("responder_raw", sa.Text),
    C("ring_sec", sa.Numeric(9, 2)),
    C("talk_sec", sa.Numeric(9, 2)),
    C("transferred", sa.Boolean, nullable=False, server_default="false"),
    C("caller_id", sa.Text),
    C("cost_rub", sa.Numeric(12, 4), nullable=False, server_default="0"),
    C("marking_fee_rub", sa.Numeric(12, 4), nullable=False, server_default="0"),
    C("record_url", sa.Text),
    C("has_record", sa.Boolean, nullable=False, server_default="false"),
    C("row_hash", KEY, nullable=False, comment="sha256 of the values above; equal rows are not written again"),
    C("source_updated_at", MOMENT, nullable=False),
    C("loaded_at", MOMENT, nullable=False),
    C("is_late", sa.Boolean, nullable=False, server_default="false"),
    C("batch_id", sa.Text, nullable=False),
    sa.CheckConstraint(FIRST_OF_MONTH, name="call_month"),
    schema="dwh",
    comment="one dial attempt; newest source_updated_at wins",
    postgresql_partition_by=BY_MONTH,
)

fact_dialog_goal = sa.Table(
    "fact_dialog_goal",
    metadata,
    C("vendor_code", sa.Text, primary_key=True),
    C("vendor_call_id", sa.Text, primary_key=True),
    C("call_month", sa.Date, primary_key=True),
    C("goal_name", sa.Text, primary_key=True),
    C("goal_value", sa.Text),
    C("is_reached", sa.Boolean),
    sa.ForeignKeyConstraint(
        ["vendor_code", "vendor_call_id", "call_month"],
        [f"dwh.fact_call_attempt.{name}" for name in ("vendor_code", "vendor_call_id", "call_month")],
        ondelete="CASCADE",
    ),
    schema="dwh",
    postgresql_partition_by=BY_MONTH,
)

fact_qa_review = sa.Table(
    "fact_qa_review",
    metadata,
    C("review_id", sa.Text, primary_key=True),
    C("vendor_code", sa.Text, nullable=False),
    C("vendor_call_id", sa.Text, nullable=False),
    C("call_month", sa.Date, nullable=False),
    C("form_name", sa.Text, nullable=False),
    C("score", sa.Numeric(9, 4)),
    C("max_score", sa.Numeric(9, 4)),
    C("reviewer_id", sa.Text),
    C("reviewed_at", MOMENT, nullable=False),
    C("appeal_state", sa.Text),
    sa.Index("ix_fact_qa_review_call", "vendor_code", "vendor_call_id"),
    sa.ForeignKeyConstraint(
        ["vendor_code", "vendor_call_id", "call_month"],
        [f"dwh.fact_call_attempt.{name}" for name in ("vendor_code", "vendor_call_id", "call_month")],
        ondelete="CASCADE",
    ),
    schema="dwh",
)
