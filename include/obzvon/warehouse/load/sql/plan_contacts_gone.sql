-- Rows of an earlier plan for the same date that its successor does not have.
delete from dwh.fact_campaign_contact f
where f.plan_id = %(plan_id)s
  and not exists (select from ops.plan_contact p where p.plan_id = f.plan_id and p.row_no = f.row_no)
