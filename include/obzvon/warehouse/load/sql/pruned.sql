-- Of results and turns that came more than once for a call, those of an attempt's older row go.
insert into older_row select seq from staged_attempt except all select seq from matched;

delete from staged_result s using older_row o where s.seq = o.seq;

delete from staged_turn s using older_row o where s.seq = o.seq;
