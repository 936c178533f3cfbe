"""The warehouse: reached, migrated, in UTC, on time, with its roles, its months and the secret of its keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
from alembic.script import ScriptDirectory

from obzvon.doctor.deployment import Deployment, Finding
from obzvon.ledger.key_guard import check_secret
from obzvon.warehouse.migrate import MIGRATIONS, schema_is_current
from obzvon.warehouse.partitions import missing_months
from obzvon.warehouse.readers import READS

__all__ = ["clock", "migrations", "months", "reached", "roles", "secret", "zones"]

MIGRATE = "python -m obzvon.warehouse.migrate DSN"
SECONDS_APART = 5.0
LEAST_SECRET = 32
#: Fewer different characters than that are a word or a pattern, and no secret.
LEAST_LETTERS = 10
SCHEMAS = ("ops", "pii", "dwh", "mart")

_VERSION = "select version_num from ops.schema_version"
_ROLES = "select rolname from pg_roles where rolname = any(%s)"
_READS = "select n, has_schema_privilege(%s, n, 'usage') from unnest(%s::text[]) n order by 1"
_OURS = "select n from unnest(%s::text[]) n where not has_schema_privilege(n, 'create') order by 1"
_PLANNED = """
select distinct date_trunc('month', call_date)::date from ops.campaign_plan p
where exists (select from ops.campaign_intent i where i.plan_id = p.plan_id
              and i.state not in ('final', 'final_partial', 'cancelled'))
"""


def reached(at: Deployment) -> Iterator[Finding]:
    """Whether anybody answers."""
    try:
        at.connect().close()
    except psycopg.Error as error:
        said = f"SQLSTATE {error.sqlstate}" if error.sqlstate else "no answer"
        yield Finding(
            "warehouse", f"it does not let us in: {type(error).__name__}, {said}",
            "start the server; correct address, user and password of connection warehouse_default (--dsn here)",
        )  # fmt: skip


def migrations(at: Deployment) -> Iterator[Finding]:
    """The schema is the newest, and nobody changed it by hand."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    with at.connect() as conn:
        ((there,),) = conn.execute("select to_regclass('ops.schema_version') is not null").fetchall()
        version = conn.execute(_VERSION).fetchone() if there else None
    if version is None:
        yield Finding("migrations", "the database has no tables of Obzvon", f"run `{MIGRATE}`")
    elif version[0] != head:
        yield Finding("migrations", f"the schema is at {version[0]}, this Obzvon needs {head}", f"run `{MIGRATE}`")
    elif not schema_is_current(at.dsn):
        yield Finding(
            "migrations", "tables differ from those of this version: somebody changed them by hand",
            "compare with docs/data-dictionary.md and undo the change, or restore a backup",
        )  # fmt: skip


def zones(at: Deployment) -> Iterator[Finding]:
    """Everybody's default is UTC: dates of other clients of the warehouse, and schedules of Airflow."""
    with at.connect() as conn:
        ((zone, name),) = conn.execute("select current_setting('TimeZone'), current_database()").fetchall()
    if zone not in {"UTC", "Etc/UTC", "GMT"}:
        yield Finding(
            "time zones", f"sessions of the warehouse begin in time zone {zone}: dates in reports of others shift",
            f"alter database {name} set timezone = 'UTC' (and `alter role … reset timezone` where a role has its own)",
        )  # fmt: skip
    airflow = at.environment.get("AIRFLOW__CORE__DEFAULT_TIMEZONE", "utc")
    if airflow.lower() not in {"utc", "etc/utc"}:
        yield Finding(
            "time zones", f"Airflow's default time zone is {airflow}: schedules without a zone of their own shift",
            "set AIRFLOW__CORE__DEFAULT_TIMEZONE=utc, or remove it; campaign files name their zone",
        )  # fmt: skip


def clock(at: Deployment) -> Iterator[Finding]:
    """This machine and the database agree on the time: calling hours are judged by it."""
    with at.connect() as conn:
        before = at.now()
        ((theirs,),) = conn.execute("select clock_timestamp()").fetchall()
        after = at.now()
    apart = max(before - theirs, theirs - after, timedelta(0)).total_seconds()
    if apart > SECONDS_APART:
        yield Finding(
            "clock", f"this machine and the database are {apart:.0f} s apart",
            "synchronise both by NTP (timedatectl set-ntp true); calling hours are judged by these clocks",
        )  # fmt: skip


def roles(at: Deployment) -> Iterator[Finding]:
    """Readers may read what is theirs and nothing else; the pipeline may make partitions."""
    with at.connect() as conn:
        there = {role for (role,) in conn.execute(_ROLES, [list(READS)])}
        for role, schemas in READS.items():
            if role not in there:
                yield Finding("roles", f"role {role} is missing", f"run `create role {role} nologin`, then `{MIGRATE}`")
                continue
            may: dict[str, bool] = dict(conn.execute(_READS, [role, list(SCHEMAS)]).fetchall())
            if lacks := [schema for schema in schemas if not may[schema]]:
                yield Finding(
                    "roles", f"{role} may not read {', '.join(lacks)}", f"run `{MIGRATE}`: it grants the rights"
                )
            if more := [schema for schema in SCHEMAS if may[schema] and schema not in schemas]:
                yield Finding(
                    "roles", f"{role} may read {', '.join(more)}, which is not its schema",
                    f"run `{MIGRATE}`: it takes the rights away; then find out who granted them",
                )  # fmt: skip
        if closed := [schema for (schema,) in conn.execute(_OURS, [list(SCHEMAS)])]:
            yield Finding(
                "roles", f"this user may not create in {', '.join(closed)}, so it cannot make the months' partitions",
                "let tasks connect as the user who migrates, or grant create on these schemas to it",
            )  # fmt: skip


def months(at: Deployment) -> Iterator[Finding]:
    """Partitions of what is being called now, and none that stands detached."""
    with at.connect() as conn:
        planned = [month for (month,) in conn.execute(_PLANNED)]
        if lacking := sorted({month for _, _, month in missing_months(conn, planned)}):
            named = ", ".join(f"{month:%Y-%m}" for month in lacking)
            yield Finding(
                "months", f"plans that are under way have no partitions for {named}: their results cannot be loaded",
                "grant the tasks' user create on schemas dwh and pii; the next load makes the partitions",
            )  # fmt: skip


def secret(at: Deployment) -> Iterator[Finding]:
    """The key of the phones: there, no pattern, and the one that the stored keys were made with."""
    cure = "set Variable obzvon_phone_secret (OBZVON_PHONE_SECRET here) to the secret of this warehouse"
    if not at.secret:
        yield Finding("phone secret", "it is missing", f"{cure}; a new house takes 32 or more random characters")
        return
    if len(at.secret) < LEAST_SECRET or len(set(at.secret)) < LEAST_LETTERS:
        yield Finding(
            "phone secret", "it is short or a pattern: the phones could be found out from their keys",
            "`obzvon rotate-phone-key` makes a random one; a house without plans may simply take another",
        )  # fmt: skip
    with at.connect() as conn:
        check_secret(conn, at.secret)
