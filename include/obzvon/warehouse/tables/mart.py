"""What the marts are made of: sums a plan, written by `obzvon.stages.marts`, and what it must remember for that.

Three tables, because facts have three grains: attempts by when and how they went, attempts by whose number was shown
and where, contacts by what became of them. No foreign keys: schema `dwh` may be dropped and replayed under them.
"""

from __future__ import annotations

import sqlalchemy as sa

from obzvon.warehouse.tables.base import KEY, MOMENT, NOW, C, metadata

_PLAN = "План: одна кампания на одну дату звонков"

attempt_daily = sa.Table(
    "attempt_daily",
    metadata,
    C("plan_id", KEY, nullable=False, comment=_PLAN),
    C("campaign_key", sa.BigInteger, comment="Версия кампании; у звонка не из списка — та, чьё задание"),
    C("script_key", sa.BigInteger, comment="Сценарий; пусто у звонка не из списка"),
    C("date_key", sa.Integer, nullable=False, comment="Дата звонка по местному времени абонента, ГГГГММДД"),
    C("local_hour", sa.SmallInteger, nullable=False, comment="Час начала по часам абонента, 0–23"),
    C("zone_certain", sa.Boolean, nullable=False, comment="Часовой пояс абонента известен точно"),
    C("attempt_no", sa.SmallInteger, comment="Номер попытки этому контакту; пусто у звонка не из списка"),
    C("disposition_code", sa.Text, nullable=False, comment="Единый код исхода"),
    C("attempts", sa.Integer, nullable=False, comment="Попыток, шт."),
    C("goals", sa.Integer, nullable=False, comment="Из них с достигнутой целью, шт."),
    C("transferred", sa.Integer, nullable=False, comment="Из них переведено на оператора, шт."),
    C("late", sa.Integer, nullable=False, comment="Из них пришло после закрытия задания, шт."),
    C("orphans", sa.Integer, nullable=False, comment="Из них не из нашего списка, шт."),
    C("talk_sec", sa.Numeric, nullable=False, comment="Разговор, сек., сумма"),
    C("talk_sec_transferred", sa.Numeric, nullable=False, comment="Из него разговоры с переводом, сек., сумма"),
    C("cost_rub", sa.Numeric, nullable=False, comment="Цена звонков, руб., сумма"),
    C("marking_fee_rub", sa.Numeric, nullable=False, comment="Плата за маркировку, руб., сумма"),
    C("recorded", sa.Integer, nullable=False, comment="Попыток с записью разговора, шт."),
    C("qa_sent", sa.Integer, nullable=False, comment="Из recorded приняты Qolio (SENT, VERIFIED), шт."),
    C("qa_verified", sa.Integer, nullable=False, comment="Из recorded найдены в Qolio обратным чтением, шт."),
    C("qa_missing", sa.Integer, nullable=False, comment="Из recorded приняты, но в Qolio не появились, шт."),
    C("qa_rejected", sa.Integer, nullable=False, comment="Из recorded отклонены Qolio, шт."),
    C(
        "qa_skipped", sa.Integer, nullable=False,
        comment="Из recorded пропущены по правилу выборки или ждут копии записи, шт.",
    ),
    C("qa_in_doubt", sa.Integer, nullable=False, comment="Из recorded: ответ Qolio не получен, шт."),
    C("qa_reviewed", sa.Integer, nullable=False, comment="Из recorded оценены хотя бы раз, шт."),
    C("qa_scores", sa.Integer, nullable=False, comment="Оценок с баллом по звонкам из recorded, шт."),
    C("qa_score_sum", sa.Numeric, nullable=False, comment="Сумма долей балла (балл / максимум, до 6 знаков)"),
    sa.UniqueConstraint(
        "plan_id", "campaign_key", "script_key", "date_key", "local_hour", "zone_certain", "attempt_no",
        "disposition_code", name="uq_attempt_daily", postgresql_nulls_not_distinct=True,
    ),
    schema="mart",
    comment="Попытки: суммы по плану, дню и часу абонента, номеру попытки и исходу; из них считаются показатели",
)  # fmt: skip

caller_daily = sa.Table(
    "caller_daily",
    metadata,
    C("plan_id", KEY, nullable=False, comment=_PLAN),
    C("date_key", sa.Integer, nullable=False, comment="Дата звонка по местному времени абонента, ГГГГММДД"),
    C("caller_id", sa.Text, comment="Исходящий номер; пусто, если платформа его не назвала, а в кампании их несколько"),
    C("region_key", sa.SmallInteger, comment="Регион абонента; пусто, если неизвестен"),
    C("attempts", sa.Integer, nullable=False, comment="Наборов, шт."),
    C("network_errors", sa.Integer, nullable=False, comment="Из них NETWORK_ERROR или CARRIER_BLOCK, шт."),
    C("connected", sa.Integer, nullable=False, comment="Из них соединений с человеком или автоответчиком, шт."),
    C("human", sa.Integer, nullable=False, comment="Из них разговоров с человеком, шт."),
    sa.UniqueConstraint(
        "plan_id", "date_key", "caller_id", "region_key", name="uq_caller_daily", postgresql_nulls_not_distinct=True
    ),
    schema="mart",
    comment="Наборы: суммы по плану, дню, исходящему номеру и региону",
)

contact_outcome = sa.Table(
    "contact_outcome",
    metadata,
    C("plan_id", KEY, nullable=False, comment=_PLAN),
    C("intent_id", KEY, comment="Задание у поставщика; пусто у исключённых планом"),
    C("campaign_key", sa.BigInteger, nullable=False, comment="Версия кампании"),
    C("script_key", sa.BigInteger, nullable=False, comment="Сценарий, назначенный контактам"),
    C("exclusion_code", sa.Text, comment="Почему исключены планом; пусто — к обзвону"),
    C("exclusion_reason", sa.Text, comment="Точная причина исключения"),
    C("contacts", sa.Integer, nullable=False, comment="Строк списка, шт."),
    C("dialed", sa.Integer, nullable=False, comment="Из них с ≥ 1 набором, шт."),
    C("human", sa.Integer, nullable=False, comment="Из них с ≥ 1 разговором с человеком, шт."),
    C("rpc", sa.Integer, nullable=False, comment="Из них, где ответил нужный абонент, шт."),
    C("goal", sa.Integer, nullable=False, comment="Из них с достигнутой целью, шт."),
    C("invalid", sa.Integer, nullable=False, comment="Из них с несуществующим номером (INVALID_NUMBER), шт."),
    C("closed_by_outcome", sa.Integer, nullable=False, comment="Из них закрыты окончательным исходом, шт."),
    C("closed_by_limit", sa.Integer, nullable=False, comment="Из них закрыты только числом попыток, шт."),
    C("first_human_attempts", sa.BigInteger, nullable=False, comment="Сумма номеров первой попытки с человеком"),
    C("attempts", sa.BigInteger, nullable=False, comment="Наборов, шт."),
    C("cost_rub", sa.Numeric, nullable=False, comment="Цена звонков, руб., сумма"),
    C("marking_fee_rub", sa.Numeric, nullable=False, comment="Плата за маркировку, руб., сумма"),
    sa.UniqueConstraint(
        "plan_id", "intent_id", "campaign_key", "script_key", "exclusion_code", "exclusion_reason",
        name="uq_contact_outcome", postgresql_nulls_not_distinct=True,
    ),
    schema="mart",
    comment="Контакты: суммы по плану, заданию, сценарию и причине исключения",
)  # fmt: skip

# rows are only added, so that loads of one plan never wait for each other
mart_change = sa.Table(
    "mart_change",
    metadata,
    C("change_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер строки"),
    C("plan_id", KEY, nullable=False, index=True, comment=_PLAN),
    C("changed_at", MOMENT, nullable=False, server_default=NOW, comment="Когда изменилось, UTC"),
    schema="ops",
    comment="Планы, чьи факты изменились после обновления витрин: пишут триггеры, забирает обновление",
)

mart_refresh = sa.Table(
    "mart_refresh",
    metadata,
    C("plan_id", KEY, primary_key=True, comment=_PLAN),
    C("refreshed_at", MOMENT, nullable=False, comment="Когда обновлено, UTC"),
    schema="ops",
    comment="Когда витрины каждого плана обновлены в последний раз",
)
