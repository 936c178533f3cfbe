"""Plans a CSV list in a process of its own and prints what it took: `plan_a_list.py DSN FOLDER`.

The peak is this process's own high-water mark: `ru_maxrss` of a child starts at what its parent held.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the idle interpreter's peak is taken from this module
    import psycopg


def peak_kib() -> int:
    """Most memory this process has held, in KiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


class NoConnections:
    """A CSV list needs none."""

    def dsn(self, conn_id: str) -> str:
        raise AssertionError(conn_id)

    def endpoint(self, conn_id: str) -> Any:
        raise AssertionError(conn_id)


def cpu_seconds(conn: psycopg.Connection) -> float:
    """What this process and its database session have worked."""
    import psutil

    session = psutil.Process(conn.info.backend_pid).cpu_times()
    return time.process_time() + session.user + session.system


def main(dsn: str, folder: Path) -> dict[str, float]:
    """Plan `list.csv` of the folder for the Friday of the tests."""
    sys.path.append(str(Path(__file__).parents[1]))
    from plan_lists import EVE, FRIDAY, SECRET, campaign
    from policies import relaxed

    from obzvon.contacts.prepare import prepared
    from obzvon.stages.plan import plan
    from obzvon.warehouse.db import connect

    spec = campaign(
        contacts={
            "source": {"type": "csv", "path": "list.csv"},
            "columns": {"phone": "Телефон", "full_name": "ФИО", "region": "Регион", "contact_id": "Номер"},
        },
        variables={"sum": {"column": "Сумма", "type": "number"}, "name": {"column": "ФИО"}},
    )
    policy = relaxed()
    with connect(dsn) as conn:
        summary = plan(conn, spec, policy, FRIDAY, now=EVE, chunks=prepared(spec, folder, NoConnections(), SECRET))
        worked = cpu_seconds(conn)
    counts = {"total": summary.contacts_total, "to_call": summary.contacts_to_call, "batches": len(summary.batches)}
    return {**counts, "cpu_seconds": worked}


if __name__ == "__main__":
    print(json.dumps({**main(sys.argv[1], Path(sys.argv[2])), "peak_kib": peak_kib()}))
