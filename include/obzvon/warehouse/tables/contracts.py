"""What vendors' reports turn out to hold, what their words mean, and what the data checks found."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from obzvon.warehouse.tables.base import KEY, MOMENT, NOW, C, metadata, one_of

map_disposition = sa.Table(
    "map_disposition",
    metadata,
    C("vendor_code", sa.Text, primary_key=True, comment="Поставщик"),
    C("priority", sa.SmallInteger, primary_key=True, autoincrement=False, comment="Порядок: первая подходящая строка"),
    C("status", sa.Text, nullable=False, comment="Статус поставщика, как в его документации"),
    C("condition", sa.Text, comment="Условие, без которого строка не действует; пусто — действует всегда"),
    C(
        "disposition_code",
        sa.ForeignKey("dwh.dim_disposition.disposition_code"),
        nullable=False,
        comment="Единый исход",
    ),
    C("alert", sa.Text, comment="Что сделать, если статус пришёл; пусто — ничего"),
    C("note_ru", sa.Text, nullable=False, comment="Что статус значит"),
    sa.UniqueConstraint("vendor_code", "status", "condition", postgresql_nulls_not_distinct=True),
    schema="dwh",
    comment="Карта статусов: строки файла vendors/statuses.csv; у поставщика без строк карта — в файле кампании",
)

report_column = sa.Table(
    "report_column",
    metadata,
    C("vendor_code", sa.Text, primary_key=True),
    C("project", sa.Text, primary_key=True, comment="the vendor's project that the report belongs to"),
    C("campaign_id", sa.Text, primary_key=True),
    C("field", sa.Text, primary_key=True, comment="key of a report row"),
    C("caption", sa.Text, nullable=False, server_default="", comment="what the vendor shows people"),
    C("kind", sa.Text, nullable=False, server_default="", comment="the vendor's word for its type"),
    C("asked", sa.Boolean, nullable=False, comment="the newest pull asked for it, or the mapping reads it"),
    C("returned", sa.Boolean, nullable=False, comment="the newest pull has it"),
    C("since", MOMENT, nullable=False, comment="when the pull was fetched from which on it is so"),
    C("seen_at", MOMENT, nullable=False, comment="when the newest pull was fetched"),
    sa.CheckConstraint("asked or returned", name="asked_or_returned"),
    schema="ops",
    comment="columns of reports as the newest pull has them; asked and not returned, or the reverse, is drift",
)

status_alert = sa.Table(
    "status_alert",
    metadata,
    C("intent_id", sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"), primary_key=True),
    C("vendor_status_raw", sa.Text, primary_key=True),
    C("cause", sa.Text, nullable=False, comment="unknown: nobody has mapped it; setup: it means that we have to act"),
    C("calls", sa.Integer, nullable=False, comment="attempts of the intent that have it now"),
    C("first_seen_at", MOMENT, nullable=False, comment="when the pull was fetched that brought it"),
    sa.CheckConstraint(one_of("cause", ("unknown", "setup")), name="cause"),
    schema="ops",
    comment="statuses that somebody has to look at; a row goes when no attempt of the intent has the status any more",
)

check_result = sa.Table(
    "check_result",
    metadata,
    C("result_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    C("run_id", sa.Text, nullable=False, comment="all results of one run of the checks"),
    C("checked_at", MOMENT, nullable=False, server_default=NOW),
    C("contract_hash", KEY, nullable=False, comment="sha256 of the contracts that were checked"),
    C("table_name", sa.Text, nullable=False, comment="schema.table"),
    C("column_name", sa.Text, comment="null: the rule is about rows or the whole table"),
    C("rule", sa.Text, nullable=False),
    C("kind", sa.Text, nullable=False, comment="which kind of rule"),
    C("severity", sa.Text, nullable=False, comment="error: the run fails; warning: it is shown"),
    C("says", sa.Text, nullable=False, comment="what has to hold, in words"),
    C("checked", sa.BigInteger, nullable=False, comment="rows, or whatever the rule compares, that were looked at"),
    C("failed", sa.BigInteger, nullable=False, comment="of them, those that break the rule"),
    C("examples", ARRAY(sa.Text), nullable=False, comment="keys of a few that break it; never a phone or a name"),
    C("holds", sa.Boolean, nullable=False),
    sa.CheckConstraint(one_of("severity", ("error", "warning")), name="severity"),
    sa.CheckConstraint("holds = (failed = 0)", name="holds"),
    sa.UniqueConstraint("run_id", "table_name", "rule"),
    sa.Index("ix_check_result_rule", "table_name", "rule", "checked_at"),
    schema="ops",
    comment="what the data contracts found after each load; one row a rule and run",
)
