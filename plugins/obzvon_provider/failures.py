"""How a stage's error reaches the person on call: one sentence, no values, retried only where a retry can help."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from obzvon.errors import (
    AuditError,
    AuthRefused,
    CanaryNotPassed,
    ConfigError,
    InDoubtError,
    KillSwitchOpen,
    ListError,
    NotApproved,
    ObzvonError,
    PlanChanged,
)

__all__ = ["one_sentence"]

log = logging.getLogger(__name__)

#: A second try without a person changes nothing.
NEEDS_A_PERSON = (
    ConfigError,
    ListError,
    AuthRefused,
    InDoubtError,
    KillSwitchOpen,
    PlanChanged,
    NotApproved,
    CanaryNotPassed,
    AuditError,
)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn the errors of Obzvon into failures of the task that say the sentence and nothing else.

    A database error is named by its SQLSTATE, table and constraint: its own text may hold the values of a row.
    """
    try:
        yield
    except NEEDS_A_PERSON as error:
        log.error("%s", error)  # a line of its own: the exception's stands above a traceback that helps nobody on call
        raise AirflowFailException(str(error)) from None
    except ObzvonError as error:
        log.error("%s", error)
        raise AirflowException(str(error)) from None
    except psycopg.Error as error:
        where = " ".join(filter(None, (error.diag.schema_name, error.diag.table_name, error.diag.constraint_name)))
        kind = type(error).__name__
        raise AirflowException(f"warehouse: {kind}, SQLSTATE {error.sqlstate or 'none'} {where}".strip()) from None
