"""Statements of a rotation of the phone keys. What it needs while it lasts is in a schema of its own, `rekey`."""

from __future__ import annotations

__all__ = [
    "ALONE", "CLOSED_TOO", "COPY_MAP", "DONE", "FIRST", "GUARD", "LEFT", "MAPPED", "MAP_DONE", "MAP_INDEX", "MOVE",
    "NEWEST", "NEXT", "REACHED", "REKEY", "START", "TABLES", "UNDER_WAY",
]  # fmt: skip

NEWEST = "select version, fingerprint, done_at from ops.key_rotation order by version desc limit 1"
#: Nobody who uses the secret is at work, and nobody erases.
ALONE = """
select pg_advisory_xact_lock(hashtextextended('obzvon.phone_keys', 0)),
       pg_advisory_xact_lock(hashtextextended('obzvon.erase', 0))
"""
#: Every table with a key in it, partitions and partitioned ones too, in one order for everybody.
TABLES = """
select n.nspname, c.relname, c.relkind::text, array_agg(a.attname::text order by a.attname)
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('ops', 'pii', 'dwh', 'mart') and a.attname in ('phone_key', 'person_key') and not a.attisdropped
  and c.relkind in ('r', 'p')
group by 1, 2, 3 order by 1, 2
"""
#: Without a key, but nothing leaves for a vendor or for Qolio, and nothing is judged, that is not written here first.
CLOSED_TOO = (
    ("dwh", "fact_call_attempt"),
    ("ops", "audit_check"),
    ("ops", "campaign_intent"),
    ("ops", "campaign_plan"),
    ("ops", "candidate_batch"),
    ("ops", "qa_delivery"),
)
UNDER_WAY = """
select distinct campaign_id, call_date, state from ops.campaign_intent
where state in ('sending', 'created', 'running', 'collecting') order by 2, 1, 3
"""
REKEY = """
create schema rekey;
create table rekey.key_map (old char(64) primary key, new char(64) not null);
create table rekey.step (name text primary key, next_block bigint not null, blocks bigint not null);
create function rekey.refuse() returns trigger language plpgsql as $$
begin
    if current_setting('obzvon.rekeying', true) = 'on' then
        return null;
    end if;
    raise exception 'the phone keys are being rotated: finish that with `obzvon rotate-phone-key`, then run this again'
        using errcode = 'object_in_use';
end $$;
"""
GUARD = """
create trigger rekeying before insert or update or delete or truncate on {table}
for each statement execute function rekey.refuse()
"""
FIRST = """
insert into ops.key_rotation (version, fingerprint, done_at) values (%s, %s, now()) on conflict (version) do nothing
"""
NEXT = "insert into ops.key_rotation (version, fingerprint) values (%s, %s)"

MAPPED = "select from rekey.step where name = 'map'"
COPY_MAP = "copy rekey.key_map (old, new) from stdin"
MAP_INDEX = "create unique index on rekey.key_map (new)"
MAP_DONE = "insert into rekey.step values ('map', 0, 0)"
# What is moved is written behind the blocks that are counted here, and need not be looked at.
START = """
insert into rekey.step as s (name, next_block, blocks)
values (%(table)s, 0, pg_relation_size(%(table)s::text::regclass) / current_setting('block_size')::int)
on conflict (name) do update set name = s.name
returning next_block, blocks
"""
REACHED = "update rekey.step set next_block = %(block)s where name = %(table)s"
MOVE = """
update {table} as t set {values}
from {table} as s {joins}
where s.ctid >= %(first)s::tid and s.ctid < %(last)s::tid and t.ctid >= %(first)s::tid and t.ctid < %(last)s::tid
  and t.ctid = s.ctid and ({any})
"""
LEFT = """
select count(*) from {table} t
where t.{column} is not null and not exists (select from rekey.key_map m where m.new = t.{column})
"""
DONE = "update ops.key_rotation set done_at = now() where fingerprint = %s and done_at is null returning done_at"
