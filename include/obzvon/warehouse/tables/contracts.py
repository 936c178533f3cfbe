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
    C("vendor_code", sa.Text, primary_key=True, comment="Платформа"),
    C("project", sa.Text, primary_key=True, comment="Проект платформы, чей отчёт"),
    C("campaign_id", sa.Text, primary_key=True, comment="Кампания"),
    C("field", sa.Text, primary_key=True, comment="Ключ в строке отчёта"),
    C("caption", sa.Text, nullable=False, server_default="", comment="Название для людей у платформы"),
    C("kind", sa.Text, nullable=False, server_default="", comment="Тип, словом платформы"),
    C("asked", sa.Boolean, nullable=False, comment="Его просила последняя выгрузка, или его читает файл кампании"),
    C("returned", sa.Boolean, nullable=False, comment="Он есть в последней выгрузке"),
    C("since", MOMENT, nullable=False, comment="С какой выгрузки так, UTC"),
    C("seen_at", MOMENT, nullable=False, comment="Когда снята последняя выгрузка, UTC"),
    sa.CheckConstraint("asked or returned", name="asked_or_returned"),
    schema="ops",
    comment="Столбцы отчётов в последней выгрузке; просили, но не пришёл, или наоборот — расхождение",
)

status_alert = sa.Table(
    "status_alert",
    metadata,
    C(
        "intent_id",
        sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"),
        primary_key=True,
        comment="Задание у платформы",
    ),
    C("vendor_status_raw", sa.Text, primary_key=True, comment="Статус платформы, как он пришёл"),
    C("cause", sa.Text, nullable=False, comment="unknown — никто не сопоставил, setup — требует действий"),
    C("calls", sa.Integer, nullable=False, comment="Попыток с ним сейчас, шт."),
    C("first_seen_at", MOMENT, nullable=False, comment="Когда снята выгрузка, принёсшая его впервые, UTC"),
    sa.CheckConstraint(one_of("cause", ("unknown", "setup")), name="cause"),
    schema="ops",
    comment="Статусы, на которые должен посмотреть человек; строка уходит, когда таких попыток больше нет",
)

check_result = sa.Table(
    "check_result",
    metadata,
    C("result_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер строки"),
    C("run_id", sa.Text, nullable=False, comment="Запуск проверок"),
    C("checked_at", MOMENT, nullable=False, server_default=NOW, comment="Когда проверено, UTC"),
    C("contract_hash", KEY, nullable=False, comment="SHA-256 правил, по которым проверено"),
    C("table_name", sa.Text, nullable=False, comment="Таблица: схема.таблица"),
    C("column_name", sa.Text, comment="Столбец; пусто — правило о строках или о всей таблице"),
    C("rule", sa.Text, nullable=False, comment="Правило"),
    C(
        "kind",
        sa.Text,
        nullable=False,
        comment="Вид правила: not_null, accepted, relation, freshness, reconciliation, distribution и др.",
    ),
    C("severity", sa.Text, nullable=False, comment="error — запуск не пройдёт, warning — только показать"),
    C("says", sa.Text, nullable=False, comment="Что должно быть верно, словами"),
    C(
        "checked",
        sa.BigInteger,
        nullable=False,
        comment="Сколько строк (или того, что правило сравнивает) проверено, шт.",
    ),
    C("failed", sa.BigInteger, nullable=False, comment="Из них нарушают правило, шт."),
    C("examples", ARRAY(sa.Text), nullable=False, comment="Ключи нескольких нарушений; телефонов и имён нет"),
    C("holds", sa.Boolean, nullable=False, comment="Правило выполнено: failed = 0"),
    sa.CheckConstraint(one_of("severity", ("error", "warning")), name="severity"),
    sa.CheckConstraint("holds = (failed = 0)", name="holds"),
    sa.UniqueConstraint("run_id", "table_name", "rule"),
    sa.Index("ix_check_result_rule", "table_name", "rule", "checked_at"),
    schema="ops",
    comment="Что нашли проверки данных после каждой загрузки: по строке на правило и запуск",
)
