"""The inbox of events forgets: what it holds is personal, and it is no archive."""

from __future__ import annotations

import psycopg

__all__ = ["SETTLED_DAYS", "UNUSED_DAYS", "forget"]

#: So long the inbox remembers what it had, days: bodies that come again are known by it, TWIN repeats for one day.
SETTLED_DAYS = 3
#: So long it keeps what nobody could use, days: a person may want to see it.
UNUSED_DAYS = 30

_FORGET = """
delete from pii.vendor_event
where outcome in ('archived', 'told', 'erased') and received_at < now() - make_interval(days => %s)
   or outcome in ('broken', 'unknown_task') and received_at < now() - make_interval(days => %s)
"""


def forget(conn: psycopg.Connection) -> int:
    """Delete what has had its time; how many events. What waits to be moved stays, however old."""
    return conn.execute(_FORGET, (SETTLED_DAYS, UNUSED_DAYS)).rowcount
