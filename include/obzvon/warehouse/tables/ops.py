"""What the pipeline must remember of what it means to do: plans, intents, doubts, contacts sent."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from obzvon.warehouse.tables.base import INTENT_STATES, KEY, MOMENT, NOW, C, metadata, one_of

policy = sa.Table(
    "policy",
    metadata,
    C("policy_hash", KEY, primary_key=True, comment="SHA-256 политики: одинаковые хранятся один раз"),
    C("version", sa.Date, nullable=False, comment="Версия из файла политики, дата"),
    C("policy", JSONB, nullable=False, comment="Все числа файла политики, какими они были"),
    C("stored_at", MOMENT, nullable=False, server_default=NOW, comment="Когда сохранена, UTC"),
    schema="ops",
    comment="Политики, по которым составлены планы",
)

campaign_plan = sa.Table(
    "campaign_plan",
    metadata,
    C("plan_id", KEY, primary_key=True, comment="План: SHA-256(campaign_id|call_date)"),
    C("campaign_id", sa.Text, nullable=False, comment="Кампания: имя её файла"),
    C("call_date", sa.Date, nullable=False, comment="Дата звонков, местная дата абонента"),
    C("vendor_code", sa.Text, nullable=False, comment="Платформа"),
    C(
        "purpose",
        sa.Text,
        nullable=False,
        comment="Цель звонков: advertising — реклама, service — сервис, debt — долг, survey — опрос",
    ),
    C("spec", JSONB, nullable=False, comment="Файл кампании, каким он был при составлении плана"),
    C(
        "policy_hash",
        sa.ForeignKey("ops.policy.policy_hash"),
        comment="Политика, по которой составлен; пусто — составлен до того, как их стали хранить",
    ),
    C("plan_hash", KEY, nullable=False, comment="SHA-256 всего, что будет отправлено"),
    C(
        "approval",
        sa.Text,
        nullable=False,
        server_default="not_needed",
        comment="Нужно ли согласие человека: not_needed — нет, needed — да",
    ),
    C("forecast", JSONB, comment="Прогноз при составлении плана: стоимость (руб.), попытки (шт.), окончание"),
    C("list_changed_at", MOMENT, comment="Когда записан файл списка, UTC; пусто — список не файл"),
    C("contacts_total", sa.Integer, nullable=False, comment="Строк списка, шт."),
    C("contacts_to_call", sa.Integer, nullable=False, comment="Из них к обзвону, шт."),
    C("planned_at", MOMENT, nullable=False, server_default=NOW, comment="Когда составлен, UTC"),
    C("dag_run_id", sa.Text, nullable=False, server_default="", comment="Запуск DAG"),
    sa.UniqueConstraint("campaign_id", "call_date"),
    sa.CheckConstraint(one_of("approval", ("not_needed", "needed")), name="approval"),
    schema="ops",
    comment="Планы: одна кампания на одну местную дату звонков",
)

plan_approval = sa.Table(
    "plan_approval",
    metadata,
    C(
        "plan_id",
        KEY,
        primary_key=True,
        comment="План; без внешнего ключа: согласованное переживает план, составленный заново",
    ),
    C("plan_hash", KEY, nullable=False, comment="SHA-256 плана, который показали"),
    C("intents", JSONB, nullable=False, comment="Задания, их окна и часы, как их показали"),
    C("asked_at", MOMENT, nullable=False, server_default=NOW, comment="Когда спросили, UTC"),
    C(
        "decision",
        sa.Text,
        comment="approved — да, rejected — нет, timed_out — ответа не дождались; пусто — ответа ещё нет",
    ),
    C("decided_by", sa.Text, comment="Кто решил"),
    C("decided_at", MOMENT, comment="Когда решил, UTC"),
    C("dag_run_id", sa.Text, nullable=False, server_default="", comment="Запуск DAG"),
    sa.CheckConstraint(one_of("decision", ("approved", "rejected", "timed_out")), name="decision"),
    schema="ops",
    comment="Что показали человеку на согласование плана и что он решил; сами люди — в pii.approved_contact",
)

canary_verdict = sa.Table(
    "canary_verdict",
    metadata,
    C(
        "plan_id",
        sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"),
        primary_key=True,
        comment="План: одна кампания на одну дату звонков",
    ),
    C("passed", sa.Boolean, nullable=False, comment="Можно звонить остальным"),
    C("figures", JSONB, nullable=False, comment="Доли: сколько случаев (шт.), предел, выполнен ли он"),
    C("judged_at", MOMENT, nullable=False, server_default=NOW, comment="Когда решено, UTC"),
    C("dag_run_id", sa.Text, nullable=False, server_default="", comment="Запуск DAG"),
    schema="ops",
    comment="Что результаты пробной партии сказали об остальных звонках",
)

campaign_intent = sa.Table(
    "campaign_intent",
    metadata,
    C("intent_id", KEY, primary_key=True, comment="Задание: SHA-256(campaign_id|call_date|zone|chunk_no)"),
    C(
        "plan_id",
        sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        comment="План: одна кампания на одну дату звонков",
    ),
    C("campaign_id", sa.Text, nullable=False, comment="Кампания: имя её файла"),
    C("call_date", sa.Date, nullable=False, comment="Дата звонков по плану, местная дата абонента"),
    C("vendor_code", sa.Text, nullable=False, comment="Платформа"),
    C(
        "zone",
        sa.Text,
        nullable=False,
        comment="Пояс, +03:00; несколько через /, если точно не известен",
    ),
    C("tz_offsets", ARRAY(sa.SmallInteger), nullable=False, comment="Пояса, минут к востоку от UTC"),
    C("chunk_no", sa.SmallInteger, nullable=False, comment="Номер части списка внутри пояса"),
    C("batch_no", sa.SmallInteger, nullable=False, comment="Какая параллельная задача им занята; 900 — пробная партия"),
    C("local_date", sa.Date, comment="Местная дата окна, если она не call_date"),
    C(
        "state",
        sa.Text,
        nullable=False,
        server_default="planned",
        comment="Состояние: planned, sending, created, in_doubt, refused, running, collecting, final и др.",
    ),
    C("vendor_task_id", sa.Text, comment="Номер кампании у платформы; пусто — ещё не создана"),
    C("request_hash", KEY, comment="SHA-256 тела запроса на создание"),
    C("contacts_planned", sa.Integer, nullable=False, comment="Контактов по плану, шт."),
    C("contacts_sent", sa.Integer, nullable=False, server_default="0", comment="Из них отправлено платформе, шт."),
    C("contacts_accepted", sa.Integer, nullable=False, server_default="0", comment="Из них принято, шт."),
    C("contacts_rejected", sa.Integer, nullable=False, server_default="0", comment="Из них не принято, шт."),
    C("window_start_utc", MOMENT, nullable=False, comment="Начало окна звонков, UTC"),
    C("window_end_utc", MOMENT, nullable=False, comment="Конец окна звонков, UTC"),
    C("local_from", sa.Time, nullable=False, comment="Начало окна по часам абонента"),
    C("local_to", sa.Time, nullable=False, comment="Конец окна по часам абонента"),
    C("submitted_at", MOMENT, comment="Когда отправлен запрос на создание, UTC"),
    C("confirmed_at", MOMENT, comment="Когда платформа подтвердила создание, UTC"),
    C("started_at", MOMENT, comment="Когда обзвон запущен, UTC"),
    C("final_at", MOMENT, comment="Когда закрыто, UTC; пусто — не закрыто"),
    C("completeness", sa.Text, comment="Чем кончилось ожидание: complete — обзвон завершён, partial — вышел срок"),
    C("stop_asked_at", MOMENT, comment="Когда платформу в последний раз просили остановиться, UTC"),
    C("stop_cause", sa.Text, comment="Кто остановил: человек, срок, аварийный выключатель, конец окна"),
    C(
        "stop_outcome",
        sa.Text,
        comment="Итог остановки: confirmed — подтверждена, unconfirmed — нет, not_possible — невозможна",
    ),
    C("dag_run_id", sa.Text, nullable=False, server_default="", comment="Запуск DAG"),
    C("note", sa.Text, comment="Почему задание там, где оно есть; без телефонов и имён"),
    sa.UniqueConstraint("vendor_code", "vendor_task_id"),
    sa.UniqueConstraint("campaign_id", "call_date", "zone", "chunk_no"),
    sa.CheckConstraint(one_of("state", INTENT_STATES), name="state"),
    sa.CheckConstraint(one_of("stop_outcome", ("confirmed", "unconfirmed", "not_possible")), name="stop_outcome"),
    schema="ops",
    comment="Задания: кампании у платформы, по поясу и части списка; состояние меняется по ops.intent_step",
)

intent_step = sa.Table(
    "intent_step",
    metadata,
    C("from_state", sa.Text, primary_key=True, comment="Из состояния"),
    C("to_state", sa.Text, primary_key=True, comment="В состояние"),
    schema="ops",
    comment="Разрешённые переходы состояний задания; их соблюдает триггер",
)

intent_event = sa.Table(
    "intent_event",
    metadata,
    C("event_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер строки"),
    C(
        "intent_id",
        sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        comment="Задание у платформы",
    ),
    C("at", MOMENT, nullable=False, server_default=NOW, comment="Когда, UTC"),
    C("from_state", sa.Text, comment="Из состояния; пусто — задание создано"),
    C("to_state", sa.Text, nullable=False, comment="В состояние"),
    C("dag_run_id", sa.Text, nullable=False, server_default="", comment="Запуск DAG"),
    C("detail", sa.Text, comment="Подробности; без телефонов и имён"),
    schema="ops",
    comment="История состояний заданий; строки только добавляются",
)

doubt = sa.Table(
    "doubt",
    metadata,
    C(
        "plan_id",
        sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"),
        primary_key=True,
        comment="План: одна кампания на одну дату звонков",
    ),
    C("batch_no", sa.SmallInteger, primary_key=True, comment="Номер партии разбора, с 1000: у каждого сомнения своя"),
    C(
        "intent_id",
        sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"),
        nullable=False,
        comment="Задание у платформы",
    ),
    C(
        "subject",
        sa.Text,
        nullable=False,
        comment="В чём сомнение: creation — создание, contacts — добавление контактов",
    ),
    C("sent_at", MOMENT, nullable=False, comment="Когда ушёл запрос, UTC: отличает одно сомнение о задании от другого"),
    sa.UniqueConstraint("intent_id", "subject", "sent_at"),
    sa.CheckConstraint(one_of("subject", ("creation", "contacts")), name="subject"),
    schema="ops",
    comment="Все случаи, когда неизвестно, дошёл ли запрос, в порядке разбора; строки не удаляются",
)

settlement = sa.Table(
    "settlement",
    metadata,
    C("settlement_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Номер строки"),
    C(
        "intent_id",
        sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        comment="Задание у платформы",
    ),
    C("at", MOMENT, nullable=False, server_default=NOW, comment="Когда, UTC"),
    C(
        "subject",
        sa.Text,
        nullable=False,
        comment="В чём было сомнение: creation — создание, contacts — добавление контактов",
    ),
    C(
        "finding",
        sa.Text,
        nullable=False,
        comment="exists — дошло, absent — не дошло, orphan — могла остаться пустая кампания, left — оставлено",
    ),
    C("settled_by", sa.Text, nullable=False, comment="lookup — поиском, иначе человек, ответивший в интерфейсе"),
    C("answered_at", MOMENT, comment="Когда ответил человек, UTC; пусто — разобрано поиском"),
    C("vendor_task_id", sa.Text, comment="Номер кампании у платформы; пусто — её нет"),
    C("evidence", sa.Text, nullable=False, comment="Где смотрели и что увидели; без телефонов и имён"),
    C("dag_run_id", sa.Text, nullable=False, server_default="", comment="Запуск DAG"),
    sa.CheckConstraint(one_of("subject", ("creation", "contacts")), name="subject"),
    sa.CheckConstraint(one_of("finding", ("exists", "absent", "orphan", "left")), name="finding"),
    schema="ops",
    comment="Как разобрано каждое сомнение: поиском у платформы или человеком",
)

request_budget = sa.Table(
    "request_budget",
    metadata,
    C("account", sa.Text, primary_key=True, comment="Платформа, адрес и логин, хеш"),
    C("next_free", MOMENT, nullable=False, comment="Когда можно сделать следующий запрос, UTC"),
    C(
        "held_until",
        MOMENT,
        comment="До какого времени платформа просила подождать (Retry-After), UTC; пусто — не просила",
    ),
    schema="ops",
    comment="Ограничение частоты запросов: по строке на учётную запись платформы, общее для всех задач",
)

plan_contact = sa.Table(
    "plan_contact",
    metadata,
    C(
        "plan_id",
        sa.ForeignKey("ops.campaign_plan.plan_id", ondelete="CASCADE"),
        primary_key=True,
        comment="План: одна кампания на одну дату звонков",
    ),
    C("row_no", sa.Integer, primary_key=True, comment="Строка списка, с 1 после заголовка"),
    C("contact_id", sa.Text, nullable=False, comment="Номер человека в исходной системе, или row:<строка списка>"),
    C("phone_key", KEY, comment="Псевдоним телефона: HMAC-SHA256; пусто — номер не распознан"),
    C(
        "tz_offsets",
        ARRAY(sa.SmallInteger),
        comment="Возможные пояса, минут к востоку от UTC; пусто — нет верного телефона",
    ),
    C(
        "tz_source",
        sa.Text,
        comment="Откуда пояс: declared — список, region — регион, numbering_plan — код номера, unknown — неизвестно",
    ),
    C("region", sa.Text, comment="Субъект РФ; пусто, если неизвестен"),
    C("segment", sa.Text, comment="Сегмент из списка"),
    C("person_key", KEY, comment="Псевдоним человека: HMAC реестра и contact_id; пусто — в списке нет номера человека"),
    C("consent_date", sa.Date, comment="Дата согласия, доказанного списком или реестром"),
    C("consent_ref", sa.Text, comment="Где доказательство согласия"),
    C("exclusion_code", sa.Text, comment="Почему исключён, единый код; пусто — к обзвону"),
    C("exclusion_reason", sa.Text, comment="Точная причина: short_number, foreign, two_phones, window_over и др."),
    C(
        "intent_id",
        sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"),
        comment="Задание у платформы; пусто — исключён",
    ),
    C("external_id", sa.Text, comment="Наш номер контакта у платформы"),
    C("sent_state", sa.Text, comment="accepted — платформа приняла, rejected — не приняла; пусто — не отправлен"),
    C("vendor_reason", sa.Text, comment="Почему не принят, словом платформы"),
    sa.CheckConstraint("(exclusion_code is null) = (intent_id is not null)", name="called_or_excluded"),
    sa.Index("ix_plan_contact_intent_phone", "intent_id", "phone_key"),
    sa.Index("ix_plan_contact_person", "person_key", postgresql_where=sa.text("person_key is not null")),
    postgresql_with={"fillfactor": 45},  # a launch writes each row twice more
    schema="ops",
    comment="Решения плана: по строке на строку списка",
)

candidate_batch = sa.Table(
    "candidate_batch",
    metadata,
    C(
        "intent_id",
        sa.ForeignKey("ops.campaign_intent.intent_id", ondelete="CASCADE"),
        primary_key=True,
        comment="Задание у платформы",
    ),
    C("batch_no", sa.Integer, primary_key=True, comment="Номер запроса внутри задания"),
    C(
        "state",
        sa.Text,
        nullable=False,
        comment="sending — отправляется, accepted — принят, in_doubt — ответа нет, refused — отклонён",
    ),
    C("contacts", sa.Integer, nullable=False, comment="Контактов в запросе, шт."),
    C("accepted", sa.Integer, nullable=False, server_default="0", comment="Из них принято, шт."),
    C("sent_at", MOMENT, comment="Когда отправлен, UTC"),
    C("note", sa.Text, comment="Что сказала платформа; без личных данных"),
    sa.CheckConstraint(one_of("state", ("sending", "accepted", "in_doubt", "refused")), name="state"),
    schema="ops",
    comment="Запросы, добавляющие контакты в кампанию платформы; записаны до отправки",
)
