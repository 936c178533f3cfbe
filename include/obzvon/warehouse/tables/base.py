"""What every table is made with."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP

#: States of an intent; the order is the life of one (design, decision 4).
INTENT_STATES = (
    "planned",
    "sending",
    "created",
    "in_doubt",
    "refused",
    "running",
    "collecting",
    "final",
    "final_partial",
    "cancelled",
)
PURPOSES = ("advertising", "service", "debt", "survey")
DISPOSITION_GROUPS = ("NOT_DIALED", "NOT_CONNECTED", "MACHINE", "HUMAN", "PENDING", "UNKNOWN")

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

C = sa.Column
KEY = sa.CHAR(64)
MOMENT = TIMESTAMP(timezone=True)
NOW = sa.text("now()")
#: How the big facts are cut: see `obzvon.warehouse.partitions`.
BY_MONTH = "RANGE (call_month)"
FIRST_OF_MONTH = "extract(day from call_month) = 1"


def one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(repr(v) for v in values)})"
