-- Which campaigns there are: one row per campaign, as its newest plan names it.
create or replace view mart.v_campaign as
select distinct on (campaign_id)
       campaign_id,
       coalesce(spec ->> 'title', campaign_id)      as campaign_name,
       purpose,
       vendor_code,
       count(*) over (partition by campaign_id)     as plans,
       min(call_date) over (partition by campaign_id) as first_call_date,
       call_date                                    as last_call_date
from ops.campaign_plan
order by campaign_id, call_date desc;

comment on view mart.v_campaign is 'Кампании, у которых есть хотя бы один план';
comment on column mart.v_campaign.campaign_id is 'Кампания: имя файла кампании';
comment on column mart.v_campaign.campaign_name is 'Название по последнему плану';
comment on column mart.v_campaign.purpose is 'Цель обзвона по последнему плану';
comment on column mart.v_campaign.vendor_code is 'Поставщик звонков по последнему плану';
comment on column mart.v_campaign.plans is 'Планов: дат звонков';
comment on column mart.v_campaign.first_call_date is 'Первая дата звонков';
comment on column mart.v_campaign.last_call_date is 'Последняя дата звонков';
