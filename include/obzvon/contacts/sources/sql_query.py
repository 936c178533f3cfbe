"""A query, read through a server-side cursor in a read-only transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import psycopg

from obzvon.contacts.sources.base import Opening, Source
from obzvon.contacts.sources.connections import Connections
from obzvon.contacts.table import Table
from obzvon.errors import ListError

_FETCH = 10_000


class SqlSource(Source):
    """A query over an Airflow connection of type postgres, read with a server-side cursor."""

    type: Literal["sql"]
    conn_id: str
    query: str

    def open(self, opening: Opening) -> AbstractContextManager[Table]:
        return open_sql(self, opening.connections)


@contextmanager
def open_sql(source: SqlSource, connections: Connections) -> Iterator[Table]:
    """The rows of the query, streaming. ListError: no connection to the database, a query it does not take."""
    place = f"query over connection {source.conn_id}"
    try:
        with psycopg.connect(connections.dsn(source.conn_id)) as connection:
            connection.read_only = True
            with connection.cursor("obzvon_contacts") as cursor:
                cursor.itersize = _FETCH
                cursor.execute(source.query.encode())
                columns = [column.name for column in cursor.description or ()]
                yield Table(place, columns, _rows(cursor))
    except psycopg.OperationalError as error:
        raise ListError(
            f"{place}: the database cannot be reached or gave up ({_state(error)}); check the connection and run again"
        ) from error
    except psycopg.Error as error:
        raise ListError(f"{place}: the query failed ({_state(error)}); correct `contacts.source.query`") from error


def _rows(cursor: psycopg.ServerCursor) -> Iterator[tuple[int, Sequence[object]]]:
    yield from enumerate(cursor, start=1)


def _state(error: psycopg.Error) -> str:
    """What the server calls the error. Its text is quoted only for faults of the query: others carry data."""
    state = error.sqlstate or ""
    said = error.diag.message_primary if state.startswith("42") else None
    return ": ".join(filter(None, (type(error).__name__, said)))
