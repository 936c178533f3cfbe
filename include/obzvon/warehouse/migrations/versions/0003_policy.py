"""policy: stored rules, consents, persons, caps, approvals, canaries, erasures

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = TIMESTAMP(timezone=True)
KEY = sa.CHAR(64)
NOW = sa.text("now()")

NEW_COLUMNS = (
    ("campaign_plan", sa.Column("policy_hash", KEY, comment="null: planned before policies were stored")),
    ("campaign_plan", sa.Column("approval", sa.Text(), nullable=False, server_default="not_needed", comment="whether a person must say yes first")),
    ("campaign_plan", sa.Column("forecast", JSONB(), comment="cost, attempts and finish, as they were expected when the plan was made")),
    ("campaign_plan", sa.Column("list_changed_at", MOMENT, comment="when the list's file was written, where it is a file")),
    ("campaign_intent", sa.Column("local_date", sa.Date(), comment="subscriber-local date of its window, where that is not the call date")),
    ("plan_contact", sa.Column("person_key", KEY, comment="HMAC of registry and contact_id; null where the list has no id of the person")),
    ("plan_contact", sa.Column("consent_date", sa.Date(), comment="of the consent that the list or the register proves")),
    ("plan_contact", sa.Column("consent_ref", sa.Text(), comment="where the proof of the consent is")),
    ("suppression", sa.Column("person_key", KEY, comment="the person's other phones are suppressed too; null where the person is not known")),
    ("raw_archive", sa.Column("erased_at", MOMENT, comment="when somebody's data was last taken out of it, or all of it")),
    ("raw_archive", sa.Column("erased_rows", sa.Integer(), nullable=False, server_default="0", comment="taken out of it; `rows` counts them")),
    ("raw_archive", sa.Column("gone_at", MOMENT, comment="when retention deleted the file; sha256 and bytes stay as its trace")),
)

# Reservations were counted by phone alone until now: what they belong to is known from their intents.
RESERVATIONS = """
alter table ops.attempt_reservation
    add column person_key char(64),
    add column campaign_id text,
    add column purpose text,
    add column held smallint,
    add column attempts smallint not null default 0,
    add column answered smallint not null default 0;
update ops.attempt_reservation r
set campaign_id = i.campaign_id, purpose = p.purpose,
    held = case when i.state = 'final' or i.state = 'cancelled' and i.submitted_at is null then 0 else r.max_attempts end,
    released_at = case when i.state in ('final', 'final_partial', 'cancelled') then coalesce(i.final_at, now()) end
from ops.campaign_intent i join ops.campaign_plan p using (plan_id)
where i.intent_id = r.intent_id;
update ops.attempt_reservation r
set attempts = a.attempts, answered = a.answered
from (select f.intent_id, c.phone_key, count(*) filter (where d.counts_towards_cap) as attempts,
             count(*) filter (where d.disposition_group = 'HUMAN') as answered
      from dwh.fact_call_attempt f join dwh.dim_contact c using (contact_key)
      join dwh.dim_disposition d using (disposition_code)
      group by f.intent_id, c.phone_key) a
where a.intent_id = r.intent_id and a.phone_key = r.phone_key;
alter table ops.attempt_reservation
    alter column campaign_id set not null,
    alter column purpose set not null,
    alter column held set not null,
    drop constraint pk_attempt_reservation,
    add constraint pk_attempt_reservation primary key (phone_key, intent_id, local_date);
"""

COMMENTS = """
comment on column ops.attempt_reservation.local_date is 'subscriber-local date of the calls';
comment on column ops.attempt_reservation.max_attempts is 'worst case; 0 where dials came on a day nobody planned';
comment on column ops.attempt_reservation.held is 'dials that may still come; 0 once the intent is over';
comment on column ops.attempt_reservation.attempts is 'dials that happened and count';
comment on column ops.attempt_reservation.answered is 'of them, answered by a person';
comment on column ops.attempt_reservation.released_at is 'when the worst case gave way to what happened';
comment on table ops.attempt_reservation is
    'what counts against the caps: dials that happened, and those that intents not yet over may still make';
comment on column ops.campaign_intent.batch_no is 'which mapped task works on it; 900: the canary';
comment on column ops.campaign_plan.plan_hash is 'sha256 over exactly what will be sent';
"""


def upgrade() -> None:
    op.create_table(
        "policy",
        sa.Column("policy_hash", KEY, nullable=False, comment="sha256 of `policy`: the same numbers are stored once"),
        sa.Column("version", sa.Date(), nullable=False, comment="as the policy file says"),
        sa.Column("policy", JSONB(), nullable=False, comment="every number of the policy file as it was"),
        sa.Column("stored_at", MOMENT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("policy_hash", name=op.f("pk_policy")),
        schema="ops",
        comment="the policies that plans were made under",
    )
    for table, column in NEW_COLUMNS:
        op.add_column(table, column, schema="ops")
    op.create_foreign_key(op.f("fk_campaign_plan_policy_hash"), "campaign_plan", "policy", ["policy_hash"], ["policy_hash"], source_schema="ops", referent_schema="ops")
    op.create_check_constraint(op.f("ck_campaign_plan_approval"), "campaign_plan", "approval in ('not_needed', 'needed')", schema="ops")
    op.create_table(
        "plan_approval",
        sa.Column("plan_id", KEY, nullable=False, comment="no foreign key: what was approved outlives a plan that is made anew"),
        sa.Column("plan_hash", KEY, nullable=False, comment="of the plan that was shown"),
        sa.Column("intents", JSONB(), nullable=False, comment="intent_id: window and hours as they were shown"),
        sa.Column("asked_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("decision", sa.Text(), comment="null = nobody has answered yet"),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", MOMENT),
        sa.Column("dag_run_id", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("decision in ('approved', 'rejected', 'timed_out')", name=op.f("ck_plan_approval_decision")),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_plan_approval")),
        schema="ops",
        comment="what a person was shown and said; pii.approved_contact has the people",
    )
    op.create_table(
        "canary_verdict",
        sa.Column("plan_id", KEY, nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("figures", JSONB(), nullable=False, comment="each share with its count, its limit and whether it holds"),
        sa.Column("judged_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("dag_run_id", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["ops.campaign_plan.plan_id"], name=op.f("fk_canary_verdict_plan_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_canary_verdict")),
        schema="ops",
        comment="what the first contacts' results said about calling the rest",
    )
    op.create_table(
        "consent",
        sa.Column("consent_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("phone_key", KEY, nullable=False),
        sa.Column("purpose", sa.Text(), server_default="*", nullable=False, comment="*, advertising, service, debt, survey"),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), comment="last day; null = until withdrawn"),
        sa.Column("proof_ref", sa.Text(), nullable=False, comment="where the proof is: document, recording, form"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("stored_at", MOMENT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_consent")),
        sa.UniqueConstraint("phone_key", "purpose", "proof_ref", name=op.f("uq_consent_phone_key_purpose_proof_ref")),
        schema="ops",
        comment="consents on file beside those that lists carry; a withdrawal is a suppression",
    )
    op.create_table(
        "erasure",
        sa.Column("erasure_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="request: one person asked; retention: the time of a purpose was over"),
        sa.Column("phone_key", KEY, comment="whose data; null for retention"),
        sa.Column("purpose", sa.Text(), comment="of which purpose; null for a request"),
        sa.Column("reference", sa.Text(), comment="the letter or ticket that asked for it"),
        sa.Column("counts", JSONB(), nullable=False, comment="rows and files by place"),
        sa.Column("left_over", JSONB(), nullable=False, comment="what we cannot erase, and where it is: ids at vendors and at Qolio"),
        sa.Column("done_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("kind in ('request', 'retention')", name=op.f("ck_erasure_kind")),
        sa.PrimaryKeyConstraint("erasure_id", name=op.f("pk_erasure")),
        schema="ops",
        comment="a receipt for each erasure",
    )
    op.create_table(
        "approved_contact",
        sa.Column("plan_id", KEY, nullable=False, comment="no foreign key: what was approved outlives a plan that is made anew"),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("intent_id", KEY, nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.Column("phone_e164", sa.Text(), nullable=False),
        sa.Column("variables_hash", KEY, nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "row_no", name=op.f("pk_approved_contact")),
        schema="pii",
        comment="whom a person agreed to have called, with which words",
    )
    op.execute(RESERVATIONS)
    op.execute(COMMENTS)
    op.create_index("ix_attempt_reservation_phone_date", "attempt_reservation", ["phone_key", "local_date"], schema="ops")
    op.create_index("ix_attempt_reservation_person_date", "attempt_reservation", ["person_key", "local_date"], schema="ops", postgresql_where=sa.text("person_key is not null"))
    op.create_index("ix_attempt_reservation_held", "attempt_reservation", ["intent_id"], schema="ops", postgresql_where=sa.text("held > 0"))
    op.create_index("ix_attempt_reservation_local_date", "attempt_reservation", ["local_date"], schema="ops")
    op.create_index("ix_suppression_person", "suppression", ["person_key"], schema="ops", postgresql_where=sa.text("person_key is not null"))
    op.create_index("ix_plan_contact_person", "plan_contact", ["person_key"], schema="ops", postgresql_where=sa.text("person_key is not null"))
    op.create_index("ix_dim_contact_phone", "dim_contact", ["phone_key"], schema="dwh")
    op.create_index(op.f("ix_fact_call_attempt_contact_key"), "fact_call_attempt", ["contact_key"], schema="dwh")
    op.drop_constraint("uq_suppression_phone_key_purpose_source_evidence_ref", "suppression", schema="ops")
    op.create_unique_constraint("uq_suppression_phone_key_person_key_purpose_source_evidence_ref", "suppression", ["phone_key", "person_key", "purpose", "source", "evidence_ref"], schema="ops", postgresql_nulls_not_distinct=True)


def downgrade() -> None:
    raise NotImplementedError("dials are counted by person and purpose now; going back would forget it")
