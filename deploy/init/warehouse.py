"""Makes the warehouse's database and brings it to the newest schema. May be run again at any time."""

from __future__ import annotations

import sys

import psycopg
from databases import administrator, ensure, secret

from obzvon.warehouse.migrate import migrate


def main() -> None:
    """Reads the secrets `warehouse_dsn`, `warehouse_password`, `warehouse_superuser_password`."""
    dsn = secret("warehouse_dsn")
    named = psycopg.conninfo.conninfo_to_dict(dsn)
    superuser = administrator(dsn, secret("warehouse_superuser_password"))
    # the migrating role may not make roles, so those of the readers are made here
    readers = ("obzvon_analyst", "obzvon_engineer")
    ensure(superuser, str(named["user"]), secret("warehouse_password"), str(named["dbname"]), readers)
    migrate(dsn)
    sys.stdout.write("the warehouse has the newest schema\n")


if __name__ == "__main__":
    main()
