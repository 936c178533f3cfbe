"""`python -m obzvon.warehouse.migrate DSN`: bring a warehouse to the newest schema."""

from __future__ import annotations

import sys

from obzvon.warehouse.db import migrate

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m obzvon.warehouse.migrate postgresql://user:password@host:port/warehouse")
    migrate(sys.argv[1])
