"""The registers by their commands: what is stored, that it is stored once, what is not used and why."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from plan_lists import SECRET

from obzvon.contacts.phones import Reason
from obzvon.ledger.keys import phone_key
from obzvon.stages.register_cures import CURES
from obzvon.stages.register_rows import RowReason
from obzvon.stages.registers import Fields, add_consents, add_suppressions, consents_of

ONE, TWO = "+79161234567", "+79161234568"
Obzvon = Any


def key(phone: str) -> str:
    return phone_key(SECRET, phone)


def entries(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    query = "select phone_key, purpose, reason, source, evidence_ref, valid_from, valid_to from ops.suppression"
    found = conn.execute(query + " order by purpose, source, phone_key").fetchall()
    conn.commit()
    return found


def holds(conn: psycopg.Connection, phone: str, purpose: str) -> bool:
    query = """select exists (select from ops.suppression where phone_key = %s and purpose in ('*', %s)
               and valid_from <= now() and (valid_to is null or valid_to > now()))"""
    found = conn.execute(query, (key(phone), purpose)).fetchone() == (True,)
    conn.commit()
    return found


def test_a_phone_is_suppressed_once_lifted_and_suppressed_again(obzvon: Obzvon, conn: psycopg.Connection) -> None:
    add = ("suppress", "add", "--phone", "8 (916) 123-45-67", "--reason", "complaint", "--source", "operator")
    assert "1 entries new" in obzvon(*add).stdout
    first = entries(conn)
    assert [row[:5] for row in first] == [(key(ONE), "*", "complaint", "operator", None)]
    assert "0 entries new, 0 changed" in obzvon(*add).stdout
    assert entries(conn) == first
    assert holds(conn, ONE, "debt")

    lifted = obzvon("suppress", "lift", "--phone", ONE, "--reason", "wrote again")
    assert "1 closed" in lifted.stdout
    assert [row[2] for row in entries(conn)] == ["complaint; lifted: wrote again"]
    assert not holds(conn, ONE, "debt")
    assert "0 closed" in obzvon("suppress", "lift", "--phone", ONE, "--reason", "wrote again").stdout

    assert "1 changed" in obzvon(*add).stdout
    assert holds(conn, ONE, "debt")
    listed = obzvon("suppress", "list", "--phone", ONE).stdout.split()
    assert listed[:8] == ["purpose", "reason", "source", "from", "until", "evidence", "phone", "holds"]
    assert listed[-2:] == ["this", "yes"]


def test_only_its_own_name_lifts_an_erasure(obzvon: Obzvon, conn: psycopg.Connection) -> None:
    obzvon("suppress", "add", "--phone", ONE, "--reason", "asked for erasure", "--source", "erasure")
    assert "0 closed" in obzvon("suppress", "lift", "--phone", ONE, "--reason", "mistake").stdout
    assert "1 closed" in obzvon("suppress", "lift", "--phone", ONE, "--reason", "mistake", "--source", "erasure").stdout


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8-sig", ","), ("cp1251", ";"), ("utf-8", "\t")])
def test_a_file_is_stored_as_it_says_and_bad_rows_are_counted(
    obzvon: Obzvon, conn: psycopg.Connection, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    rows = [
        ("Телефон", "purpose", "to", "Причина"),
        ("8 916 123-45-67", "debt", "2999-12-31", "жалоба"),
        ("9161234568", "", "", ""),
        ("12", "debt", "", "жалоба"),
        ("89161234569", "sales", "", "жалоба"),
        ("89161234569", "debt", "soon", "жалоба"),
        ("+7 916 123 45 67", "debt", "31.12.2999", "жалоба повторно"),
    ]
    file = tmp_path / "list.csv"
    file.write_bytes("\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    command = (
        "suppress", "add", "--file", file, "--column", "phone=Телефон", "--column", "reason=Причина",
        "--reason", "list of May", "--purpose", "survey", "--evidence", "mail 7", "--from", "2026-01-01",
    )  # fmt: skip
    done = obzvon(*command)
    assert done.returncode == 1
    assert "6 rows read: 2 entries new" in done.stdout
    for line in ("3 rows not used", "short_number: 1, rows 3", "unknown_purpose: 1, rows 4", "bad_date: 1, rows 5"):
        assert line in done.stdout
    stored = entries(conn)
    assert [row[:5] for row in stored] == [
        (key(ONE), "debt", "жалоба повторно", "crm", "mail 7"),
        (key(TWO), "survey", "list of May", "crm", "mail 7"),
    ]
    # days are Moscow's, the last one included
    assert f"{stored[0][5]:%F %R} {stored[0][6]:%F %R}" == "2025-12-31 21:00 2999-12-31 21:00"
    assert stored[1][6] is None
    assert "0 entries new, 0 changed, 0 closed" in obzvon(*command).stdout
    assert entries(conn) == stored


def test_a_consent_is_noted_withdrawn_and_then_nobody_calls(obzvon: Obzvon, conn: psycopg.Connection) -> None:
    add = ("consent", "add", "--phone", ONE, "--purpose", "service", "--given-on", "2026-05-01", "--proof", "form 8")
    assert "1 entries new" in obzvon(*add).stdout
    assert "0 entries new, 0 changed" in obzvon(*add).stdout
    assert obzvon("consent", "list", "--phone", ONE).stdout.split()[-1] == "yes"

    done = obzvon("consent", "withdraw", "--phone", ONE, "--purpose", "service", "--evidence", "letter 3").stdout
    assert "1 entries new, 0 changed, 1 closed" in done
    assert obzvon("consent", "list", "--phone", ONE).stdout.split()[-1] == "no"
    assert holds(conn, ONE, "service")
    assert not holds(conn, ONE, "debt")
    again = obzvon("consent", "withdraw", "--phone", ONE, "--purpose", "service", "--evidence", "letter 3").stdout
    assert "0 entries new, 0 changed, 0 closed" in again

    later = ("consent", "add", "--phone", ONE, "--purpose", "service", "--given-on", "2026-06-01", "--proof", "form 9")
    assert "1 of the phones are suppressed" in obzvon(*later).stdout
    assert holds(conn, ONE, "service")


def test_what_is_missing_comes_with_its_cure(obzvon: Obzvon, conn: psycopg.Connection) -> None:
    done = obzvon("suppress", "add", "--phone", ONE)
    assert done.returncode == 1
    assert "no_reason: 1, rows 1: say why by --reason, or fill the column of the reason" in done.stdout
    done = obzvon("consent", "add", "--phone", ONE, "--given-on", "2026-05-01")
    assert "no_evidence: 1, rows 1: say where the proof is by --proof" in done.stdout
    assert entries(conn) == []


def test_every_reason_has_a_cure() -> None:
    assert set(CURES) == {*Reason, *RowReason}


WRONG: list[tuple[tuple[str, ...], str]] = [
    (("suppress", "add", "--reason", "x"), "give either --phone or --file"),
    (("suppress", "add", "--phone", "123", "--reason", "x"), "--phone is not a Russian phone that could be called"),
    (("suppress", "add", "--phone", ONE, "--purpose", "sales"), "--purpose is one of"),
    (("suppress", "add", "--file", "/nowhere.csv"), "/nowhere.csv: cannot be read (No such file"),
    (("suppress", "add", "--phone", ONE, "--column", "telefon"), "--column is <field>=<column of the file>"),
    (("consent", "list"), "give --phone"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_what_is_wrong_is_one_sentence(obzvon: Obzvon, arguments: tuple[str, ...], said: str) -> None:
    done = obzvon(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Obzvon: {said}")
    assert done.stderr.count("\n") == 1


def test_a_missing_column_names_those_there_are(obzvon: Obzvon, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("tel;why\n", encoding="utf-8")
    assert (
        "no column 'phone'; say which it is by --column phone=…; there are: tel, why"
        in obzvon("suppress", "add", "--file", file, "--reason", "x").stderr
    )


def test_rows_without_what_is_needed_are_not_used(warehouse_dsn: str, tmp_path: Path) -> None:
    fields = Fields(needs=frozenset({"evidence", "from"}), past=True)
    file = tmp_path / "list.csv"
    lines = [
        "phone,proof,from,to",
        f"{ONE},,2026-01-01,",
        f"{ONE},p,,",
        f"{ONE},p,2999-01-01,",
        f"{ONE},p,2026-02-02,2026-02-01",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    columns = {**Fields().columns, "evidence": "proof"}
    kept = add_consents(warehouse_dsn, file, Fields(columns=columns, needs=fields.needs, past=True), secret=SECRET)
    assert {reason: bad.rows for reason, bad in kept.bad.items()} == {
        "no_evidence": [1], "no_from": [2], "not_given_yet": [3], "ends_before_it_begins": [4],
    }  # fmt: skip
    assert consents_of(warehouse_dsn, ONE, secret=SECRET) == []


def test_memory_does_not_grow_with_the_file(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> None:
    """In a process of its own, where the peak is the peak of this alone."""
    peaks = [_peak(warehouse_dsn, tmp_path, rows) for rows in (40_000, 120_000)]
    assert peaks[1] - peaks[0] < 16
    assert conn.execute("select count(*) from ops.suppression").fetchone() == (120_000,)


MEASURED = """
import resource, sys
from pathlib import Path
from obzvon.stages.registers import Fields, add_suppressions
add_suppressions(sys.argv[1], Path(sys.argv[2]), Fields(reason="x"), secret=sys.argv[3].encode())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def _peak(dsn: str, folder: Path, rows: int) -> float:
    """MiB."""
    file = folder / f"{rows}.csv"
    file.write_text("phone\n" + "".join(f"+7916{n:07d}\n" for n in range(rows)), encoding="utf-8")
    command = [sys.executable, "-c", MEASURED, dsn, str(file), SECRET.decode()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return float(done.stdout)


def test_another_secret_is_refused(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    from obzvon.errors import ConfigError

    conn.execute("insert into pii.phone (phone_key, phone_e164) values (%s, %s)", (key(ONE), ONE))
    conn.commit()
    with pytest.raises(ConfigError, match="the secret of the phone keys"):
        add_suppressions(warehouse_dsn, ONE, Fields(reason="x", since=date(2026, 1, 1)), secret=b"another")
