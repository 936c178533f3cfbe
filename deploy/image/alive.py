"""Exit code 0 while a part of Airflow that has no web address does its work: alive.py TriggererJob, alive.py worker.

`airflow jobs check` and `celery inspect ping` say the same and cost ten times the CPU, because they import all of
Airflow, every minute in every container. Standard output names what was found; secrets are read from files.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

#: Airflow writes a heartbeat every 5 s; after so long nobody is there.
SILENT_SECONDS = 60
HEARTBEAT = """
select 1 from job where job_type = %s and hostname = %s and state = 'running'
and latest_heartbeat > now() - make_interval(secs => %s)
"""


def secret(name: str) -> str:
    """The text of a secret's file."""
    return (Path(os.environ.get("OBZVON_SECRET_FILES", "/run/secrets")) / name).read_text().strip()


def worker_answers(broker: str, host: str) -> bool:
    """True when the Celery worker of this host answers over the broker within 15 seconds."""
    from celery import Celery  # noqa: PLC0415 - the other check does not need it

    with Celery(broker=broker) as app:
        return bool(app.control.ping(destination=[f"celery@{host}"], timeout=15))


def job_beats(dsn: str, kind: str, host: str) -> bool:
    """True when a job of this kind on this host left a heartbeat within the last minute."""
    import psycopg  # noqa: PLC0415 - as above

    with psycopg.connect(dsn.replace("+psycopg2", ""), connect_timeout=10) as conn:
        return conn.execute(HEARTBEAT, (kind, host, SILENT_SECONDS)).fetchone() is not None


def main(kind: str) -> int:
    """1 when the part named by `kind`, `worker` or a job type of Airflow, gives no sign of life."""
    host = socket.gethostname()
    if kind == "worker":
        alive = worker_answers(secret("broker_url"), host)
    else:
        alive = job_beats(secret("metadata_dsn"), kind, host)
    sys.stdout.write(f"{kind} on {host} {'lives' if alive else 'gives no sign of life'}\n")
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
