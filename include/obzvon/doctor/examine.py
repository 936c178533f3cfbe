"""All checks, one after the other: a check that cannot go on is a finding too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg

from obzvon.doctor import files, house, outside
from obzvon.doctor.deployment import Deployment, Finding
from obzvon.errors import ObzvonError

__all__ = ["CHECKS", "examine"]

Check = Callable[[Deployment], Iterator[Finding]]
#: What to do about a check's own error, whose sentence says what is wrong.
CURES = {
    "months": "run the statement; a partition that stands by itself is written by nobody",
    "phone secret": "set Variable obzvon_phone_secret (OBZVON_PHONE_SECRET here) to the secret of this warehouse",
    "policy": "correct the policy file; docs/campaign-file.md and the shipped policy.yaml say what it holds",
}
CURE = "correct what the sentence names, and look again"

CHECKS: dict[str, Check] = {
    "warehouse": house.reached,
    "migrations": house.migrations,
    "time zones": house.zones,
    "clock": house.clock,
    "roles": house.roles,
    "months": house.months,
    "phone secret": house.secret,
    "archive": files.archive,
    "disk": files.disk,
    "policy": files.policy,
    "calendar": files.calendar,
    "campaigns": files.campaigns,
    "settings": files.settings,
    "connections": outside.connections,
    "webhooks": outside.webhooks,
    "vendor clocks": outside.vendor_clocks,
    "airflow": outside.airflow,
    "pools": outside.pools,
}
#: These need the warehouse; where it is not reached they would only say so again.
OF_THE_WAREHOUSE = frozenset({"migrations", "time zones", "clock", "roles", "months", "phone secret"})


def examine(deployment: Deployment) -> list[Finding]:
    """What is wrong, in the order of the checks; nothing where all is well. Changes nothing."""
    found: list[Finding] = []
    for name, check in CHECKS.items():
        if name in OF_THE_WAREHOUSE and any(finding.where == "warehouse" for finding in found):
            continue
        try:
            found += check(deployment)
        except ObzvonError as error:
            found.append(Finding(name, str(error), CURES.get(name, CURE)))
        except psycopg.Error as error:
            said = f"SQLSTATE {error.sqlstate}" if error.sqlstate else "no answer"
            found.append(
                Finding(name, f"the warehouse refuses the question: {type(error).__name__}, {said}",
                        "give this user the rights of the pipeline's own, and look again")
            )  # fmt: skip
    return found
