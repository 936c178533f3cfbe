-- Rows that no longer say who is in the plan and where: an opt-out before the launch, a plan made anew. None of them was
-- dialled. They go before the new ones come, or two contacts that changed places would meet in one intent.
delete from dwh.fact_campaign_contact f
where f.plan_id = %(plan_id)s
  and not exists (
      select from ops.plan_contact p
      join dwh.dim_contact d on d.contact_id = p.contact_id and d.phone_key is not distinct from p.phone_key
      where p.plan_id = f.plan_id and p.row_no = f.row_no and d.contact_key = f.contact_key
        and p.intent_id is not distinct from f.intent_id)
