"""settling what is in doubt, one way to stop, a shared request budget, and the guard of the intent's states

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = TIMESTAMP(timezone=True)

# What Python's table of states forbids is impossible in SQL too, whoever writes. An intent is born `planned`; one that
# may exist at a vendor cannot be deleted, because forgetting it is the way to dial people twice.
GUARD = """
create function ops.guard_intent() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'planned' then
            raise exception 'an intent begins as planned, not as %', new.state using errcode = 'check_violation';
        end if;
        return new;
    elsif tg_op = 'DELETE' then
        if old.vendor_task_id is not null or old.state not in ('planned', 'refused') then
            raise exception 'intent % may exist at the vendor and cannot be forgotten', left(old.intent_id, 8)
                using errcode = 'check_violation';
        end if;
        return old;
    elsif new.state <> old.state
          and not exists (select from ops.intent_step s where s.from_state = old.state and s.to_state = new.state) then
        raise exception 'intent %: % to % is not a step of the ledger', left(old.intent_id, 8), old.state, new.state
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger guard_intent before insert or update or delete on ops.campaign_intent
    for each row execute function ops.guard_intent();
"""


def upgrade() -> None:
    op.add_column("campaign_intent", sa.Column("stop_asked_at", MOMENT, comment="when the vendor campaign was last told to stop"), schema="ops")
    op.add_column("campaign_intent", sa.Column("stop_cause", sa.Text(), comment="who wanted it stopped: a user, the deadline, the kill switch, the window"), schema="ops")
    op.add_column("campaign_intent", sa.Column("stop_outcome", sa.Text(), comment="what the attempt to stop reached, as far as the vendor says"), schema="ops")
    op.create_check_constraint(op.f("ck_campaign_intent_stop_outcome"), "campaign_intent", "stop_outcome in ('confirmed', 'unconfirmed', 'not_possible')", schema="ops")
    op.create_table(
        "intent_step",
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("from_state", "to_state", name=op.f("pk_intent_step")),
        schema="ops",
        comment="the steps an intent may take, written by each migration from obzvon/ledger/states.py; a trigger obeys it",
    )
    op.create_table(
        "doubt",
        sa.Column("plan_id", sa.CHAR(64), nullable=False),
        sa.Column("batch_no", sa.SmallInteger(), nullable=False, comment="from 1000 on: a doubt is a batch of its own"),
        sa.Column("intent_id", sa.CHAR(64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="what was in doubt: the creation, or a batch of contacts"),
        sa.Column("sent_at", MOMENT, nullable=False, comment="when the request left: tells one doubt of an intent from the next"),
        sa.CheckConstraint("subject in ('creation', 'contacts')", name=op.f("ck_doubt_subject")),
        sa.ForeignKeyConstraint(["plan_id"], ["ops.campaign_plan.plan_id"], name=op.f("fk_doubt_plan_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["intent_id"], ["ops.campaign_intent.intent_id"], name=op.f("fk_doubt_intent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", "batch_no", name=op.f("pk_doubt")),
        sa.UniqueConstraint("intent_id", "subject", "sent_at", name=op.f("uq_doubt_intent_id_subject_sent_at")),
        schema="ops",
        comment="every doubt there was, in the order in which it is settled; rows are never taken back",
    )
    op.create_table(
        "settlement",
        sa.Column("settlement_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("intent_id", sa.CHAR(64), nullable=False),
        sa.Column("at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="what was in doubt: the creation, or a batch of contacts"),
        sa.Column("finding", sa.Text(), nullable=False, comment="exists, absent, orphan (an empty campaign may be left), left"),
        sa.Column("settled_by", sa.Text(), nullable=False, comment="lookup, or the person who answered in the UI"),
        sa.Column("answered_at", MOMENT, comment="when the person answered"),
        sa.Column("vendor_task_id", sa.Text()),
        sa.Column("evidence", sa.Text(), nullable=False, comment="what was looked at and seen; never a phone or a name"),
        sa.Column("dag_run_id", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("subject in ('creation', 'contacts')", name=op.f("ck_settlement_subject")),
        sa.CheckConstraint("finding in ('exists', 'absent', 'orphan', 'left')", name=op.f("ck_settlement_finding")),
        sa.ForeignKeyConstraint(["intent_id"], ["ops.campaign_intent.intent_id"], name=op.f("fk_settlement_intent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("settlement_id", name=op.f("pk_settlement")),
        schema="ops",
        comment="how each doubt was settled: by a look-up at the vendor or by a person, with what was seen",
    )
    op.create_index(op.f("ix_settlement_intent_id"), "settlement", ["intent_id"], schema="ops")
    op.create_table(
        "request_budget",
        sa.Column("account", sa.Text(), nullable=False, comment="vendor, address and login, hashed"),
        sa.Column("next_free", MOMENT, nullable=False, comment="when the next request may leave if nothing is saved up"),
        sa.Column("held_until", MOMENT, comment="the vendor asked everybody to wait until then (Retry-After)"),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_request_budget")),
        schema="ops",
        comment="one token bucket a vendor account, shared by all tasks and workers",
    )
    op.execute(GUARD)


def downgrade() -> None:
    op.execute("drop trigger guard_intent on ops.campaign_intent")
    op.execute("drop function ops.guard_intent()")
    for table in ("request_budget", "settlement", "doubt", "intent_step"):
        op.drop_table(table, schema="ops")
    op.drop_constraint(op.f("ck_campaign_intent_stop_outcome"), "campaign_intent", schema="ops")
    for column in ("stop_asked_at", "stop_cause", "stop_outcome"):
        op.drop_column("campaign_intent", column, schema="ops")
