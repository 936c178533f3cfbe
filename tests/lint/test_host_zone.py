"""Windows and openings are the same on a host of any time zone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from policies import SHIPPED

#: Every purpose on working days, days off, a regional one, the turn of the year, at each zone, at moments around each
#: window's ends; run by a process whose host zone is the test's.
SCRIPT = """
import json, sys, time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from obzvon.campaigns.spec import Purpose, Window
from obzvon.ledger.keys import ALL_OFFSETS
from obzvon.policy.lint import check_call_date
from obzvon.errors import PolicyError
from obzvon.policy.model import load_policy
from obzvon.policy.windows import Closed, opening_or_next, window_faults

policy = load_policy(Path(sys.argv[1]))
days = [date(2026, 11, 20), date(2026, 11, 21), date(2026, 5, 27), date(2026, 12, 31), date(2027, 2, 20)]
windows = [None, {"from": "12:00", "to": "17:00"}, {"from": "12:00", "to": "19:59", "dayoff": "closed"},
           {"from": "09:01:40", "to": "21:56:40"}]
windows = [said and Window.model_validate(said) for said in windows]
zones = [(offset,) for offset in ALL_OFFSETS] + [(540, 600), ALL_OFFSETS]

def refused(day, now):
    try:
        check_call_date(day, now)
    except PolicyError:
        return True
    return False

answers = []
for purpose in Purpose:
    for window in windows:
        answers.append(window_faults(policy, purpose, window))
        for day in days:
            for number, hours in enumerate(range(-12, 37, 3)):
                now = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours, seconds=1)
                answers.append(refused(day, now))
                for offsets in zones:
                    found, on = opening_or_next(policy, purpose, day, offsets, window, now=now, min_minutes_left=30,
                                                when_late=("refuse", "next_day")[number % 2])
                    said = [found] if isinstance(found, Closed) else [found.starts_at, found.ends_at, found.local_from,
                                                                      found.local_to]
                    answers.append([str(on), *map(str, said)])
print(json.dumps({"host": time.tzname[0], "answers": answers}))
"""


def asked(zone: str) -> dict[str, object]:
    """The script's answers on a host of this zone."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(SHIPPED)],
        env=os.environ | {"TZ": zone}, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_hosts_time_zone_changes_nothing() -> None:
    utc, tokyo = asked("UTC"), asked("Asia/Tokyo")
    assert (utc["host"], tokyo["host"]) == ("UTC", "JST")
    answers = utc["answers"]
    assert isinstance(answers, list)
    assert len(answers) == 4 * 4 * (1 + 5 * 17 * (1 + 13))
    kinds = {answer[1] for answer in answers if isinstance(answer, list) and answer and isinstance(answer[0], str)}
    assert {"window_over", "day_off_closed", "unknown_zone"} < kinds  # and moments: both outcomes were asked for
    assert any(kind.startswith("2026-11-") for kind in kinds)
    assert tokyo["answers"] == answers
