"""Tables of the warehouse, the single source of the schema. Alembic migrations are made from this metadata.

ops   what the pipeline must remember: plans, intents, deliveries, archive, audit
pii   the only place with a clear phone, name or transcript
dwh   facts and dimensions
mart  what analysts read: views, in `marts/*.sql`

All moments are timestamptz in UTC. `phone_key` is HMAC-SHA256(secret, E.164) in hex.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

#: States of an intent; the order is the life of one (design, decision 4).
INTENT_STATES = (
    "planned",
    "sending",
    "created",
    "in_doubt",
    "refused",
    "running",
    "collecting",
    "final",
    "final_partial",
    "cancelled",
)
PURPOSES = ("advertising", "service", "debt", "survey")
DISPOSITION_GROUPS = ("NOT_DIALED", "NOT_CONNECTED", "MACHINE", "HUMAN", "PENDING", "UNKNOWN")

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

C = sa.Column
KEY = sa.CHAR(64)
MOMENT = TIMESTAMP(timezone=True)
NOW = sa.text("now()")


def _in(column: str, values: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(repr(v) for v in values)})"


# ops ----------------------------------------------------------------------------------------------------------------

campaign_plan = sa.Table(
    "campaign_plan",
    metadata,
    C("plan_id", KEY, primary_key=True, comment="sha256(campaign_id|call_date): one plan per campaign and call date"),
    C("campaign_id", sa.Text, nullable=False),
    C("call_date", sa.Date, nullable=False, comment="subscriber-local date of the calls"),
    C("vendor_code", sa.Text, nullable=False),
    C("purpose", sa.Text, nullable=False),
    C("spec", JSONB, nullable=False, comment="the campaign file as it was when the plan was made"),
    C("plan_hash", KEY, nullable=False, comment="sha256 over spec and every decision"),
    C("contacts_total", sa.Integer, nullable=False),
    C("contacts_to_call", sa.Integer, nullable=False),
    C("planned_at", MOMENT, nullable=False, server_default=NOW),
    C("dag_run_id", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("campaign_id", "call_date"),
    schema="ops",
)

campaign_intent = sa.Table(
    "campaign_intent",
    metadata,
    C("intent_id", KEY, primary_key=True, comment="sha256(campaign_id|call_date|zone|chunk_no): the business's key"),
    C("plan_id", sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"), nullable=False, index=True),
    C("campaign_id", sa.Text, nullable=False),
    C("call_date", sa.Date, nullable=False),
    C("vendor_code", sa.Text, nullable=False),
    C(
        "zone",
        sa.Text,
        nullable=False,
        comment="+03:00, or several joined with / where the zone is not certain",
    ),
    C("tz_offsets", ARRAY(sa.SmallInteger), nullable=False, comment="minutes east of UTC"),
    C("chunk_no", sa.SmallInteger, nullable=False),
    C("batch_no", sa.SmallInteger, nullable=False, comment="which mapped task works on it"),
    C("state", sa.Text, nullable=False, server_default="planned"),
    C("vendor_task_id", sa.Text),
    C("request_hash", KEY, comment="sha256 of the create request's body"),
    C("contacts_planned", sa.Integer, nullable=False),
    C("contacts_sent", sa.Integer, nullable=False, server_default="0"),
    C("contacts_accepted", sa.Integer, nullable=False, server_default="0"),
    C("contacts_rejected", sa.Integer, nullable=False, server_default="0"),
    C("window_start_utc", MOMENT, nullable=False),
    C("window_end_utc", MOMENT, nullable=False),
    C("local_from", sa.Time, nullable=False),
    C("local_to", sa.Time, nullable=False),
    C("submitted_at", MOMENT),
    C("confirmed_at", MOMENT),
    C("started_at", MOMENT),
    C("final_at", MOMENT),
    C("completeness", sa.Text, comment="complete | partial: how the wait ended"),
    C("dag_run_id", sa.Text, nullable=False, server_default=""),
    C("note", sa.Text, comment="why the intent is where it is; never a phone or a name"),
    sa.UniqueConstraint("vendor_code", "vendor_task_id"),
    sa.UniqueConstraint("campaign_id", "call_date", "zone", "chunk_no"),
    sa.CheckConstraint(_in("state", INTENT_STATES), name="state"),
    schema="ops",
)

intent_event = sa.Table(
    "intent_event",
    metadata,
    C("event_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"), nullable=False, index=True),
    C("at", MOMENT, nullable=False, server_default=NOW),
    C("from_state", sa.Text),
    C("to_state", sa.Text, nullable=False),
    C("dag_run_id", sa.Text, nullable=False, server_default=""),
    C("detail", sa.Text),
    schema="ops",
)

plan_contact = sa.Table(
    "plan_contact",
    metadata,
    C("plan_id", sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"), primary_key=True),
    C("row_no", sa.Integer, primary_key=True, comment="row of the list, from 1 after the header"),
    C("contact_id", sa.Text, nullable=False, comment="id in the source system, or row:<n>"),
    C("phone_key", KEY),
    C("tz_offsets", ARRAY(sa.SmallInteger), comment="candidate offsets; null where there is no valid phone"),
    C("tz_source", sa.Text, comment="declared | region | numbering_plan | unknown"),
    C("region", sa.Text),
    C("segment", sa.Text),
    C("exclusion_code", sa.Text, comment="null = to be called"),
    C("exclusion_reason", sa.Text, comment="finer than the code: short_number, foreign, two_phones, window_over …"),
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE")),
    C("external_id", sa.Text, comment="our id of the contact at the vendor"),
    C("sent_state", sa.Text, comment="accepted | rejected; null = not sent"),
    C("vendor_reason", sa.Text),
    sa.CheckConstraint("(exclusion_code is null) = (intent_id is not null)", name="called_or_excluded"),
    sa.Index("ix_plan_contact_intent_phone", "intent_id", "phone_key"),
    schema="ops",
)

candidate_batch = sa.Table(
    "candidate_batch",
    metadata,
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"), primary_key=True),
    C("batch_no", sa.Integer, primary_key=True),
    C("state", sa.Text, nullable=False),
    C("contacts", sa.Integer, nullable=False),
    C("accepted", sa.Integer, nullable=False, server_default="0"),
    C("sent_at", MOMENT),
    C("note", sa.Text),
    sa.CheckConstraint(_in("state", ("sending", "accepted", "in_doubt", "refused")), name="state"),
    schema="ops",
    comment="write-ahead record of each request that adds contacts to a vendor campaign",
)

attempt_reservation = sa.Table(
    "attempt_reservation",
    metadata,
    C("phone_key", KEY, primary_key=True),
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"), primary_key=True, index=True),
    C("local_date", sa.Date, nullable=False),
    C("max_attempts", sa.SmallInteger, nullable=False),
    C("released_at", MOMENT),
    schema="ops",
)

suppression = sa.Table(
    "suppression",
    metadata,
    C("suppression_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("phone_key", KEY, nullable=False, index=True),
    C("purpose", sa.Text, nullable=False, server_default="*", comment="*, advertising, service, debt, survey"),
    C("reason", sa.Text, nullable=False),
    C("source", sa.Text, nullable=False, comment="bot, operator, crm, vendor_blacklist, regulator, carrier_block"),
    C("valid_from", MOMENT, nullable=False),
    C("valid_to", MOMENT, comment="null = forever"),
    C("evidence_ref", sa.Text),
    sa.UniqueConstraint("phone_key", "purpose", "source", "evidence_ref"),
    schema="ops",
)

raw_archive = sa.Table(
    "raw_archive",
    metadata,
    C("archive_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"), nullable=False, index=True),
    C("batch_id", sa.Text, nullable=False, index=True, comment="one pull of one report; several pages"),
    C("kind", sa.Text, nullable=False),
    C("page_no", sa.Integer, nullable=False),
    C("path", sa.Text, nullable=False, unique=True, comment="relative to the archive's root"),
    C("sha256", KEY, nullable=False, comment="of the exact bytes of the answer"),
    C("bytes", sa.BigInteger, nullable=False),
    C("request", JSONB, nullable=False, comment="without secrets and phones"),
    C("fetched_at", MOMENT, nullable=False),
    C("loaded_at", MOMENT),
    C("rows", sa.Integer),
    C("control_count", sa.Integer, comment="the vendor's own count, where it gives one"),
    schema="ops",
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    C("archive_id", sa.ForeignKey("ops.raw_archive.archive_id", ondelete="CASCADE"), primary_key=True),
    C("row_no", sa.Integer, primary_key=True),
    C("rule", sa.Text, nullable=False),
    C("field", sa.Text, nullable=False),
    C("cause", sa.Text, nullable=False),
    C("quarantined_at", MOMENT, nullable=False, server_default=NOW),
    C("requeued_at", MOMENT),
    schema="ops",
    comment="rows of the archive that break the contract",
)

qa_delivery = sa.Table(
    "qa_delivery",
    metadata,
    C("call_uid", sa.Text, primary_key=True, comment="vendor:vendor_call_id, the uid sent to Qolio"),
    C("vendor_code", sa.Text, nullable=False),
    C("vendor_call_id", sa.Text, nullable=False),
    C("intent_id", KEY, index=True),
    C("payload_hash", KEY, nullable=False),
    C("state", sa.Text, nullable=False),
    C("http_status", sa.SmallInteger),
    C("attempts", sa.Integer, nullable=False, server_default="0"),
    C("sent_at", MOMENT),
    C("verified_at", MOMENT),
    C("reason", sa.Text),
    sa.CheckConstraint(
        _in("state", ("SENDING", "SENT", "VERIFIED", "MISSING", "REJECTED", "SKIPPED", "IN_DOUBT")), name="state"
    ),
    schema="ops",
)

audit_check = sa.Table(
    "audit_check",
    metadata,
    C("plan_id", sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"), primary_key=True),
    C("check_name", sa.Text, primary_key=True),
    C("expected", sa.BigInteger, nullable=False),
    C("actual", sa.BigInteger, nullable=False),
    C("explained", sa.BigInteger, nullable=False, server_default="0", comment="difference with a known cause"),
    C("explanation", sa.Text),
    C("holds", sa.Boolean, nullable=False),
    C("checked_at", MOMENT, nullable=False, server_default=NOW),
    schema="ops",
)

# pii ----------------------------------------------------------------------------------------------------------------

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

dialog_turn = sa.Table(
    "dialog_turn",
    metadata,
    C("vendor_code", sa.Text, primary_key=True),
    C("vendor_call_id", sa.Text, primary_key=True),
    C("turn_no", sa.SmallInteger, primary_key=True),
    C("role", sa.Text, nullable=False),
    C("start_sec", sa.Numeric(9, 2)),
    C("end_sec", sa.Numeric(9, 2)),
    C("text_redacted", sa.Text, nullable=False),
    sa.CheckConstraint(_in("role", ("operator", "client", "bot")), name="role"),
    schema="pii",
)

# dwh: dimensions ----------------------------------------------------------------------------------------------------

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
    sa.CheckConstraint(_in("disposition_group", DISPOSITION_GROUPS), name="disposition_group"),
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
    sa.CheckConstraint(_in("purpose", PURPOSES), name="purpose"),
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
    schema="dwh",
    comment="SCD2, no clear personal data",
)

# dwh: facts ---------------------------------------------------------------------------------------------------------

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

fact_call_attempt = sa.Table(
    "fact_call_attempt",
    metadata,
    C("vendor_code", sa.Text, primary_key=True),
    C("vendor_call_id", sa.Text, primary_key=True),
    C("intent_id", KEY, index=True, comment="null = call not started by this pipeline"),
    C("contact_key", sa.ForeignKey("dwh.dim_contact.contact_key")),
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
    schema="dwh",
    comment="one dial attempt; newest source_updated_at wins",
)

fact_dialog_goal = sa.Table(
    "fact_dialog_goal",
    metadata,
    C("vendor_code", sa.Text, primary_key=True),
    C("vendor_call_id", sa.Text, primary_key=True),
    C("goal_name", sa.Text, primary_key=True),
    C("goal_value", sa.Text),
    C("is_reached", sa.Boolean),
    sa.ForeignKeyConstraint(
        ["vendor_code", "vendor_call_id"],
        ["dwh.fact_call_attempt.vendor_code", "dwh.fact_call_attempt.vendor_call_id"],
        ondelete="CASCADE",
    ),
    schema="dwh",
)

fact_qa_review = sa.Table(
    "fact_qa_review",
    metadata,
    C("review_id", sa.Text, primary_key=True),
    C("vendor_code", sa.Text, nullable=False),
    C("vendor_call_id", sa.Text, nullable=False),
    C("form_name", sa.Text, nullable=False),
    C("score", sa.Numeric(9, 4)),
    C("max_score", sa.Numeric(9, 4)),
    C("reviewer_id", sa.Text),
    C("reviewed_at", MOMENT, nullable=False),
    C("appeal_state", sa.Text),
    sa.ForeignKeyConstraint(
        ["vendor_code", "vendor_call_id"],
        ["dwh.fact_call_attempt.vendor_code", "dwh.fact_call_attempt.vendor_call_id"],
        ondelete="CASCADE",
    ),
    schema="dwh",
)
