"""first schema

Revision ID: 0001
Revises: 
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for schema in ("ops", "pii", "dwh", "mart"):
        op.execute(f"create schema if not exists {schema}")
    op.create_table('dim_campaign',
    sa.Column('campaign_key', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('campaign_id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('purpose', sa.Text(), nullable=False),
    sa.Column('owner', sa.Text(), nullable=True),
    sa.Column('goal_definition', sa.Text(), nullable=False),
    sa.Column('max_attempts', sa.SmallInteger(), nullable=True),
    sa.Column('window_from', sa.Time(), nullable=True),
    sa.Column('window_to', sa.Time(), nullable=True),
    sa.Column('valid_from', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('valid_to', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('is_current', sa.Boolean(), nullable=False),
    sa.CheckConstraint("purpose in ('advertising', 'service', 'debt', 'survey')", name=op.f('ck_dim_campaign_purpose')),
    sa.PrimaryKeyConstraint('campaign_key', name=op.f('pk_dim_campaign')),
    sa.UniqueConstraint('campaign_id', 'valid_from', name=op.f('uq_dim_campaign_campaign_id_valid_from')),
    schema='dwh',
    comment='SCD2'
    )
    op.create_table('dim_date',
    sa.Column('date_key', sa.Integer(), autoincrement=False, nullable=False, comment='yyyymmdd'),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('iso_dow', sa.SmallInteger(), nullable=False),
    sa.Column('is_ru_day_off', sa.Boolean(), nullable=False, comment='production calendar, transfers included'),
    sa.Column('is_working_weekend', sa.Boolean(), nullable=False),
    sa.Column('calendar_source', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('date_key', name=op.f('pk_dim_date')),
    sa.UniqueConstraint('day', name=op.f('uq_dim_date_day')),
    schema='dwh'
    )
    op.create_table('dim_disposition',
    sa.Column('disposition_code', sa.Text(), nullable=False),
    sa.Column('disposition_group', sa.Text(), nullable=False),
    sa.Column('title_ru', sa.Text(), nullable=False),
    sa.Column('is_terminal', sa.Boolean(), nullable=False),
    sa.Column('is_retryable', sa.Boolean(), nullable=False),
    sa.Column('is_rpc', sa.Boolean(), nullable=False),
    sa.Column('is_goal', sa.Boolean(), nullable=False),
    sa.Column('counts_towards_cap', sa.Boolean(), nullable=False),
    sa.Column('suppress_purpose', sa.Text(), nullable=True),
    sa.CheckConstraint("disposition_group in ('NOT_DIALED', 'NOT_CONNECTED', 'MACHINE', 'HUMAN', 'PENDING', 'UNKNOWN')", name=op.f('ck_dim_disposition_disposition_group')),
    sa.PrimaryKeyConstraint('disposition_code', name=op.f('pk_dim_disposition')),
    schema='dwh'
    )
    op.create_table('dim_region',
    sa.Column('region_key', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('subject_name', sa.Text(), nullable=False),
    sa.Column('tz_offsets', postgresql.ARRAY(sa.SmallInteger()), nullable=False),
    sa.Column('tz_names', sa.Text(), nullable=False),
    sa.Column('is_multi_tz', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('region_key', name=op.f('pk_dim_region')),
    sa.UniqueConstraint('subject_name', name=op.f('uq_dim_region_subject_name')),
    schema='dwh'
    )
    op.create_table('dim_script',
    sa.Column('script_key', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('vendor_code', sa.Text(), nullable=False),
    sa.Column('vendor_script_id', sa.Text(), nullable=False),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('ab_variant', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('script_key', name=op.f('pk_dim_script')),
    sa.UniqueConstraint('vendor_code', 'vendor_script_id', 'version', name=op.f('uq_dim_script_vendor_code_vendor_script_id_version')),
    schema='dwh'
    )
    op.create_table('campaign_plan',
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False, comment='sha256(campaign_id|call_date): one plan per campaign and call date'),
    sa.Column('campaign_id', sa.Text(), nullable=False),
    sa.Column('call_date', sa.Date(), nullable=False, comment='subscriber-local date of the calls'),
    sa.Column('vendor_code', sa.Text(), nullable=False),
    sa.Column('purpose', sa.Text(), nullable=False),
    sa.Column('spec', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='the campaign file as it was when the plan was made'),
    sa.Column('plan_hash', sa.CHAR(length=64), nullable=False, comment='sha256 over spec and every decision'),
    sa.Column('contacts_total', sa.Integer(), nullable=False),
    sa.Column('contacts_to_call', sa.Integer(), nullable=False),
    sa.Column('planned_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('dag_run_id', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('plan_id', name=op.f('pk_campaign_plan')),
    sa.UniqueConstraint('campaign_id', 'call_date', name=op.f('uq_campaign_plan_campaign_id_call_date')),
    schema='ops'
    )
    op.create_table('qa_delivery',
    sa.Column('call_uid', sa.Text(), nullable=False, comment='vendor:vendor_call_id, the uid sent to Qolio'),
    sa.Column('vendor_code', sa.Text(), nullable=False),
    sa.Column('vendor_call_id', sa.Text(), nullable=False),
    sa.Column('intent_id', sa.CHAR(length=64), nullable=True),
    sa.Column('payload_hash', sa.CHAR(length=64), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('http_status', sa.SmallInteger(), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('sent_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('verified_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.CheckConstraint("state in ('SENDING', 'SENT', 'VERIFIED', 'MISSING', 'REJECTED', 'SKIPPED', 'IN_DOUBT')", name=op.f('ck_qa_delivery_state')),
    sa.PrimaryKeyConstraint('call_uid', name=op.f('pk_qa_delivery')),
    schema='ops'
    )
    op.create_index(op.f('ix_qa_delivery_intent_id'), 'qa_delivery', ['intent_id'], unique=False, schema='ops')
    op.create_table('suppression',
    sa.Column('suppression_id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('phone_key', sa.CHAR(length=64), nullable=False),
    sa.Column('purpose', sa.Text(), server_default='*', nullable=False, comment='*, advertising, service, debt, survey'),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False, comment='bot, operator, crm, vendor_blacklist, regulator, carrier_block'),
    sa.Column('valid_from', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('valid_to', postgresql.TIMESTAMP(timezone=True), nullable=True, comment='null = forever'),
    sa.Column('evidence_ref', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('suppression_id', name=op.f('pk_suppression')),
    sa.UniqueConstraint('phone_key', 'purpose', 'source', 'evidence_ref', name=op.f('uq_suppression_phone_key_purpose_source_evidence_ref')),
    schema='ops'
    )
    op.create_index(op.f('ix_suppression_phone_key'), 'suppression', ['phone_key'], unique=False, schema='ops')
    op.create_table('dialog_turn',
    sa.Column('vendor_code', sa.Text(), nullable=False),
    sa.Column('vendor_call_id', sa.Text(), nullable=False),
    sa.Column('turn_no', sa.SmallInteger(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('start_sec', sa.Numeric(precision=9, scale=2), nullable=True),
    sa.Column('end_sec', sa.Numeric(precision=9, scale=2), nullable=True),
    sa.Column('text_redacted', sa.Text(), nullable=False),
    sa.CheckConstraint("role in ('operator', 'client', 'bot')", name=op.f('ck_dialog_turn_role')),
    sa.PrimaryKeyConstraint('vendor_code', 'vendor_call_id', 'turn_no', name=op.f('pk_dialog_turn')),
    schema='pii'
    )
    op.create_table('phone',
    sa.Column('phone_key', sa.CHAR(length=64), nullable=False),
    sa.Column('phone_e164', sa.Text(), nullable=False),
    sa.Column('full_name', sa.Text(), nullable=True),
    sa.Column('erase_after', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('phone_key', name=op.f('pk_phone')),
    sa.UniqueConstraint('phone_e164', name=op.f('uq_phone_phone_e164')),
    schema='pii'
    )
    op.create_table('dim_contact',
    sa.Column('contact_key', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('contact_id', sa.Text(), nullable=False, comment='id in the source system'),
    sa.Column('phone_key', sa.CHAR(length=64), nullable=True, comment='null where the list held no valid phone'),
    sa.Column('region_key', sa.SmallInteger(), nullable=True),
    sa.Column('tz_offset_min', sa.SmallInteger(), nullable=True, comment='null where the zone is not certain'),
    sa.Column('tz_source', sa.Text(), nullable=False),
    sa.Column('segment', sa.Text(), nullable=True),
    sa.Column('valid_from', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('valid_to', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('is_current', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['region_key'], ['dwh.dim_region.region_key'], name=op.f('fk_dim_contact_region_key')),
    sa.PrimaryKeyConstraint('contact_key', name=op.f('pk_dim_contact')),
    sa.UniqueConstraint('contact_id', 'phone_key', 'valid_from', name=op.f('uq_dim_contact_contact_id_phone_key_valid_from'), postgresql_nulls_not_distinct=True),
    schema='dwh',
    comment='SCD2, no clear personal data'
    )
    op.create_table('audit_check',
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False),
    sa.Column('check_name', sa.Text(), nullable=False),
    sa.Column('expected', sa.BigInteger(), nullable=False),
    sa.Column('actual', sa.BigInteger(), nullable=False),
    sa.Column('explained', sa.BigInteger(), server_default='0', nullable=False, comment='difference with a known cause'),
    sa.Column('explanation', sa.Text(), nullable=True),
    sa.Column('holds', sa.Boolean(), nullable=False),
    sa.Column('checked_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['plan_id'], ['ops.campaign_plan.plan_id'], name=op.f('fk_audit_check_plan_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('plan_id', 'check_name', name=op.f('pk_audit_check')),
    schema='ops'
    )
    op.create_table('campaign_intent',
    sa.Column('intent_id', sa.CHAR(length=64), nullable=False, comment="sha256(campaign_id|call_date|zone|chunk_no): the business's key"),
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False),
    sa.Column('campaign_id', sa.Text(), nullable=False),
    sa.Column('call_date', sa.Date(), nullable=False),
    sa.Column('vendor_code', sa.Text(), nullable=False),
    sa.Column('zone', sa.Text(), nullable=False, comment='+03:00, or several joined with / where the zone is not certain'),
    sa.Column('tz_offsets', postgresql.ARRAY(sa.SmallInteger()), nullable=False, comment='minutes east of UTC'),
    sa.Column('chunk_no', sa.SmallInteger(), nullable=False),
    sa.Column('batch_no', sa.SmallInteger(), nullable=False, comment='which mapped task works on it'),
    sa.Column('state', sa.Text(), server_default='planned', nullable=False),
    sa.Column('vendor_task_id', sa.Text(), nullable=True),
    sa.Column('request_hash', sa.CHAR(length=64), nullable=True, comment="sha256 of the create request's body"),
    sa.Column('contacts_planned', sa.Integer(), nullable=False),
    sa.Column('contacts_sent', sa.Integer(), server_default='0', nullable=False),
    sa.Column('contacts_accepted', sa.Integer(), server_default='0', nullable=False),
    sa.Column('contacts_rejected', sa.Integer(), server_default='0', nullable=False),
    sa.Column('window_start_utc', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('window_end_utc', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('local_from', sa.Time(), nullable=False),
    sa.Column('local_to', sa.Time(), nullable=False),
    sa.Column('submitted_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('confirmed_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('started_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('final_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('completeness', sa.Text(), nullable=True, comment='complete | partial: how the wait ended'),
    sa.Column('dag_run_id', sa.Text(), server_default='', nullable=False),
    sa.Column('note', sa.Text(), nullable=True, comment='why the intent is where it is; never a phone or a name'),
    sa.CheckConstraint("state in ('planned', 'sending', 'created', 'in_doubt', 'refused', 'running', 'collecting', 'final', 'final_partial', 'cancelled')", name=op.f('ck_campaign_intent_state')),
    sa.ForeignKeyConstraint(['plan_id'], ['ops.campaign_plan.plan_id'], name=op.f('fk_campaign_intent_plan_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('intent_id', name=op.f('pk_campaign_intent')),
    sa.UniqueConstraint('campaign_id', 'call_date', 'zone', 'chunk_no', name=op.f('uq_campaign_intent_campaign_id_call_date_zone_chunk_no')),
    sa.UniqueConstraint('vendor_code', 'vendor_task_id', name=op.f('uq_campaign_intent_vendor_code_vendor_task_id')),
    schema='ops'
    )
    op.create_index(op.f('ix_campaign_intent_plan_id'), 'campaign_intent', ['plan_id'], unique=False, schema='ops')
    op.create_table('contact_payload',
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False),
    sa.Column('row_no', sa.Integer(), nullable=False),
    sa.Column('phone_raw', sa.Text(), nullable=False, comment='as it stood in the list'),
    sa.Column('phone_e164', sa.Text(), nullable=True),
    sa.Column('full_name', sa.Text(), nullable=True),
    sa.Column('variables', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='script variables, typed'),
    sa.ForeignKeyConstraint(['plan_id'], ['ops.campaign_plan.plan_id'], name=op.f('fk_contact_payload_plan_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('plan_id', 'row_no', name=op.f('pk_contact_payload')),
    schema='pii'
    )
    op.create_table('fact_call_attempt',
    sa.Column('vendor_code', sa.Text(), nullable=False),
    sa.Column('vendor_call_id', sa.Text(), nullable=False),
    sa.Column('intent_id', sa.CHAR(length=64), nullable=True, comment='null = call not started by this pipeline'),
    sa.Column('contact_key', sa.BigInteger(), nullable=True),
    sa.Column('attempt_no', sa.SmallInteger(), nullable=True),
    sa.Column('grain', sa.Text(), server_default='attempt', nullable=False, comment='attempt | contact'),
    sa.Column('started_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('local_started_at', postgresql.TIMESTAMP(), nullable=False, comment="subscriber's wall clock, frozen at load"),
    sa.Column('date_key', sa.Integer(), nullable=False),
    sa.Column('local_hour', sa.SmallInteger(), nullable=False),
    sa.Column('disposition_code', sa.Text(), nullable=False),
    sa.Column('vendor_status_raw', sa.Text(), nullable=False),
    sa.Column('responder_raw', sa.Text(), nullable=True),
    sa.Column('ring_sec', sa.Numeric(precision=9, scale=2), nullable=True),
    sa.Column('talk_sec', sa.Numeric(precision=9, scale=2), nullable=True),
    sa.Column('transferred', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('caller_id', sa.Text(), nullable=True),
    sa.Column('cost_rub', sa.Numeric(precision=12, scale=4), server_default='0', nullable=False),
    sa.Column('marking_fee_rub', sa.Numeric(precision=12, scale=4), server_default='0', nullable=False),
    sa.Column('record_url', sa.Text(), nullable=True),
    sa.Column('has_record', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('row_hash', sa.CHAR(length=64), nullable=False, comment='sha256 of the values above; equal rows are not written again'),
    sa.Column('source_updated_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('loaded_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('is_late', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('batch_id', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['contact_key'], ['dwh.dim_contact.contact_key'], name=op.f('fk_fact_call_attempt_contact_key')),
    sa.ForeignKeyConstraint(['date_key'], ['dwh.dim_date.date_key'], name=op.f('fk_fact_call_attempt_date_key')),
    sa.ForeignKeyConstraint(['disposition_code'], ['dwh.dim_disposition.disposition_code'], name=op.f('fk_fact_call_attempt_disposition_code')),
    sa.PrimaryKeyConstraint('vendor_code', 'vendor_call_id', name=op.f('pk_fact_call_attempt')),
    schema='dwh',
    comment='one dial attempt; newest source_updated_at wins'
    )
    op.create_index(op.f('ix_fact_call_attempt_date_key'), 'fact_call_attempt', ['date_key'], unique=False, schema='dwh')
    op.create_index(op.f('ix_fact_call_attempt_intent_id'), 'fact_call_attempt', ['intent_id'], unique=False, schema='dwh')
    op.create_table('fact_campaign_contact',
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False),
    sa.Column('row_no', sa.Integer(), nullable=False),
    sa.Column('intent_id', sa.CHAR(length=64), nullable=True, comment='null = not sent to a vendor; see exclusion_code'),
    sa.Column('contact_key', sa.BigInteger(), nullable=False),
    sa.Column('campaign_key', sa.BigInteger(), nullable=False),
    sa.Column('script_key', sa.BigInteger(), nullable=False),
    sa.Column('call_date', sa.Date(), nullable=False),
    sa.Column('loaded_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('exclusion_code', sa.Text(), nullable=True),
    sa.Column('exclusion_reason', sa.Text(), nullable=True),
    sa.Column('attempts', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('first_attempt_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('first_human_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('first_human_attempt', sa.SmallInteger(), nullable=True),
    sa.Column('rpc_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('goal_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('final_disposition', sa.Text(), nullable=True),
    sa.Column('closed_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['campaign_key'], ['dwh.dim_campaign.campaign_key'], name=op.f('fk_fact_campaign_contact_campaign_key')),
    sa.ForeignKeyConstraint(['contact_key'], ['dwh.dim_contact.contact_key'], name=op.f('fk_fact_campaign_contact_contact_key')),
    sa.ForeignKeyConstraint(['exclusion_code'], ['dwh.dim_disposition.disposition_code'], name=op.f('fk_fact_campaign_contact_exclusion_code')),
    sa.ForeignKeyConstraint(['final_disposition'], ['dwh.dim_disposition.disposition_code'], name=op.f('fk_fact_campaign_contact_final_disposition')),
    sa.ForeignKeyConstraint(['script_key'], ['dwh.dim_script.script_key'], name=op.f('fk_fact_campaign_contact_script_key')),
    sa.PrimaryKeyConstraint('plan_id', 'row_no', name=op.f('pk_fact_campaign_contact')),
    schema='dwh',
    comment='one row per row of the list, excluded ones included: accumulating snapshot of intent x contact'
    )
    op.create_index('ix_fact_campaign_contact_intent_contact', 'fact_campaign_contact', ['intent_id', 'contact_key'], unique=True, schema='dwh')
    op.create_index(op.f('ix_fact_campaign_contact_intent_id'), 'fact_campaign_contact', ['intent_id'], unique=False, schema='dwh')
    op.create_table('attempt_reservation',
    sa.Column('phone_key', sa.CHAR(length=64), nullable=False),
    sa.Column('intent_id', sa.CHAR(length=64), nullable=False),
    sa.Column('local_date', sa.Date(), nullable=False),
    sa.Column('max_attempts', sa.SmallInteger(), nullable=False),
    sa.Column('released_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['intent_id'], ['ops.campaign_intent.intent_id'], name=op.f('fk_attempt_reservation_intent_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('phone_key', 'intent_id', name=op.f('pk_attempt_reservation')),
    schema='ops'
    )
    op.create_index(op.f('ix_attempt_reservation_intent_id'), 'attempt_reservation', ['intent_id'], unique=False, schema='ops')
    op.create_table('candidate_batch',
    sa.Column('intent_id', sa.CHAR(length=64), nullable=False),
    sa.Column('batch_no', sa.Integer(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('contacts', sa.Integer(), nullable=False),
    sa.Column('accepted', sa.Integer(), server_default='0', nullable=False),
    sa.Column('sent_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.CheckConstraint("state in ('sending', 'accepted', 'in_doubt', 'refused')", name=op.f('ck_candidate_batch_state')),
    sa.ForeignKeyConstraint(['intent_id'], ['ops.campaign_intent.intent_id'], name=op.f('fk_candidate_batch_intent_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('intent_id', 'batch_no', name=op.f('pk_candidate_batch')),
    schema='ops',
    comment='write-ahead record of each request that adds contacts to a vendor campaign'
    )
    op.create_table('intent_event',
    sa.Column('event_id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('intent_id', sa.CHAR(length=64), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('from_state', sa.Text(), nullable=True),
    sa.Column('to_state', sa.Text(), nullable=False),
    sa.Column('dag_run_id', sa.Text(), server_default='', nullable=False),
    sa.Column('detail', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['intent_id'], ['ops.campaign_intent.intent_id'], name=op.f('fk_intent_event_intent_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_intent_event')),
    schema='ops'
    )
    op.create_index(op.f('ix_intent_event_intent_id'), 'intent_event', ['intent_id'], unique=False, schema='ops')
    op.create_table('plan_contact',
    sa.Column('plan_id', sa.CHAR(length=64), nullable=False),
    sa.Column('row_no', sa.Integer(), nullable=False, comment='row of the list, from 1 after the header'),
    sa.Column('contact_id', sa.Text(), nullable=False, comment='id in the source system, or row:<n>'),
    sa.Column('phone_key', sa.CHAR(length=64), nullable=True),
    sa.Column('tz_offsets', postgresql.ARRAY(sa.SmallInteger()), nullable=True, comment='candidate offsets; null where there is no valid phone'),
    sa.Column('tz_source', sa.Text(), nullable=True, comment='declared | region | numbering_plan | unknown'),
    sa.Column('region', sa.Text(), nullable=True),
    sa.Column('segment', sa.Text(), nullable=True),
    sa.Column('exclusion_code', sa.Text(), nullable=True, comment='null = to be called'),
    sa.Column('exclusion_reason', sa.Text(), nullable=True, comment='finer than the code: short_number, foreign, two_phones, window_over …'),
    sa.Column('intent_id', sa.CHAR(length=64), nullable=True),
    sa.Column('external_id', sa.Text(), nullable=True, comment='our id of the contact at the vendor'),
    sa.Column('sent_state', sa.Text(), nullable=True, comment='accepted | rejected; null = not sent'),
    sa.Column('vendor_reason', sa.Text(), nullable=True),
    sa.CheckConstraint('(exclusion_code is null) = (intent_id is not null)', name=op.f('ck_plan_contact_called_or_excluded')),
    sa.ForeignKeyConstraint(['intent_id'], ['ops.campaign_intent.intent_id'], name=op.f('fk_plan_contact_intent_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['plan_id'], ['ops.campaign_plan.plan_id'], name=op.f('fk_plan_contact_plan_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('plan_id', 'row_no', name=op.f('pk_plan_contact')),
    schema='ops'
    )
    op.create_index('ix_plan_contact_intent_phone', 'plan_contact', ['intent_id', 'phone_key'], unique=False, schema='ops')
    op.create_table('raw_archive',
    sa.Column('archive_id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('intent_id', sa.CHAR(length=64), nullable=False),
    sa.Column('batch_id', sa.Text(), nullable=False, comment='one pull of one report; several pages'),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('page_no', sa.Integer(), nullable=False),
    sa.Column('path', sa.Text(), nullable=False, comment="relative to the archive's root"),
    sa.Column('sha256', sa.CHAR(length=64), nullable=False, comment='of the exact bytes of the answer'),
    sa.Column('bytes', sa.BigInteger(), nullable=False),
    sa.Column('request', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='without secrets and phones'),
    sa.Column('fetched_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('loaded_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('rows', sa.Integer(), nullable=True),
    sa.Column('control_count', sa.Integer(), nullable=True, comment="the vendor's own count, where it gives one"),
    sa.ForeignKeyConstraint(['intent_id'], ['ops.campaign_intent.intent_id'], name=op.f('fk_raw_archive_intent_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('archive_id', name=op.f('pk_raw_archive')),
    sa.UniqueConstraint('path', name=op.f('uq_raw_archive_path')),
    schema='ops'
    )
    op.create_index(op.f('ix_raw_archive_batch_id'), 'raw_archive', ['batch_id'], unique=False, schema='ops')
    op.create_index(op.f('ix_raw_archive_intent_id'), 'raw_archive', ['intent_id'], unique=False, schema='ops')
    op.create_table('fact_dialog_goal',
    sa.Column('vendor_code', sa.Text(), nullable=False),
    sa.Column('vendor_call_id', sa.Text(), nullable=False),
    sa.Column('goal_name', sa.Text(), nullable=False),
    sa.Column('goal_value', sa.Text(), nullable=True),
    sa.Column('is_reached', sa.Boolean(), nullable=True),
    sa.ForeignKeyConstraint(['vendor_code', 'vendor_call_id'], ['dwh.fact_call_attempt.vendor_code', 'dwh.fact_call_attempt.vendor_call_id'], name=op.f('fk_fact_dialog_goal_vendor_code_vendor_call_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('vendor_code', 'vendor_call_id', 'goal_name', name=op.f('pk_fact_dialog_goal')),
    schema='dwh'
    )
    op.create_table('fact_qa_review',
    sa.Column('review_id', sa.Text(), nullable=False),
    sa.Column('vendor_code', sa.Text(), nullable=False),
    sa.Column('vendor_call_id', sa.Text(), nullable=False),
    sa.Column('form_name', sa.Text(), nullable=False),
    sa.Column('score', sa.Numeric(precision=9, scale=4), nullable=True),
    sa.Column('max_score', sa.Numeric(precision=9, scale=4), nullable=True),
    sa.Column('reviewer_id', sa.Text(), nullable=True),
    sa.Column('reviewed_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('appeal_state', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['vendor_code', 'vendor_call_id'], ['dwh.fact_call_attempt.vendor_code', 'dwh.fact_call_attempt.vendor_call_id'], name=op.f('fk_fact_qa_review_vendor_code_vendor_call_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('review_id', name=op.f('pk_fact_qa_review')),
    schema='dwh'
    )
    op.create_table('quarantine',
    sa.Column('archive_id', sa.BigInteger(), nullable=False),
    sa.Column('row_no', sa.Integer(), nullable=False),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('field', sa.Text(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('quarantined_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('requeued_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['archive_id'], ['ops.raw_archive.archive_id'], name=op.f('fk_quarantine_archive_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('archive_id', 'row_no', name=op.f('pk_quarantine')),
    schema='ops',
    comment='rows of the archive that break the contract'
    )


def downgrade() -> None:
    op.drop_table('quarantine', schema='ops')
    op.drop_table('fact_qa_review', schema='dwh')
    op.drop_table('fact_dialog_goal', schema='dwh')
    op.drop_index(op.f('ix_raw_archive_intent_id'), table_name='raw_archive', schema='ops')
    op.drop_index(op.f('ix_raw_archive_batch_id'), table_name='raw_archive', schema='ops')
    op.drop_table('raw_archive', schema='ops')
    op.drop_index('ix_plan_contact_intent_phone', table_name='plan_contact', schema='ops')
    op.drop_table('plan_contact', schema='ops')
    op.drop_index(op.f('ix_intent_event_intent_id'), table_name='intent_event', schema='ops')
    op.drop_table('intent_event', schema='ops')
    op.drop_table('candidate_batch', schema='ops')
    op.drop_index(op.f('ix_attempt_reservation_intent_id'), table_name='attempt_reservation', schema='ops')
    op.drop_table('attempt_reservation', schema='ops')
    op.drop_index(op.f('ix_fact_campaign_contact_intent_id'), table_name='fact_campaign_contact', schema='dwh')
    op.drop_index('ix_fact_campaign_contact_intent_contact', table_name='fact_campaign_contact', schema='dwh')
    op.drop_table('fact_campaign_contact', schema='dwh')
    op.drop_index(op.f('ix_fact_call_attempt_intent_id'), table_name='fact_call_attempt', schema='dwh')
    op.drop_index(op.f('ix_fact_call_attempt_date_key'), table_name='fact_call_attempt', schema='dwh')
    op.drop_table('fact_call_attempt', schema='dwh')
    op.drop_table('contact_payload', schema='pii')
    op.drop_index(op.f('ix_campaign_intent_plan_id'), table_name='campaign_intent', schema='ops')
    op.drop_table('campaign_intent', schema='ops')
    op.drop_table('audit_check', schema='ops')
    op.drop_table('dim_contact', schema='dwh')
    op.drop_table('phone', schema='pii')
    op.drop_table('dialog_turn', schema='pii')
    op.drop_index(op.f('ix_suppression_phone_key'), table_name='suppression', schema='ops')
    op.drop_table('suppression', schema='ops')
    op.drop_index(op.f('ix_qa_delivery_intent_id'), table_name='qa_delivery', schema='ops')
    op.drop_table('qa_delivery', schema='ops')
    op.drop_table('campaign_plan', schema='ops')
    op.drop_table('dim_script', schema='dwh')
    op.drop_table('dim_region', schema='dwh')
    op.drop_table('dim_disposition', schema='dwh')
    op.drop_table('dim_date', schema='dwh')
    op.drop_table('dim_campaign', schema='dwh')
    for schema in ("mart", "dwh", "pii"):
        op.execute(f"drop schema if exists {schema} cascade")
