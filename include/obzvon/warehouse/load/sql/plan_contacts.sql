-- Every row of the list; an excluded one is closed by the plan.
insert into dwh.fact_campaign_contact as f (
    plan_id, row_no, intent_id, contact_key, campaign_key, script_key, call_date, loaded_at, exclusion_code,
    exclusion_reason, final_disposition, closed_at)
select p.plan_id, p.row_no, p.intent_id, d.contact_key, %(campaign_key)s, %(script_key)s, %(call_date)s, %(loaded_at)s,
       p.exclusion_code, p.exclusion_reason, p.exclusion_code,
       case when p.exclusion_code is not null then %(planned_at)s::timestamptz end
from ops.plan_contact p
join dwh.dim_contact d on d.contact_id = p.contact_id and d.phone_key is not distinct from p.phone_key
                      and d.valid_from <= %(planned_at)s and (d.valid_to is null or d.valid_to > %(planned_at)s)
where p.plan_id = %(plan_id)s
on conflict (plan_id, row_no) do update set
    contact_key = excluded.contact_key, campaign_key = excluded.campaign_key, script_key = excluded.script_key,
    loaded_at = excluded.loaded_at, exclusion_code = excluded.exclusion_code,
    exclusion_reason = excluded.exclusion_reason,
    final_disposition = coalesce(excluded.exclusion_code, f.final_disposition)
where (f.contact_key, f.campaign_key, f.script_key, f.exclusion_code, f.exclusion_reason)
      is distinct from (excluded.contact_key, excluded.campaign_key, excluded.script_key, excluded.exclusion_code,
                        excluded.exclusion_reason)
