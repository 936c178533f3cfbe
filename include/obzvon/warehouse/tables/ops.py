"""What the pipeline must remember: plans, intents, deliveries, archive, audit."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from obzvon.warehouse.tables.base import INTENT_STATES, KEY, MOMENT, NOW, C, metadata, one_of

policy = sa.Table(
    "policy",
    metadata,
    C("policy_hash", KEY, primary_key=True, comment="sha256 of `policy`: the same numbers are stored once"),
    C("version", sa.Date, nullable=False, comment="as the policy file says"),
    C("policy", JSONB, nullable=False, comment="every number of the policy file as it was"),
    C("stored_at", MOMENT, nullable=False, server_default=NOW),
    schema="ops",
    comment="the policies that plans were made under",
)

campaign_plan = sa.Table(
    "campaign_plan",
    metadata,
    C("plan_id", KEY, primary_key=True, comment="sha256(campaign_id|call_date): one plan per campaign and call date"),
    C("campaign_id", sa.Text, nullable=False),
    C("call_date", sa.Date, nullable=False, comment="subscriber-local date of the calls"),
    C("vendor_code", sa.Text, nullable=False),
    C("purpose", sa.Text, nullable=False),
    C("spec", JSONB, nullable=False, comment="the campaign file as it was when the plan was made"),
    C("policy_hash", sa.ForeignKey("ops.policy.policy_hash"), comment="null: planned before policies were stored"),
    C("plan_hash", KEY, nullable=False, comment="sha256 over exactly what will be sent"),
    C("approval", sa.Text, nullable=False, server_default="not_needed", comment="whether a person must say yes first"),
    C("forecast", JSONB, comment="cost, attempts and finish, as they were expected when the plan was made"),
    C("list_changed_at", MOMENT, comment="when the list's file was written, where it is a file"),
    C("contacts_total", sa.Integer, nullable=False),
    C("contacts_to_call", sa.Integer, nullable=False),
    C("planned_at", MOMENT, nullable=False, server_default=NOW),
    C("dag_run_id", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("campaign_id", "call_date"),
    sa.CheckConstraint(one_of("approval", ("not_needed", "needed")), name="approval"),
    schema="ops",
)

plan_approval = sa.Table(
    "plan_approval",
    metadata,
    C("plan_id", KEY, primary_key=True, comment="no foreign key: what was approved outlives a plan that is made anew"),
    C("plan_hash", KEY, nullable=False, comment="of the plan that was shown"),
    C("intents", JSONB, nullable=False, comment="intent_id: window and hours as they were shown"),
    C("asked_at", MOMENT, nullable=False, server_default=NOW),
    C("decision", sa.Text, comment="null = nobody has answered yet"),
    C("decided_by", sa.Text),
    C("decided_at", MOMENT),
    C("dag_run_id", sa.Text, nullable=False, server_default=""),
    sa.CheckConstraint(one_of("decision", ("approved", "rejected", "timed_out")), name="decision"),
    schema="ops",
    comment="what a person was shown and said; pii.approved_contact has the people",
)

canary_verdict = sa.Table(
    "canary_verdict",
    metadata,
    C("plan_id", sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"), primary_key=True),
    C("passed", sa.Boolean, nullable=False),
    C("figures", JSONB, nullable=False, comment="each share with its count, its limit and whether it holds"),
    C("judged_at", MOMENT, nullable=False, server_default=NOW),
    C("dag_run_id", sa.Text, nullable=False, server_default=""),
    schema="ops",
    comment="what the first contacts' results said about calling the rest",
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
    C("batch_no", sa.SmallInteger, nullable=False, comment="which mapped task works on it; 900: the canary"),
    C("local_date", sa.Date, comment="subscriber-local date of its window, where that is not the call date"),
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
    C("stop_asked_at", MOMENT, comment="when the vendor campaign was last told to stop"),
    C("stop_cause", sa.Text, comment="who wanted it stopped: a user, the deadline, the kill switch, the window"),
    C("stop_outcome", sa.Text, comment="what the attempt to stop reached, as far as the vendor says"),
    C("dag_run_id", sa.Text, nullable=False, server_default=""),
    C("note", sa.Text, comment="why the intent is where it is; never a phone or a name"),
    sa.UniqueConstraint("vendor_code", "vendor_task_id"),
    sa.UniqueConstraint("campaign_id", "call_date", "zone", "chunk_no"),
    sa.CheckConstraint(one_of("state", INTENT_STATES), name="state"),
    sa.CheckConstraint(one_of("stop_outcome", ("confirmed", "unconfirmed", "not_possible")), name="stop_outcome"),
    schema="ops",
)

intent_step = sa.Table(
    "intent_step",
    metadata,
    C("from_state", sa.Text, primary_key=True),
    C("to_state", sa.Text, primary_key=True),
    schema="ops",
    comment="the steps an intent may take, written by each migration from obzvon/ledger/states.py; a trigger obeys it",
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

doubt = sa.Table(
    "doubt",
    metadata,
    C("plan_id", sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"), primary_key=True),
    C("batch_no", sa.SmallInteger, primary_key=True, comment="from 1000 on: a doubt is a batch of its own"),
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"), nullable=False),
    C("subject", sa.Text, nullable=False, comment="what was in doubt: the creation, or a batch of contacts"),
    C("sent_at", MOMENT, nullable=False, comment="when the request left: tells one doubt of an intent from the next"),
    sa.UniqueConstraint("intent_id", "subject", "sent_at"),
    sa.CheckConstraint(one_of("subject", ("creation", "contacts")), name="subject"),
    schema="ops",
    comment="every doubt there was, in the order in which it is settled; rows are never taken back",
)

settlement = sa.Table(
    "settlement",
    metadata,
    C("settlement_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"), nullable=False, index=True),
    C("at", MOMENT, nullable=False, server_default=NOW),
    C("subject", sa.Text, nullable=False, comment="what was in doubt: the creation, or a batch of contacts"),
    C("finding", sa.Text, nullable=False, comment="exists, absent, orphan (an empty campaign may be left), left"),
    C("settled_by", sa.Text, nullable=False, comment="lookup, or the person who answered in the UI"),
    C("answered_at", MOMENT, comment="when the person answered"),
    C("vendor_task_id", sa.Text),
    C("evidence", sa.Text, nullable=False, comment="what was looked at and seen; never a phone or a name"),
    C("dag_run_id", sa.Text, nullable=False, server_default=""),
    sa.CheckConstraint(one_of("subject", ("creation", "contacts")), name="subject"),
    sa.CheckConstraint(one_of("finding", ("exists", "absent", "orphan", "left")), name="finding"),
    schema="ops",
    comment="how each doubt was settled: by a look-up at the vendor or by a person, with what was seen",
)

request_budget = sa.Table(
    "request_budget",
    metadata,
    C("account", sa.Text, primary_key=True, comment="vendor, address and login, hashed"),
    C("next_free", MOMENT, nullable=False, comment="when the next request may leave if nothing is saved up"),
    C("held_until", MOMENT, comment="the vendor asked everybody to wait until then (Retry-After)"),
    schema="ops",
    comment="one token bucket a vendor account, shared by all tasks and workers",
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
    C("person_key", KEY, comment="HMAC of registry and contact_id; null where the list has no id of the person"),
    C("consent_date", sa.Date, comment="of the consent that the list or the register proves"),
    C("consent_ref", sa.Text, comment="where the proof of the consent is"),
    C("exclusion_code", sa.Text, comment="null = to be called"),
    C("exclusion_reason", sa.Text, comment="finer than the code: short_number, foreign, two_phones, window_over …"),
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE")),
    C("external_id", sa.Text, comment="our id of the contact at the vendor"),
    C("sent_state", sa.Text, comment="accepted | rejected; null = not sent"),
    C("vendor_reason", sa.Text),
    sa.CheckConstraint("(exclusion_code is null) = (intent_id is not null)", name="called_or_excluded"),
    sa.Index("ix_plan_contact_intent_phone", "intent_id", "phone_key"),
    sa.Index("ix_plan_contact_person", "person_key", postgresql_where=sa.text("person_key is not null")),
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
    sa.CheckConstraint(one_of("state", ("sending", "accepted", "in_doubt", "refused")), name="state"),
    schema="ops",
    comment="write-ahead record of each request that adds contacts to a vendor campaign",
)

attempt_reservation = sa.Table(
    "attempt_reservation",
    metadata,
    C("phone_key", KEY, primary_key=True),
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"), primary_key=True, index=True),
    C("local_date", sa.Date, primary_key=True, comment="subscriber-local date of the calls"),
    C("person_key", KEY),
    C("campaign_id", sa.Text, nullable=False),
    C("purpose", sa.Text, nullable=False),
    C(
        "max_attempts",
        sa.SmallInteger,
        nullable=False,
        comment="worst case; 0 where dials came on a day nobody planned",
    ),
    C("held", sa.SmallInteger, nullable=False, comment="dials that may still come; 0 once the intent is over"),
    C("attempts", sa.SmallInteger, nullable=False, server_default="0", comment="dials that happened and count"),
    C("answered", sa.SmallInteger, nullable=False, server_default="0", comment="of them, answered by a person"),
    C("released_at", MOMENT, comment="when the worst case gave way to what happened"),
    sa.Index("ix_attempt_reservation_phone_date", "phone_key", "local_date"),
    sa.Index(
        "ix_attempt_reservation_person_date",
        "person_key",
        "local_date",
        postgresql_where=sa.text("person_key is not null"),
    ),
    sa.Index("ix_attempt_reservation_held", "intent_id", postgresql_where=sa.text("held > 0")),
    sa.Index("ix_attempt_reservation_local_date", "local_date"),
    schema="ops",
    comment="what counts against the caps: dials that happened, and those that intents not yet over may still make",
)

consent = sa.Table(
    "consent",
    metadata,
    C("consent_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("phone_key", KEY, nullable=False),
    C("purpose", sa.Text, nullable=False, server_default="*", comment="*, advertising, service, debt, survey"),
    C("given_on", sa.Date, nullable=False),
    C("valid_to", sa.Date, comment="last day; null = until withdrawn"),
    C("proof_ref", sa.Text, nullable=False, comment="where the proof is: document, recording, form"),
    C("source", sa.Text, nullable=False),
    C("stored_at", MOMENT, nullable=False, server_default=NOW),
    sa.UniqueConstraint("phone_key", "purpose", "proof_ref"),
    schema="ops",
    comment="consents on file beside those that lists carry; a withdrawal is a suppression",
)

suppression = sa.Table(
    "suppression",
    metadata,
    C("suppression_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("phone_key", KEY, nullable=False, index=True),
    C("person_key", KEY, comment="the person's other phones are suppressed too; null where the person is not known"),
    C("purpose", sa.Text, nullable=False, server_default="*", comment="*, advertising, service, debt, survey"),
    C("reason", sa.Text, nullable=False),
    C("source", sa.Text, nullable=False, comment="bot, operator, crm, vendor_blacklist, regulator, carrier_block"),
    C("valid_from", MOMENT, nullable=False),
    C("valid_to", MOMENT, comment="null = forever"),
    C("evidence_ref", sa.Text),
    sa.UniqueConstraint(
        "phone_key", "person_key", "purpose", "source", "evidence_ref", postgresql_nulls_not_distinct=True
    ),
    sa.Index("ix_suppression_person", "person_key", postgresql_where=sa.text("person_key is not null")),
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
    C("erased_at", MOMENT, comment="when somebody's data was last taken out of it, or all of it"),
    C("erased_rows", sa.Integer, nullable=False, server_default="0", comment="taken out of it; `rows` counts them"),
    C("gone_at", MOMENT, comment="when retention deleted the file; sha256 and bytes stay as its trace"),
    schema="ops",
)

erasure = sa.Table(
    "erasure",
    metadata,
    C("erasure_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("kind", sa.Text, nullable=False, comment="request: one person asked; retention: the time of a purpose was over"),
    C("phone_key", KEY, comment="whose data; null for retention"),
    C("purpose", sa.Text, comment="of which purpose; null for a request"),
    C("reference", sa.Text, comment="the letter or ticket that asked for it"),
    C("counts", JSONB, nullable=False, comment="rows and files by place"),
    C("left_over", JSONB, nullable=False, comment="what we cannot erase, and where it is: ids at vendors and at Qolio"),
    C("done_at", MOMENT, nullable=False, server_default=NOW),
    sa.CheckConstraint(one_of("kind", ("request", "retention")), name="kind"),
    schema="ops",
    comment="a receipt for each erasure",
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
        one_of("state", ("SENDING", "SENT", "VERIFIED", "MISSING", "REJECTED", "SKIPPED", "IN_DOUBT")), name="state"
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
