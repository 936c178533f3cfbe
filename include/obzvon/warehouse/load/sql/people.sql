-- The people of a plan as `dim_contact` knows them. A row that is called speaks for its duplicates.
drop table if exists pg_temp.people;
create temp table people (
    contact_id text not null, phone_key char(64), region_key smallint, tz_offset_min smallint, tz_source text not null,
    segment text
) on commit drop;
