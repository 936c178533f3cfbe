"""The generated pages are as the warehouse is."""

from __future__ import annotations

from pathlib import Path

import psycopg

from obzvon.warehouse.dictionary import dictionary, model, with_model

DOCS = Path(__file__).resolve().parents[2] / "docs"
CURE = "out of date: run `python -m obzvon dictionary` and commit docs"


def test_the_data_dictionary_is_current(conn: psycopg.Connection) -> None:
    assert (DOCS / "data-dictionary.md").read_text(encoding="utf-8") == dictionary(conn), CURE


def test_the_picture_of_the_model_is_current() -> None:
    page = DOCS / "analysts.md"
    assert "erDiagram" in page.read_text(encoding="utf-8")
    assert with_model(page) == page.read_text(encoding="utf-8"), CURE


def test_the_picture_has_every_table_of_the_warehouse_with_its_keys() -> None:
    said = model()
    assert "char_64 row_hash" in said
    assert 'dim_contact ||--o{ fact_call_attempt : "contact_key"' in said
    assert "text vendor_call_id PK, FK" in said


def test_a_comment_with_a_bar_stays_in_its_cell(conn: psycopg.Connection) -> None:
    conn.execute("comment on column mart.v_plan.plan_id is 'a | b'")
    assert "| `plan_id` | character(64) | a \\| b |" in dictionary(conn)
