-- A call lives in one month. Uniqueness over all partitions is that of ops.known_call, which every new fact is entered in.
create or replace function ops.note_known_calls() returns trigger language plpgsql
    set plan_cache_mode = force_custom_plan as $$
declare
    entered bigint;
    stray   record;
begin
    insert into ops.known_call (vendor_code, vendor_call_id, call_month)
    select vendor_code, vendor_call_id, call_month from added
    on conflict (vendor_code, vendor_call_id) do nothing;
    get diagnostics entered = row_count;
    if entered < (select count(*) from added) then  -- some were known: rebuilt facts, or calls of another month
        select k.vendor_code, k.vendor_call_id, k.call_month into stray
        from added a join ops.known_call k using (vendor_code, vendor_call_id)
        where k.call_month <> a.call_month
        limit 1;
        if found then
            raise unique_violation using
                message = format('call %s:%s is stored under %s', stray.vendor_code, stray.vendor_call_id,
                                 to_char(stray.call_month, 'YYYY-MM')),
                hint = 'Load the batch again: it takes the month from ops.known_call.';
        end if;
    end if;
    return null;
end
$$;

create or replace function ops.keep_call_month() returns trigger language plpgsql as $$
begin
    raise integrity_constraint_violation using
        message = format('call %s:%s keeps its identity and month', old.vendor_code, old.vendor_call_id);
end
$$;

create or replace trigger known_calls after insert on dwh.fact_call_attempt referencing new table as added
    for each statement execute function ops.note_known_calls();
-- also where triggers are switched off for a session: a fact without an entry could come a second time
alter table dwh.fact_call_attempt enable always trigger known_calls;
create or replace trigger one_month before update of vendor_code, vendor_call_id, call_month on dwh.fact_call_attempt
    for each row
    when ((old.vendor_code, old.vendor_call_id, old.call_month)
          is distinct from (new.vendor_code, new.vendor_call_id, new.call_month))
    execute function ops.keep_call_month();
