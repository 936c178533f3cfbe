-- Which plans are out of date: whoever changes facts leaves the plan's id in ops.mart_change, in the same commit.
create or replace function ops.note_mart_change() returns trigger language plpgsql as $$
begin
    case tg_argv[0]
    when 'plan' then
        insert into ops.mart_change (plan_id) select distinct plan_id from changed;
    when 'intent' then
        insert into ops.mart_change (plan_id)
        select distinct plan_id from ops.campaign_intent where intent_id in (select intent_id from changed);
        if tg_op = 'UPDATE' then  -- a call that went over to another intent leaves the first one's plan
            insert into ops.mart_change (plan_id)
            select distinct plan_id from ops.campaign_intent
            where intent_id in (select intent_id from before except select intent_id from changed);
        end if;
    when 'call' then
        insert into ops.mart_change (plan_id)
        select distinct i.plan_id
        from (select distinct vendor_code, vendor_call_id from changed) c
        join ops.known_call k using (vendor_code, vendor_call_id)
        join dwh.fact_call_attempt a using (vendor_code, vendor_call_id, call_month)
        join ops.campaign_intent i using (intent_id);
    when 'meaning' then
        insert into ops.mart_change (plan_id) select plan_id from ops.campaign_plan;
    end case;
    return null;
end
$$;

create or replace trigger mart_inserted after insert on dwh.fact_call_attempt referencing new table as changed
    for each statement execute function ops.note_mart_change('intent');
create or replace trigger mart_updated after update on dwh.fact_call_attempt referencing old table as before new table as changed
    for each statement execute function ops.note_mart_change('intent');
create or replace trigger mart_deleted after delete on dwh.fact_call_attempt referencing old table as changed
    for each statement execute function ops.note_mart_change('intent');

create or replace trigger mart_inserted after insert on dwh.fact_campaign_contact referencing new table as changed
    for each statement execute function ops.note_mart_change('plan');
create or replace trigger mart_updated after update on dwh.fact_campaign_contact referencing new table as changed
    for each statement execute function ops.note_mart_change('plan');
create or replace trigger mart_deleted after delete on dwh.fact_campaign_contact referencing old table as changed
    for each statement execute function ops.note_mart_change('plan');

create or replace trigger mart_inserted after insert on ops.qa_delivery referencing new table as changed
    for each statement execute function ops.note_mart_change('call');
create or replace trigger mart_updated after update on ops.qa_delivery referencing new table as changed
    for each statement execute function ops.note_mart_change('call');
create or replace trigger mart_deleted after delete on ops.qa_delivery referencing old table as changed
    for each statement execute function ops.note_mart_change('call');

create or replace trigger mart_inserted after insert on dwh.fact_qa_review referencing new table as changed
    for each statement execute function ops.note_mart_change('call');
create or replace trigger mart_updated after update on dwh.fact_qa_review referencing new table as changed
    for each statement execute function ops.note_mart_change('call');
create or replace trigger mart_deleted after delete on dwh.fact_qa_review referencing old table as changed
    for each statement execute function ops.note_mart_change('call');

-- what an outcome counts as is part of the sums, so a corrected meaning reaches every plan
create or replace trigger mart_updated after update on dwh.dim_disposition
    for each row when (old is distinct from new) execute function ops.note_mart_change('meaning');
