-- What the data contracts found last: one row a rule of the newest run.
create or replace view mart.v_check_result as
with newest as (
    select run_id from ops.check_result order by checked_at desc, result_id desc limit 1
)
select r.table_name,
       r.column_name,
       r.rule,
       r.kind,
       r.severity,
       r.says,
       r.holds,
       r.checked,
       r.failed,
       array_to_string(r.examples, ', ')                                        as examples,
       r.checked_at,
       case when not r.holds then coalesce(
           (select min(b.checked_at) from ops.check_result b
            where b.table_name = r.table_name and b.rule = r.rule and not b.holds
              and b.checked_at > coalesce((select max(h.checked_at) from ops.check_result h
                                           where h.table_name = r.table_name and h.rule = r.rule and h.holds),
                                          '-infinity')), r.checked_at) end      as failing_since,
       r.run_id
from ops.check_result r
join newest using (run_id);

comment on view mart.v_check_result is 'Проверки данных: одна строка на правило, по последнему запуску';
comment on column mart.v_check_result.table_name is 'Таблица, схема.имя';
comment on column mart.v_check_result.column_name is 'Колонка; пусто, если правило о строках или о таблице целиком';
comment on column mart.v_check_result.rule is 'Правило';
comment on column mart.v_check_result.kind is 'Вид: not_null, accepted, range, relation, row, freshness, reconciliation, distribution';
comment on column mart.v_check_result.severity is 'Важность: error — данным верить нельзя, warning — стоит посмотреть';
comment on column mart.v_check_result.says is 'Что должно выполняться, словами (англ.)';
comment on column mart.v_check_result.holds is 'Выполняется: failed = 0';
comment on column mart.v_check_result.checked is 'Проверено строк или сравнений, шт.';
comment on column mart.v_check_result.failed is 'Из них нарушают правило, шт.';
comment on column mart.v_check_result.examples is 'Ключи нескольких нарушений; телефонов и имён здесь не бывает';
comment on column mart.v_check_result.checked_at is 'Когда проверено, UTC';
comment on column mart.v_check_result.failing_since is 'С какой проверки правило не выполняется подряд, UTC; пусто, если выполняется';
comment on column mart.v_check_result.run_id is 'Запуск проверок';
