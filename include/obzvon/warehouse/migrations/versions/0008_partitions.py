"""big facts by month, comments of every column

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.CHAR(64)
MOMENT = TIMESTAMP(timezone=True)
CALL = ("vendor_code", "vendor_call_id", "call_month")
FACT = tuple(f"dwh.fact_call_attempt.{name}" for name in CALL)
FIRST_OF_MONTH = "extract(day from call_month) = 1"
MOVED = (("dwh", "fact_call_attempt"), ("dwh", "fact_dialog_goal"), ("dwh", "fact_qa_review"), ("pii", "dialog_turn"))
PARTITIONED = MOVED[:2] + MOVED[3:]

# the month of the intent's call date; of the call itself where no intent of ours is known
KNOWN = """
insert into ops.known_call (vendor_code, vendor_call_id, call_month)
select f.vendor_code, f.vendor_call_id,
       date_trunc('month', coalesce(i.call_date, (f.started_at at time zone 'UTC')::date))::date
from moved.fact_call_attempt f left join ops.campaign_intent i using (intent_id)
union all
-- transcripts of calls that a dropped schema dwh does not have now: they find their calls when these are replayed
select distinct t.vendor_code, t.vendor_call_id, date_trunc('month', now() at time zone 'UTC')::date
from moved.dialog_turn t
where not exists (select from moved.fact_call_attempt f
                  where f.vendor_code = t.vendor_code and f.vendor_call_id = t.vendor_call_id)
"""
PARTITIONS = """
do $$
declare
    month date;
begin
    for month in select distinct call_month from ops.known_call order by 1 loop
        {each}
    end loop;
end
$$
"""
PARTITION = """
        execute format('create table {schema}.%I partition of {schema}.{table} for values from (%L) to (%L)',
                       '{table}' || to_char(month, '_YYYY_MM'), month, month + interval '1 month');
"""


def upgrade() -> None:
    _known_call()
    # names of indexes are unique in a schema: the old tables take theirs along. Views over them come again after this.
    op.execute("create schema moved")
    for schema, table in MOVED:
        op.execute(f"alter table {schema}.{table} set schema moved")
    _facts()
    op.execute(KNOWN)
    op.execute(PARTITIONS.format(each="".join(PARTITION.format(schema=s, table=t) for s, t in PARTITIONED)))
    for schema, table in MOVED:
        columns = _columns(table)
        op.execute(
            f"insert into {schema}.{table} ({columns}, call_month)"
            f" select {columns}, call_month from moved.{table} join ops.known_call using (vendor_code, vendor_call_id)"
        )
    op.execute("drop schema moved cascade")
    op.execute("analyze ops.known_call, dwh.fact_call_attempt, dwh.fact_dialog_goal, dwh.fact_qa_review, pii.dialog_turn")


def _columns(table: str, but: str = "") -> str:
    query = sa.text(
        "select string_agg(attname, ', ' order by attnum) from pg_attribute"
        " where attrelid = cast(:t as regclass) and attnum > 0 and not attisdropped and attname <> :but"
    )
    return str(op.get_bind().execute(query, {"t": f"moved.{table}", "but": but}).scalar_one())


def _known_call() -> None:
    op.create_table(
        "known_call",
        sa.Column("vendor_code", sa.Text(), nullable=False),
        sa.Column("vendor_call_id", sa.Text(), nullable=False),
        sa.Column("call_month", sa.Date(), nullable=False),
        sa.CheckConstraint(FIRST_OF_MONTH, name=op.f("ck_known_call_call_month")),
        sa.PrimaryKeyConstraint("vendor_code", "vendor_call_id", name=op.f("pk_known_call")),
        schema="ops",
    )


def _facts() -> None:
    op.create_table(
        "fact_call_attempt",
        sa.Column("vendor_code", sa.Text(), nullable=False),
        sa.Column("vendor_call_id", sa.Text(), nullable=False),
        sa.Column("call_month", sa.Date(), nullable=False),
        sa.Column("intent_id", KEY),
        sa.Column("contact_key", sa.BigInteger()),
        sa.Column("attempt_no", sa.SmallInteger()),
        sa.Column("grain", sa.Text(), server_default="attempt", nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("local_started_at", TIMESTAMP(timezone=False), nullable=False),
        sa.Column("date_key", sa.Integer(), nullable=False),
        sa.Column("local_hour", sa.SmallInteger(), nullable=False),
        sa.Column("disposition_code", sa.Text(), nullable=False),
        sa.Column("vendor_status_raw", sa.Text(), nullable=False),
        sa.Column("responder_raw", sa.Text()),
        sa.Column("ring_sec", sa.Numeric(9, 2)),
        sa.Column("talk_sec", sa.Numeric(9, 2)),
        sa.Column("transferred", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("caller_id", sa.Text()),
        sa.Column("cost_rub", sa.Numeric(12, 4), server_default="0", nullable=False),
        sa.Column("marking_fee_rub", sa.Numeric(12, 4), server_default="0", nullable=False),
        sa.Column("record_url", sa.Text()),
        sa.Column("has_record", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("row_hash", KEY, nullable=False),
        sa.Column("source_updated_at", MOMENT, nullable=False),
        sa.Column("loaded_at", MOMENT, nullable=False),
        sa.Column("is_late", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.CheckConstraint(FIRST_OF_MONTH, name=op.f("ck_fact_call_attempt_call_month")),
        sa.ForeignKeyConstraint(["contact_key"], ["dwh.dim_contact.contact_key"], name=op.f("fk_fact_call_attempt_contact_key")),
        sa.ForeignKeyConstraint(["date_key"], ["dwh.dim_date.date_key"], name=op.f("fk_fact_call_attempt_date_key")),
        sa.ForeignKeyConstraint(["disposition_code"], ["dwh.dim_disposition.disposition_code"], name=op.f("fk_fact_call_attempt_disposition_code")),
        sa.PrimaryKeyConstraint(*CALL, name=op.f("pk_fact_call_attempt")),
        schema="dwh",
        postgresql_partition_by="RANGE (call_month)",
    )  # fmt: skip
    for column in ("intent_id", "contact_key", "date_key"):
        op.create_index(op.f(f"ix_fact_call_attempt_{column}"), "fact_call_attempt", [column], schema="dwh")
    op.create_table(
        "fact_dialog_goal",
        sa.Column("vendor_code", sa.Text(), nullable=False),
        sa.Column("vendor_call_id", sa.Text(), nullable=False),
        sa.Column("call_month", sa.Date(), nullable=False),
        sa.Column("goal_name", sa.Text(), nullable=False),
        sa.Column("goal_value", sa.Text()),
        sa.Column("is_reached", sa.Boolean()),
        sa.ForeignKeyConstraint(CALL, FACT, name=op.f("fk_fact_dialog_goal_vendor_code_vendor_call_id_call_month"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint(*CALL, "goal_name", name=op.f("pk_fact_dialog_goal")),
        schema="dwh",
        postgresql_partition_by="RANGE (call_month)",
    )  # fmt: skip
    op.create_table(
        "fact_qa_review",
        sa.Column("review_id", sa.Text(), nullable=False),
        sa.Column("vendor_code", sa.Text(), nullable=False),
        sa.Column("vendor_call_id", sa.Text(), nullable=False),
        sa.Column("call_month", sa.Date(), nullable=False),
        sa.Column("form_name", sa.Text(), nullable=False),
        sa.Column("score", sa.Numeric(9, 4)),
        sa.Column("max_score", sa.Numeric(9, 4)),
        sa.Column("reviewer_id", sa.Text()),
        sa.Column("reviewed_at", MOMENT, nullable=False),
        sa.Column("appeal_state", sa.Text()),
        sa.ForeignKeyConstraint(CALL, FACT, name=op.f("fk_fact_qa_review_vendor_code_vendor_call_id_call_month"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_fact_qa_review")),
        schema="dwh",
    )  # fmt: skip
    op.create_index("ix_fact_qa_review_call", "fact_qa_review", list(CALL[:2]), schema="dwh")
    op.create_table(
        "dialog_turn",
        sa.Column("vendor_code", sa.Text(), nullable=False),
        sa.Column("vendor_call_id", sa.Text(), nullable=False),
        sa.Column("call_month", sa.Date(), nullable=False),
        sa.Column("turn_no", sa.SmallInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("start_sec", sa.Numeric(9, 2)),
        sa.Column("end_sec", sa.Numeric(9, 2)),
        sa.Column("text_redacted", sa.Text(), nullable=False),
        sa.CheckConstraint("role in ('operator', 'client', 'bot')", name=op.f("ck_dialog_turn_role")),
        sa.CheckConstraint(FIRST_OF_MONTH, name=op.f("ck_dialog_turn_call_month")),
        sa.PrimaryKeyConstraint(*CALL, "turn_no", name=op.f("pk_dialog_turn")),
        schema="pii",
        postgresql_partition_by="RANGE (call_month)",
    )


KEYS = """
alter table dwh.fact_call_attempt add constraint pk_fact_call_attempt primary key (vendor_code, vendor_call_id),
    add constraint fk_fact_call_attempt_contact_key foreign key (contact_key) references dwh.dim_contact,
    add constraint fk_fact_call_attempt_date_key foreign key (date_key) references dwh.dim_date,
    add constraint fk_fact_call_attempt_disposition_code foreign key (disposition_code) references dwh.dim_disposition;
create index ix_fact_call_attempt_intent_id on dwh.fact_call_attempt (intent_id);
create index ix_fact_call_attempt_contact_key on dwh.fact_call_attempt (contact_key);
create index ix_fact_call_attempt_date_key on dwh.fact_call_attempt (date_key);
alter table dwh.fact_dialog_goal add constraint pk_fact_dialog_goal primary key (vendor_code, vendor_call_id, goal_name),
    add constraint fk_fact_dialog_goal_vendor_code_vendor_call_id
        foreign key (vendor_code, vendor_call_id) references dwh.fact_call_attempt on delete cascade;
alter table dwh.fact_qa_review add constraint pk_fact_qa_review primary key (review_id),
    add constraint fk_fact_qa_review_vendor_code_vendor_call_id
        foreign key (vendor_code, vendor_call_id) references dwh.fact_call_attempt on delete cascade;
create index ix_fact_qa_review_call on dwh.fact_qa_review (vendor_code, vendor_call_id);
alter table pii.dialog_turn add constraint pk_dialog_turn primary key (vendor_code, vendor_call_id, turn_no);
"""


def downgrade() -> None:
    op.execute("create schema moved")
    for schema, table in MOVED:
        op.execute(f"alter table {schema}.{table} set schema moved")
        op.execute(f"create table {schema}.{table} (like moved.{table} including defaults including constraints)")
        op.execute(f"alter table {schema}.{table} drop column call_month")
        columns = _columns(table, but="call_month")
        op.execute(f"insert into {schema}.{table} ({columns}) select {columns} from moved.{table}")
    # partitions stay behind in their schemas and go with their tables
    op.execute("drop schema moved cascade")
    op.execute(KEYS)
    op.execute("drop function if exists ops.note_known_calls, ops.keep_call_month cascade")
    op.drop_table("known_call", schema="ops")
