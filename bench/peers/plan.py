"""Scripts that decide whom to call: phone, consent, opt-outs, duplicates, caps. One zone, one purpose.

The past dials and opt-outs come from PostgreSQL by COPY, the decision goes back by COPY.
"""

from __future__ import annotations

import hmac
import io
import re
import time
from pathlib import Path
from typing import Any

import psycopg

CLEAN = re.compile(r"(?:\+7|8|7)?(9\d{9})")
CAPS = {"day": 2, "week": 4, "month": 8}
SUPPRESSED = "select distinct phone_key from ops.suppression where purpose in ('*', 'service')"
PAST = (
    "select phone_key, local_date, greatest(held, attempts) as dials from ops.attempt_reservation"
    " where purpose = 'service' and local_date >= date_trunc('month', '{day}'::date) - interval '6 days'"
)
LIST = dict.fromkeys(("phone", "contact_id", "name", "region", "consent", "document", "sum"), "varchar")
#: The rules in their order; `d`, `w` and `m` are dials of the day, the week and the month.
DECIDE = """
with keyed as (
    select l.*, p.phone_key from list l left join phones p on p.row_no = l.row_no
), used as (
    select phone_key, sum(dials) filter (where local_date = date '{day}') as d,
           sum(dials) filter (where date_trunc('week', local_date) = date_trunc('week', date '{day}')) as w,
           sum(dials) filter (where date_trunc('month', local_date) = date_trunc('month', date '{day}')) as m
    from past group by phone_key
), judged as (
    select k.*, case when k.phone_key is null then 'EXCL_INVALID'
                     when k.consent = '' or k.document = '' then 'EXCL_NO_CONSENT'
                     when s.phone_key is not null then 'EXCL_DNC' end as code
    from keyed k left join suppressed s on s.phone_key = k.phone_key
), ranked as (
    select *, row_number() over (partition by phone_key, code is null order by row_no) as place from judged
)
select r.row_no, r.contact_id, r.phone_key,
       case when r.code is not null then r.code
            when place > 1 then 'EXCL_DUPLICATE'
            when coalesce(u.d, 0) >= 1 then 'EXCL_DUPLICATE'
            when coalesce(u.d, 0) + 1 > {c_day} or coalesce(u.w, 0) + 1 > {c_week} or coalesce(u.m, 0) + 1 > {c_month}
            then 'EXCL_CAP' end as exclusion_code
from ranked r left join used u on u.phone_key = r.phone_key
"""


def canonical(written: str) -> str | None:
    """E.164 of a Russian mobile number: by an expression where it is clean, else by the library."""
    found = CLEAN.fullmatch(re.sub(r"[\s()\-]", "", written))
    if found:
        return f"+7{found[1]}"
    import phonenumbers

    try:
        number = phonenumbers.parse(written, "RU")
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else None


def by_pandas(dsn: str, folder: str, contacts: int, secret: str, call_date: str) -> dict[str, Any]:
    """All of it in frames."""
    import pandas as pd

    started = time.perf_counter()
    key, day = secret.encode(), pd.Timestamp(call_date)
    frame = pd.read_csv(Path(folder) / "list.csv", sep=";", dtype=str, keep_default_na=False)
    frame["row_no"] = range(1, len(frame) + 1)
    frame["phone_key"] = [_key(key, canonical(phone)) for phone in frame["Телефон"]]
    with psycopg.connect(dsn) as conn:
        suppressed = pd.read_csv(_copied(conn, SUPPRESSED), header=None)[0]
        past = pd.read_csv(_copied(conn, PAST.format(day=call_date)), header=None, names=["phone_key", "day", "dials"])
    past["day"] = pd.to_datetime(past["day"])
    week = past["day"].between(day - pd.Timedelta(days=day.weekday()), day + pd.Timedelta(days=6 - day.weekday()))
    month = (past["day"].dt.year == day.year) & (past["day"].dt.month == day.month)
    used = {
        name: past[mask].groupby("phone_key")["dials"].sum()
        for name, mask in (("day", past["day"] == day), ("week", week), ("month", month))
    }
    code = pd.Series(None, index=frame.index, dtype=object)
    code[frame["phone_key"].isna()] = "EXCL_INVALID"
    code[code.isna() & ((frame["Согласие"] == "") | (frame["Документ"] == ""))] = "EXCL_NO_CONSENT"
    code[code.isna() & frame["phone_key"].isin(suppressed)] = "EXCL_DNC"
    clear = frame[code.isna()]
    code[clear.index[clear["phone_key"].duplicated()]] = "EXCL_DUPLICATE"
    dials = {name: frame["phone_key"].map(sums).fillna(0) for name, sums in used.items()}
    code[code.isna() & (dials["day"] >= 1)] = "EXCL_DUPLICATE"
    for name, cap in CAPS.items():
        code[code.isna() & (dials[name] + 1 > cap)] = "EXCL_CAP"
    frame["exclusion_code"] = code
    text = io.StringIO()
    frame[["row_no", "Номер", "phone_key", "exclusion_code"]].to_csv(text, index=False, header=False)
    _stored(dsn, io.BytesIO(text.getvalue().encode()))
    return {"seconds": time.perf_counter() - started}


def by_duckdb(dsn: str, folder: str, contacts: int, secret: str, call_date: str) -> dict[str, Any]:
    """The list and the history in DuckDB, the decision in one query; only phones pass through Python."""
    import duckdb

    started = time.perf_counter()
    key, base = secret.encode(), Path(folder)
    with psycopg.connect(dsn) as conn:
        for name, query in (("suppressed", SUPPRESSED), ("past", PAST.format(day=call_date))):
            (base / f"{name}.csv").write_bytes(_copied(conn, query).getvalue())
    db = duckdb.connect()
    _read(
        db,
        "list",
        base / "list.csv",
        LIST,
        "header=true, delim=';', parallel=false",
        "row_number() over () as row_no, *",
    )
    _read(db, "suppressed", base / "suppressed.csv", {"phone_key": "varchar"})
    _read(db, "past", base / "past.csv", {"phone_key": "varchar", "local_date": "date", "dials": "integer"})
    keys = base / "phones.csv"
    with keys.open("w", encoding="utf-8") as out:
        cursor = db.execute("select row_no, phone from list")
        while rows := cursor.fetchmany(50_000):
            out.writelines(f"{row},{_key(key, canonical(phone)) or ''}\n" for row, phone in rows)
    _read(db, "phones", keys, {"row_no": "bigint", "phone_key": "varchar"})
    decide = DECIDE.format(day=call_date, c_day=CAPS["day"], c_week=CAPS["week"], c_month=CAPS["month"])
    db.execute(f"copy ({decide}) to '{base / 'decided.csv'}' (format csv, header false)")
    with (base / "decided.csv").open("rb") as stream:
        _stored(dsn, stream)
    return {"seconds": time.perf_counter() - started}


def _read(db: Any, table: str, file: Path, columns: dict[str, str], options: str = "", picked: str = "*") -> None:
    told = ", ".join(filter(None, (f"columns={columns}", options or "header=false")))
    db.execute(f"create table {table} as select {picked} from read_csv(?, {told})", [str(file)])


def _key(secret: bytes, phone: str | None) -> str | None:
    return None if phone is None else hmac.digest(secret, phone.encode(), "sha256").hex()


def _copied(conn: psycopg.Connection[Any], query: str) -> io.BytesIO:
    held = io.BytesIO()
    with conn.cursor() as cursor, cursor.copy(f"copy ({query}) to stdout (format csv)".encode()) as copy:
        for block in copy:
            held.write(block)
    held.seek(0)
    return held


def _stored(dsn: str, stream: Any) -> None:
    store = "copy plan_row from stdin (format csv)"
    with psycopg.connect(dsn) as conn, conn.cursor() as cursor, cursor.copy(store) as copy:
        while block := stream.read(1 << 20):
            copy.write(block)
