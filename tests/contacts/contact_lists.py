"""Lists as people export them, and the campaigns that read them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.read import read
from obzvon.contacts.sources.connections import Connections, Endpoint

HEADER = ("Телефон", "ФИО", "Регион", "Долг")
ROWS = (
    ("8 (943) 123-45-01", "Пример Анна", "г. Москва", "1 200,50"),
    ("+7 943 123-45-02", "Образец; Борис, «мл.»", "Омская обл.", "0"),
    ("", "Выдумка\nВера", "", ""),
)


class Fixed:
    """Connections that a test knows."""

    def __init__(self, dsn: str = "", endpoint: Endpoint | None = None) -> None:
        self._dsn, self._endpoint = dsn, endpoint

    def dsn(self, conn_id: str) -> str:
        return self._dsn

    def endpoint(self, conn_id: str) -> Endpoint:
        assert self._endpoint
        return self._endpoint


def campaign(source: dict[str, Any], **changes: Any) -> CampaignSpec:
    """A campaign over a source with the columns of HEADER; `columns` and `variables` may be replaced."""
    columns = {"phone": "Телефон", "full_name": "ФИО", "region": "Регион"}
    return CampaignSpec.model_validate(
        {
            "name": "test_campaign",
            "title": "Опрос",
            "owner": "tests",
            "purpose": "survey",
            "contacts": {"source": source, "columns": changes.pop("columns", columns), **changes.pop("contacts", {})},
            "variables": changes.pop("variables", {"debt": {"column": "Долг"}}),
            "goal": {"title": "Да", "field": "goal", "in": ["true"]},
            "qolio": {"operator_id": "bot:1"},
            "vendor": {
                "type": "dialog",
                "project_id": 1,
                "scenario_id": 951,
                "start_block_id": 10,
                "phone_id": 5,
                "report": {
                    "fields": {"started_at": "call_start", "status": "status"},
                    "statuses": {"Разговор": "RPC_NO_RESULT"},
                },
            },
            **changes,
        }
    )


def rows_of(spec: CampaignSpec, base: Path, connections: Connections | None = None) -> list[tuple[str, ...]]:
    """Every row that the reader gives, as tuples in the order of HEADER."""
    frames = list(read(spec, base, connections or Fixed()))
    return [tuple(row) for frame in frames for row in frame.loc[:, list(HEADER)].itertuples(index=False)]


def write_csv(path: Path, rows: Sequence[Sequence[str]], encoding: str = "utf-8", delimiter: str = ";") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)
    return path


def write_xlsx(path: Path, rows: Sequence[Sequence[object]], sheet: str = "Лист1") -> Path:
    book = Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    return path


def write_parquet(path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def frame(**columns: list[str]) -> pd.DataFrame:
    """A chunk as the reader gives it."""
    made = pd.DataFrame(columns, dtype="str")
    made.index = pd.RangeIndex(1, len(made) + 1, name="row_no")
    return made
