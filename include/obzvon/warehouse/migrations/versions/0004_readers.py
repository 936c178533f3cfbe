"""roles of those who read, marts' own tables

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Roles belong to the whole server: another warehouse on it may have made them. Who may not make roles goes on without:
# `obzvon.warehouse.readers` says how an administrator makes them, and the next migration gives them their rights.
ROLE = """
do $$
begin
    if not exists (select from pg_roles where rolname = '{role}') then
        create role {role} nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then raise notice 'role {role} was not created: the migrating user lacks CREATEROLE';
end
$$
"""


def upgrade() -> None:
    for role in ("obzvon_analyst", "obzvon_engineer"):
        op.execute(ROLE.format(role=role))
    op.execute("create schema if not exists mart")
    op.create_index("ix_fact_qa_review_call", "fact_qa_review", ["vendor_code", "vendor_call_id"], schema="dwh")
    op.create_table('attempt_daily',
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False, comment='План: одна кампания на одну дату звонков'),
    sa.Column('campaign_key', sa.BigInteger(), nullable=True, comment='Версия кампании; у звонка не из списка — та, чьё задание'),
    sa.Column('script_key', sa.BigInteger(), nullable=True, comment='Сценарий; пусто у звонка не из списка'),
    sa.Column('date_key', sa.Integer(), nullable=False, comment='Дата звонка по местному времени абонента, ГГГГММДД'),
    sa.Column('local_hour', sa.SmallInteger(), nullable=False, comment='Час начала по часам абонента, 0–23'),
    sa.Column('zone_certain', sa.Boolean(), nullable=False, comment='Часовой пояс абонента известен точно'),
    sa.Column('attempt_no', sa.SmallInteger(), nullable=True, comment='Номер попытки этому контакту; пусто у звонка не из списка'),
    sa.Column('disposition_code', sa.Text(), nullable=False, comment='Единый код исхода'),
    sa.Column('attempts', sa.Integer(), nullable=False, comment='Попыток, шт.'),
    sa.Column('goals', sa.Integer(), nullable=False, comment='Из них с достигнутой целью, шт.'),
    sa.Column('transferred', sa.Integer(), nullable=False, comment='Из них переведено на оператора, шт.'),
    sa.Column('late', sa.Integer(), nullable=False, comment='Из них пришло после закрытия задания, шт.'),
    sa.Column('orphans', sa.Integer(), nullable=False, comment='Из них не из нашего списка, шт.'),
    sa.Column('talk_sec', sa.Numeric(), nullable=False, comment='Разговор, сек., сумма'),
    sa.Column('talk_sec_transferred', sa.Numeric(), nullable=False, comment='Из него разговоры с переводом, сек., сумма'),
    sa.Column('cost_rub', sa.Numeric(), nullable=False, comment='Цена звонков, руб., сумма'),
    sa.Column('marking_fee_rub', sa.Numeric(), nullable=False, comment='Плата за маркировку, руб., сумма'),
    sa.Column('recorded', sa.Integer(), nullable=False, comment='Попыток с записью разговора, шт.'),
    sa.Column('qa_sent', sa.Integer(), nullable=False, comment='Из recorded приняты Qolio (SENT, VERIFIED), шт.'),
    sa.Column('qa_verified', sa.Integer(), nullable=False, comment='Из recorded найдены в Qolio обратным чтением, шт.'),
    sa.Column('qa_missing', sa.Integer(), nullable=False, comment='Из recorded приняты, но в Qolio не появились, шт.'),
    sa.Column('qa_rejected', sa.Integer(), nullable=False, comment='Из recorded отклонены Qolio, шт.'),
    sa.Column('qa_skipped', sa.Integer(), nullable=False, comment='Из recorded пропущены по правилу выборки, шт.'),
    sa.Column('qa_in_doubt', sa.Integer(), nullable=False, comment='Из recorded: ответ Qolio не получен, шт.'),
    sa.Column('qa_reviewed', sa.Integer(), nullable=False, comment='Из recorded оценены хотя бы раз, шт.'),
    sa.Column('qa_scores', sa.Integer(), nullable=False, comment='Оценок с баллом по звонкам из recorded, шт.'),
    sa.Column('qa_score_sum', sa.Numeric(), nullable=False, comment='Сумма долей балла (балл / максимум, до 6 знаков)'),
    sa.UniqueConstraint('plan_id', 'campaign_key', 'script_key', 'date_key', 'local_hour', 'zone_certain', 'attempt_no', 'disposition_code', name='uq_attempt_daily', postgresql_nulls_not_distinct=True),
    schema='mart',
    comment='Попытки: суммы по плану, дню и часу абонента, номеру попытки и исходу; из них считаются показатели'
    )
    op.create_table('caller_daily',
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False, comment='План: одна кампания на одну дату звонков'),
    sa.Column('date_key', sa.Integer(), nullable=False, comment='Дата звонка по местному времени абонента, ГГГГММДД'),
    sa.Column('caller_id', sa.Text(), nullable=True, comment='Исходящий номер; пусто, если платформа его не назвала, а в кампании их несколько'),
    sa.Column('region_key', sa.SmallInteger(), nullable=True, comment='Регион абонента; пусто, если неизвестен'),
    sa.Column('attempts', sa.Integer(), nullable=False, comment='Наборов, шт.'),
    sa.Column('network_errors', sa.Integer(), nullable=False, comment='Из них NETWORK_ERROR или CARRIER_BLOCK, шт.'),
    sa.Column('connected', sa.Integer(), nullable=False, comment='Из них соединений с человеком или автоответчиком, шт.'),
    sa.Column('human', sa.Integer(), nullable=False, comment='Из них разговоров с человеком, шт.'),
    sa.UniqueConstraint('plan_id', 'date_key', 'caller_id', 'region_key', name='uq_caller_daily', postgresql_nulls_not_distinct=True),
    schema='mart',
    comment='Наборы: суммы по плану, дню, исходящему номеру и региону'
    )
    op.create_table('contact_outcome',
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False, comment='План: одна кампания на одну дату звонков'),
    sa.Column('intent_id', sa.CHAR(length=64), nullable=True, comment='Задание у поставщика; пусто у исключённых планом'),
    sa.Column('campaign_key', sa.BigInteger(), nullable=False, comment='Версия кампании'),
    sa.Column('script_key', sa.BigInteger(), nullable=False, comment='Сценарий, назначенный контактам'),
    sa.Column('exclusion_code', sa.Text(), nullable=True, comment='Почему исключены планом; пусто — к обзвону'),
    sa.Column('exclusion_reason', sa.Text(), nullable=True, comment='Точная причина исключения'),
    sa.Column('contacts', sa.Integer(), nullable=False, comment='Строк списка, шт.'),
    sa.Column('dialed', sa.Integer(), nullable=False, comment='Из них с ≥ 1 набором, шт.'),
    sa.Column('human', sa.Integer(), nullable=False, comment='Из них с ≥ 1 разговором с человеком, шт.'),
    sa.Column('rpc', sa.Integer(), nullable=False, comment='Из них, где ответил нужный абонент, шт.'),
    sa.Column('goal', sa.Integer(), nullable=False, comment='Из них с достигнутой целью, шт.'),
    sa.Column('invalid', sa.Integer(), nullable=False, comment='Из них с несуществующим номером (INVALID_NUMBER), шт.'),
    sa.Column('closed_by_outcome', sa.Integer(), nullable=False, comment='Из них закрыты окончательным исходом, шт.'),
    sa.Column('closed_by_limit', sa.Integer(), nullable=False, comment='Из них закрыты только числом попыток, шт.'),
    sa.Column('first_human_attempts', sa.BigInteger(), nullable=False, comment='Сумма номеров первой попытки с человеком'),
    sa.Column('attempts', sa.BigInteger(), nullable=False, comment='Наборов, шт.'),
    sa.Column('cost_rub', sa.Numeric(), nullable=False, comment='Цена звонков, руб., сумма'),
    sa.Column('marking_fee_rub', sa.Numeric(), nullable=False, comment='Плата за маркировку, руб., сумма'),
    sa.UniqueConstraint('plan_id', 'intent_id', 'campaign_key', 'script_key', 'exclusion_code', 'exclusion_reason', name='uq_contact_outcome', postgresql_nulls_not_distinct=True),
    schema='mart',
    comment='Контакты: суммы по плану, заданию, сценарию и причине исключения'
    )
    op.create_table('mart_change',
    sa.Column('change_id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False),
    sa.Column('changed_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('change_id', name=op.f('pk_mart_change')),
    schema='ops',
    comment='plans whose facts changed since their marts were refreshed; written by triggers, taken by the refresh. Rows are only added, so that loads of one plan never wait for each other'
    )
    op.create_index(op.f('ix_mart_change_plan_id'), 'mart_change', ['plan_id'], unique=False, schema='ops')
    op.create_table('mart_refresh',
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False),
    sa.Column('refreshed_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('plan_id', name=op.f('pk_mart_refresh')),
    schema='ops',
    comment='when the marts of each plan were refreshed last'
    )

    # plans that were loaded before there were marts to refresh
    op.execute("insert into ops.mart_change (plan_id) select plan_id from ops.campaign_plan")


def downgrade() -> None:
    for schema, table in (("ops", "mart_refresh"), ("ops", "mart_change"), ("mart", "contact_outcome"),
                          ("mart", "caller_daily"), ("mart", "attempt_daily")):
        # views and triggers that use them are made anew by the migration that comes next
        op.execute(f"drop table {schema}.{table} cascade")
    op.execute("drop function if exists ops.note_mart_change cascade")
    op.drop_index("ix_fact_qa_review_call", table_name="fact_qa_review", schema="dwh")
