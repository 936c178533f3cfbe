"""What the templates are given: the reader's language and filters, links, and the blocks of a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from obzvon.policy.switch import KillSwitch
from obzvon_provider.pages import shown as written
from obzvon_provider.pages.charts import Chart
from obzvon_provider.pages.filters import Filters
from obzvon_provider.pages.plugin import PREFIX
from obzvon_provider.pages.reader import Marts, Row
from obzvon_provider.pages.sections import SECTIONS, Table, read
from obzvon_provider.pages.texts import Words, language, words

__all__ = ["ROWS", "RUNS", "Block", "Page", "Tile", "lang_of", "templates"]

#: Rows of a table that a page shows, and of the table of runs; the CSV has all.
ROWS, RUNS = 100, 200
COOKIE = "obzvon_lang"

templates = Environment(
    loader=PackageLoader("obzvon_provider.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def lang_of(request: Request) -> str:
    """Language of the reader: chosen in the address, before that in the cookie, else what the browser accepts."""
    asked = request.query_params.get("lang") or request.cookies.get(COOKIE)
    return language(asked, request.headers.get("accept-language", ""))


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of a page, and the column of the mart that it came from."""

    title: str
    value: str
    note: str = ""
    mart: str = ""
    column: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One table of a page with its picture."""

    title: str
    table: Table
    note: str = ""
    chart: Chart | None = None
    wide: bool = False
    hidden: frozenset[str] = frozenset()
    folded: bool = True
    empty: str = ""
    anchor: str = ""

    @property
    def name(self) -> str:
        return self.table.section.name

    @property
    def columns(self) -> list[str]:
        """Columns that the page shows."""
        return [column for column in self.table.columns if column not in self.hidden]


@dataclass(slots=True)
class Page:
    """One answer to one request."""

    request: Request
    filters: Filters
    marts: Marts | None = None
    switch: KillSwitch | None = None
    words: Words = field(init=False)

    def __post_init__(self) -> None:
        self.words = words(lang_of(self.request))

    # reading ----------------------------------------------------------------------------------------------------

    def table(self, name: str, filters: Filters | None = None) -> Table:
        """A section under the filters of the page, or under others."""
        if self.marts is None:
            raise RuntimeError("a page that reads needs the marts")
        return read(self.marts, SECTIONS[name], filters or self.filters)

    # addresses --------------------------------------------------------------------------------------------------

    @property
    def base(self) -> str:
        """Where the pages are, below whatever path Airflow is."""
        return str(self.request.scope.get("root_path", "")) or PREFIX

    @property
    def airflow(self) -> str:
        """Where the Airflow UI is."""
        return self.base.removesuffix(PREFIX)

    def link(self, path: str, **changes: object) -> str:
        """An address of the pages with the filters in it."""
        query = self.filters.query(**changes)
        return f"{self.base}/{path}{'?' + query if query else ''}"

    def csv(self, name: str) -> str:
        """Where a table is as CSV."""
        return self.link(f"data/{name}.csv", lang=self.words.lang)

    def mart(self, view: str, column: str = "") -> str:
        """Where a mart is explained; at the column where it is one of the mart's own and not computed from them."""
        known = self.marts.views.get(view) if self.marts else None
        own = known is not None and column in known.columns
        return f"{self.base}/marts/{view}{'#' + column if own else ''}"

    def campaign(self, campaign_id: str) -> str:
        """The page of one campaign."""
        return self.link(f"campaigns/{quote(campaign_id)}", campaign=None)

    def dag_run(self, row: Row) -> str:
        """The run in the UI that made the plan; the DAG itself where the plan was not made by a run."""
        dag = f"{self.airflow}/dags/{quote(row['dag_id'])}"
        return f"{dag}/runs/{quote(row['dag_run_id'], safe='')}" if row["dag_run_id"] else dag

    def plan(self, row: Row) -> str:
        """The task that made the plan, where its document and question stand."""
        return f"{self.dag_run(row)}/tasks/plan" if row["dag_run_id"] else self.dag_run(row)

    def other_language(self) -> tuple[str, str]:
        """Code and address of this page in the other language."""
        other = "en" if self.words.lang == "ru" else "ru"
        path = str(self.request.scope["path"]).removeprefix(self.base).lstrip("/")
        return other, self.link(path, lang=other)

    # writing ----------------------------------------------------------------------------------------------------

    def text(self, column: str, value: Any) -> str:
        """A cell as text."""
        return written.shown(self.words, column, value)

    def heading(self, table: Table, column: str) -> str:
        """Name of a column."""
        view = self.marts.views.get(table.section.mart) if self.marts else None
        meaning = view.columns.get(column, ("", ""))[1] if view else ""
        return written.heading(self.words, column, meaning)

    def meaning(self, table: Table, column: str) -> str:
        """What a column means, in the words of the warehouse, which are Russian and said to be so."""
        view = self.marts.views.get(table.section.mart) if self.marts else None
        means = view.columns.get(column, ("", ""))[1] if view else ""
        return self.words("meaning_of", column=column, means=means) if means else column

    def number(self, value: int | float) -> str:
        """A count as text."""
        return written.shown(self.words, "", value)

    def render(self, template: str, **values: Any) -> str:
        """The page as HTML."""
        return templates.get_template(template).render(page=self, t=self.words, **values)


def as_json(value: object) -> Markup:
    """JSON that is safe inside a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704


def flush_right(column: str, rows: Sequence[Row]) -> bool:
    """True for a column of numbers."""
    known = next((row for row in rows if row[column] is not None), None)
    return known is not None and written.is_number(column, known)


templates.filters["as_json"] = as_json
templates.tests["numeric"] = flush_right
templates.globals |= {"ROWS": ROWS, "RUNS": RUNS}
