"""vendors' statuses as rows, columns of reports, statuses that need a person, results of data checks

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = TIMESTAMP(timezone=True)
KEY = sa.CHAR(64)


def upgrade() -> None:
    op.create_table(
        "map_disposition",
        sa.Column("vendor_code", sa.Text(), nullable=False, comment="Поставщик"),
        sa.Column("priority", sa.SmallInteger(), autoincrement=False, nullable=False, comment="Порядок: первая подходящая строка"),
        sa.Column("status", sa.Text(), nullable=False, comment="Статус поставщика, как в его документации"),
        sa.Column("condition", sa.Text(), comment="Условие, без которого строка не действует; пусто — действует всегда"),
        sa.Column("disposition_code", sa.Text(), nullable=False, comment="Единый исход"),
        sa.Column("alert", sa.Text(), comment="Что сделать, если статус пришёл; пусто — ничего"),
        sa.Column("note_ru", sa.Text(), nullable=False, comment="Что статус значит"),
        sa.ForeignKeyConstraint(["disposition_code"], ["dwh.dim_disposition.disposition_code"], name=op.f("fk_map_disposition_disposition_code")),
        sa.PrimaryKeyConstraint("vendor_code", "priority", name=op.f("pk_map_disposition")),
        sa.UniqueConstraint("vendor_code", "status", "condition", name=op.f("uq_map_disposition_vendor_code_status_condition"), postgresql_nulls_not_distinct=True),
        schema="dwh",
        comment="Карта статусов: строки файла vendors/statuses.csv; у поставщика без строк карта — в файле кампании",
    )
    op.create_table(
        "report_column",
        sa.Column("vendor_code", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False, comment="the vendor's project that the report belongs to"),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False, comment="key of a report row"),
        sa.Column("caption", sa.Text(), server_default="", nullable=False, comment="what the vendor shows people"),
        sa.Column("kind", sa.Text(), server_default="", nullable=False, comment="the vendor's word for its type"),
        sa.Column("asked", sa.Boolean(), nullable=False, comment="the newest pull asked for it, or the mapping reads it"),
        sa.Column("returned", sa.Boolean(), nullable=False, comment="the newest pull has it"),
        sa.Column("since", MOMENT, nullable=False, comment="when the pull was fetched from which on it is so"),
        sa.Column("seen_at", MOMENT, nullable=False, comment="when the newest pull was fetched"),
        sa.CheckConstraint("asked or returned", name=op.f("ck_report_column_asked_or_returned")),
        sa.PrimaryKeyConstraint("vendor_code", "project", "campaign_id", "field", name=op.f("pk_report_column")),
        schema="ops",
        comment="columns of reports as the newest pull has them; asked and not returned, or the reverse, is drift",
    )
    op.create_table(
        "status_alert",
        sa.Column("intent_id", KEY, nullable=False),
        sa.Column("vendor_status_raw", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, comment="unknown: nobody has mapped it; setup: it means that we have to act"),
        sa.Column("calls", sa.Integer(), nullable=False, comment="attempts of the intent that have it now"),
        sa.Column("first_seen_at", MOMENT, nullable=False, comment="when the pull was fetched that brought it"),
        sa.CheckConstraint("cause in ('unknown', 'setup')", name=op.f("ck_status_alert_cause")),
        sa.ForeignKeyConstraint(["intent_id"], ["ops.campaign_intent.intent_id"], name=op.f("fk_status_alert_intent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("intent_id", "vendor_status_raw", name=op.f("pk_status_alert")),
        schema="ops",
        comment="statuses that somebody has to look at; a row goes when no attempt of the intent has the status any more",
    )
    op.create_table(
        "check_result",
        sa.Column("result_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False, comment="all results of one run of the checks"),
        sa.Column("checked_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("contract_hash", KEY, nullable=False, comment="sha256 of the contracts that were checked"),
        sa.Column("table_name", sa.Text(), nullable=False, comment="schema.table"),
        sa.Column("column_name", sa.Text(), comment="null: the rule is about rows or the whole table"),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="which kind of rule"),
        sa.Column("severity", sa.Text(), nullable=False, comment="error: the run fails; warning: it is shown"),
        sa.Column("says", sa.Text(), nullable=False, comment="what has to hold, in words"),
        sa.Column("checked", sa.BigInteger(), nullable=False, comment="rows, or whatever the rule compares, that were looked at"),
        sa.Column("failed", sa.BigInteger(), nullable=False, comment="of them, those that break the rule"),
        sa.Column("examples", ARRAY(sa.Text()), nullable=False, comment="keys of a few that break it; never a phone or a name"),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.CheckConstraint("severity in ('error', 'warning')", name=op.f("ck_check_result_severity")),
        sa.CheckConstraint("holds = (failed = 0)", name=op.f("ck_check_result_holds")),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_check_result")),
        sa.UniqueConstraint("run_id", "table_name", "rule", name=op.f("uq_check_result_run_id_table_name_rule")),
        schema="ops",
        comment="what the data contracts found after each load; one row a rule and run",
    )
    op.create_index("ix_check_result_rule", "check_result", ["table_name", "rule", "checked_at"], schema="ops")


def downgrade() -> None:
    for table in ("check_result", "status_alert", "report_column"):
        op.drop_table(table, schema="ops")
    op.drop_table("map_disposition", schema="dwh")
