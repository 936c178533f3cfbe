"""What a failed task says: one sentence, never the values of a row."""

from __future__ import annotations

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from obzvon.errors import ListError, NotSent
from obzvon_provider.failures import one_sentence


def test_what_needs_a_person_is_not_retried() -> None:
    with pytest.raises(AirflowFailException, match=r"^no column$"), one_sentence():
        raise ListError("no column")


def test_what_may_pass_is_retried() -> None:
    with pytest.raises(AirflowException) as caught, one_sentence():
        raise NotSent("twin", "create task", "connection refused")
    assert not isinstance(caught.value, AirflowFailException)
    assert str(caught.value) == "twin: create task: connection refused"


def test_a_database_error_is_named_without_the_row(conn: psycopg.Connection) -> None:
    insert = "insert into pii.phone (phone_key, phone_e164) values (%s, '+79161234567')"
    conn.execute(insert, ("a" * 64,))
    with pytest.raises(AirflowException) as caught, one_sentence():
        conn.execute(insert, ("b" * 64,))
    assert str(caught.value) == "warehouse: UniqueViolation, SQLSTATE 23505 pii phone uq_phone_phone_e164"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
