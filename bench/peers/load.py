"""What a user would load the reports with instead. Each function loads one pull of each intent."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench.peers.calls import ATTEMPT, GOAL, TURN, key_of, reports

TARGETS = (
    ("dwh", "fact_call_attempt", ATTEMPT),
    ("dwh", "fact_dialog_goal", GOAL),
    ("pii", "dialog_turn", TURN),
)
TIE = ("source_updated_at", "row_hash")


def pandas_to_sql(dsn: str, archive: str, intents: Sequence[str], batch: str) -> dict[str, float]:
    """Frames into staging tables by `to_sql`, then one upsert a table."""
    import pandas as pd
    import sqlalchemy as sa

    started = time.perf_counter()
    engine = sa.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    described = _described(sa, engine)
    for tables in reports(dsn, archive, intents, batch):
        with engine.begin() as conn:
            for (schema, name, columns), rows in zip(TARGETS, tables, strict=True):
                if rows:
                    table = described[name]
                    dtype = {column: table.c[column].type for column in columns}
                    frame = pd.DataFrame(rows, columns=list(columns))
                    frame.to_sql(f"stage_{name}", conn, if_exists="replace", index=False, dtype=dtype)
                    conn.execute(sa.text(_upsert(schema, name, columns, key_of(dsn, f"{schema}.{name}"))))
    return _since(started)


def insertmanyvalues(dsn: str, archive: str, intents: Sequence[str], batch: str) -> dict[str, float]:
    """SQLAlchemy Core: INSERT … ON CONFLICT with many rows a statement."""
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql import insert

    started = time.perf_counter()
    engine = sa.create_engine(dsn.replace("postgresql://", "postgresql+psycopg2://"), insertmanyvalues_page_size=1000)
    described = _described(sa, engine)
    for tables in reports(dsn, archive, intents, batch):
        with engine.begin() as conn:
            for (schema, name, columns), rows in zip(TARGETS, tables, strict=True):
                if not rows:
                    continue
                statement, key = insert(described[name]), key_of(dsn, f"{schema}.{name}")
                new = {column: statement.excluded[column] for column in columns if column not in key}
                old = described[name].c
                statement = statement.on_conflict_do_update(index_elements=key, set_=new, where=_newer(sa, old, new))
                # without RETURNING this falls back to a statement a row
                conn.execute(statement.returning(described[name].c.vendor_call_id), rows)
    return _since(started)


def upsert_rows(dsn: str, archive: str, intents: Sequence[str], batch: str) -> dict[str, float]:
    """Airflow's PostgresHook, with the faster of its two ways: INSERT … ON CONFLICT of many rows a statement."""
    parts = urlsplit(dsn)
    host = parse_qs(parts.query)["host"][0].replace("/", "%2F")
    os.environ["AIRFLOW_CONN_BENCH"] = f"postgres://{parts.username}@{host}{parts.path}"
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    started = time.perf_counter()
    hook = PostgresHook(postgres_conn_id="bench")
    for tables in reports(dsn, archive, intents, batch):
        for (schema, name, columns), rows in zip(TARGETS, tables, strict=True):
            if rows:
                values = [tuple(row[column] for column in columns) for row in rows]
                key = key_of(dsn, f"{schema}.{name}")
                hook.upsert_rows(
                    f"{schema}.{name}", values, list(columns), key, commit_every=5000, fast_executemany=True
                )
    return _since(started)


def dlt_merge(dsn: str, archive: str, intents: Sequence[str], batch: str) -> dict[str, float]:
    """dlt's merge by upsert into tables of its own."""
    import dlt
    from dlt.destinations import postgres

    parts = urlsplit(dsn)
    database = parts.path.lstrip("/")
    folder = str(Path(archive).parent / f"dlt-{database}")
    # the socket's folder is libpq's `host`; dlt wants a password and a host of its own
    where = {"host": parse_qs(parts.query)["host"][0]}
    credentials = {
        "database": database,
        "username": parts.username,
        "password": "-",
        "host": "localhost",
        "query": where,
    }
    started = time.perf_counter()
    pipeline = dlt.pipeline(
        f"bench_{database}",
        destination=postgres(credentials),
        dataset_name="dlt",
        pipelines_dir=folder,
    )
    naive = {"local_started_at": {"data_type": "timestamp", "timezone": False}}
    for tables in reports(dsn, archive, intents, batch):
        resources = []
        for (schema, name, _), rows in zip(TARGETS, tables, strict=True):
            if rows:
                hints: dict[str, Any] = {
                    "name": name,
                    "primary_key": key_of(dsn, f"{schema}.{name}"),
                    "write_disposition": {"disposition": "merge", "strategy": "upsert"},
                    "columns": naive if name == "fact_call_attempt" else {},
                }
                resources.append(dlt.resource(rows, **hints))
        pipeline.run(resources).raise_on_failed_jobs()
    took = _since(started)
    if "dialog_turn" not in pipeline.default_schema.tables:
        _empty_turns(pipeline)
    return took


def _empty_turns(pipeline: Any) -> None:
    """A table without a single row is none to dlt; the others have it."""
    with pipeline.sql_client() as client:
        client.execute_sql(
            "create table if not exists dlt.dialog_turn (vendor_code text, vendor_call_id text, turn_no int, role text,"
            " start_sec numeric, end_sec numeric, text_redacted text)"
        )


def _since(started: float) -> dict[str, float]:
    """The job's seconds: importing is none of it."""
    return {"seconds": time.perf_counter() - started}


def _described(sa: Any, engine: Any) -> dict[str, Any]:
    metadata = sa.MetaData()
    return {name: sa.Table(name, metadata, schema=schema, autoload_with=engine) for schema, name, _ in TARGETS}


def _newer(sa: Any, old: Any, new: dict[str, Any]) -> Any:
    """Newest wins; of what has no age, what differs."""
    if "row_hash" not in new:
        return sa.or_(*(old[name].is_distinct_from(value) for name, value in new.items()))
    return sa.or_(
        old.source_updated_at < new["source_updated_at"],
        sa.and_(old.source_updated_at == new["source_updated_at"], old.row_hash != new["row_hash"]),
    )


def _upsert(schema: str, name: str, columns: Sequence[str], key: Sequence[str]) -> str:
    names, others = ", ".join(columns), [column for column in columns if column not in key]
    differs = " or ".join(f"f.{column} is distinct from excluded.{column}" for column in others)
    newer = (
        "f.source_updated_at < excluded.source_updated_at"
        " or f.source_updated_at = excluded.source_updated_at and f.row_hash <> excluded.row_hash"
    )
    return (
        f"insert into {schema}.{name} as f ({names}) select {names} from stage_{name}"
        f" on conflict ({', '.join(key)}) do update set {', '.join(f'{c} = excluded.{c}' for c in others)}"
        f" where {newer if 'row_hash' in columns else differs}"
    )
