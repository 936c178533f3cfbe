-- Where the rows of one pull wait to be compared with what is stored. `seq` is the order of arrival.
drop table if exists pg_temp.staged_attempt, pg_temp.staged_result, pg_temp.staged_turn,
    pg_temp.matched, pg_temp.older_row, pg_temp.judged, pg_temp.decided;

create temp table staged_attempt (
    seq bigint not null, vendor_call_id text not null, external_id text, phone_key text,
    started_at timestamptz not null, updated_at timestamptz not null, disposition_code text not null,
    vendor_status_raw text not null, responder_raw text, ring_sec numeric, talk_sec numeric,
    transferred boolean not null, caller_id text, cost_rub numeric not null, record_url text, goal_reached boolean not null
) on commit drop;

-- `said` is compared with the campaign's rules, `stored` is the same without what identifies a person
create temp table staged_result (
    seq bigint not null, vendor_call_id text not null, is_part boolean not null,
    name text not null, said text, stored text
) on commit drop;

create temp table staged_turn (
    seq bigint not null, vendor_call_id text not null, is_part boolean not null, turn_no smallint not null,
    role text not null, start_sec float8, end_sec float8, text_redacted text not null
) on commit drop;

-- Each call once, in this and in `decided`: no index proves it, since `matched` takes the newest row of each call and
-- nothing is added after that.
create temp table matched (
    like staged_attempt, row_no integer, contact_key bigint, contact_phone_key char(64), offset_min smallint not null,
    call_month date not null, is_known boolean not null
) on commit drop;

create temp table older_row (seq bigint not null) on commit drop;

create temp table judged (
    vendor_call_id text primary key, disposition_code text not null, goal_reached boolean not null
) on commit drop;

create temp table decided (
    vendor_call_id text not null, call_month date not null, is_known boolean not null, action text not null,
    contact_key bigint,
    phone_key char(64), attempt_no smallint,
    started_at timestamptz not null, local_started_at timestamp not null, disposition_code text not null,
    suppress_purpose text, vendor_status_raw text not null, responder_raw text, ring_sec numeric(9, 2),
    talk_sec numeric(9, 2), transferred boolean not null, caller_id text, cost_rub numeric(12, 4) not null,
    marking_fee_rub numeric(12, 4) not null, record_url text, goal_reached boolean not null, has_results boolean not null,
    has_turns boolean not null, row_hash char(64) not null, source_updated_at timestamptz not null, is_late boolean not null,
    over_batch text
) on commit drop;
