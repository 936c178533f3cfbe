-- Where the raw answers that the numbers come from are kept.
create or replace view mart.v_archive as
select p.campaign_id,
       p.purpose,
       p.call_date,
       i.zone,
       r.kind,
       r.page_no,
       r.fetched_at,
       r.loaded_at,
       r.rows,
       r.control_count,
       r.bytes,
       r.path,
       r.sha256,
       r.gone_at,
       p.plan_id
from ops.raw_archive r
join ops.campaign_intent i on i.intent_id = r.intent_id
join ops.campaign_plan p on p.plan_id = i.plan_id;

comment on view mart.v_archive is 'Архив сырых ответов: один файл на страницу отчёта';
comment on column mart.v_archive.campaign_id is 'Кампания';
comment on column mart.v_archive.purpose is 'Цель обзвона';
comment on column mart.v_archive.call_date is 'Дата звонков у абонента';
comment on column mart.v_archive.zone is 'Часовой пояс задания';
comment on column mart.v_archive.kind is 'Вид отчёта';
comment on column mart.v_archive.page_no is 'Страница отчёта';
comment on column mart.v_archive.fetched_at is 'Когда получен, UTC';
comment on column mart.v_archive.loaded_at is 'Когда загружен, UTC';
comment on column mart.v_archive.rows is 'Строк в файле';
comment on column mart.v_archive.control_count is 'Число строк по словам поставщика, где он его даёт';
comment on column mart.v_archive.bytes is 'Размер ответа, байт';
comment on column mart.v_archive.path is 'Путь от корня архива';
comment on column mart.v_archive.sha256 is 'sha256 точных байтов ответа';
comment on column mart.v_archive.gone_at is 'Когда файл удалён по сроку хранения, UTC';
comment on column mart.v_archive.plan_id is 'План';
