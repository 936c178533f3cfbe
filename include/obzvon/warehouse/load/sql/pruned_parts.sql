-- Of what is left, where parts came: a part's before the attempt's own, the last one to arrive before earlier ones.
delete from staged_result s
using staged_result better
where better.vendor_call_id = s.vendor_call_id and better.name = s.name
  and (better.is_part, better.seq) > (s.is_part, s.seq);

delete from staged_turn s
using (
    select distinct on (vendor_call_id) vendor_call_id, is_part, seq
    from staged_turn
    order by vendor_call_id, is_part desc, seq desc
) best
where best.vendor_call_id = s.vendor_call_id and (best.is_part, best.seq) <> (s.is_part, s.seq);
