"""Makes Airflow's database, brings it to the newest schema and makes the first administrator. May be run again."""

from __future__ import annotations

import os
import sys

import psycopg
from databases import administrator, ensure, secret


def airflow(*arguments: str) -> None:
    """A command of Airflow in this process: a password in its arguments is in no list of processes."""
    # imported late: Airflow connects while it is imported, and its database may have been made a moment ago
    from airflow.__main__ import main as command  # noqa: PLC0415

    sys.argv = ["airflow", *arguments]
    command()


def main() -> None:
    """Reads OBZVON_ADMIN and the secrets `metadata_dsn`, `metadata_password`, `metadata_superuser_password`,
    `admin_password`."""
    name = os.environ.get("OBZVON_ADMIN")
    if not name:
        raise SystemExit("Obzvon: set OBZVON_ADMIN to the login of the first administrator")
    dsn = secret("metadata_dsn")
    named = psycopg.conninfo.conninfo_to_dict(dsn.replace("+psycopg2", ""))
    superuser = administrator(dsn, secret("metadata_superuser_password"))
    ensure(superuser, str(named["user"]), secret("metadata_password"), str(named["dbname"]))
    airflow("db", "migrate")
    # a user of that name stays as it is, its password too
    who = ["--username", name, "--firstname", name, "--lastname", "-", "--email", f"{name}@obzvon.invalid"]
    airflow("users", "create", *who, "--role", "Admin", "--password", secret("admin_password"))


if __name__ == "__main__":
    main()
