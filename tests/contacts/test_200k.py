"""A long list is read and prepared in bounded memory and time.

Measured in a process of its own, whose peak no other test has raised. The time is the processor's, so that a busy
machine fails nobody; the ceilings are several times what was measured.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from contact_lists import write_csv

CONTACTS = 200_000
MEBIBYTES_ABOVE_IDLE = 400
PROCESSOR_SECONDS = 30

MEASURE = """
import re, sys, time
from pathlib import Path
from contact_lists import Fixed, campaign
from obzvon.contacts.numbering import numbering_plan
from obzvon.contacts.prepare import prepared

spec = campaign({"type": "csv", "path": "list.csv"}, variables={"debt": {"column": "Долг", "type": "number"}})
numbering_plan()
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
idle, began = peak(), time.process_time()
rows = sum(len(chunk) for chunk in prepared(spec, Path(sys.argv[1]), Fixed(), b"secret"))
print(rows, peak() - idle, time.process_time() - began)
"""


def long_list() -> list[tuple[str, str, str, str]]:
    """Every tenth phone is written in a way that only the slow path reads."""
    chance = random.Random(1)
    forms = ["8{}", "+7{}", "{}"] * 3 + ["+7{} доб. 1"]
    regions = ("г. Москва", "Свердловская обл.", "", "Саха /Якутия/ Респ")
    return [
        (forms[n % 10].format(f"943{n:07d}"), "Пример Анна Петровна", chance.choice(regions), "1 234,56")
        for n in range(CONTACTS)
    ]


def test_200_000_contacts_take_bounded_memory_and_time(tmp_path: Path) -> None:
    write_csv(tmp_path / "list.csv", [("Телефон", "ФИО", "Регион", "Долг"), *long_list()], "cp1251")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows, mebibytes, seconds = (float(word) for word in done.stdout.split())
    assert rows == CONTACTS
    assert mebibytes < MEBIBYTES_ABOVE_IDLE
    assert seconds < PROCESSOR_SECONDS
