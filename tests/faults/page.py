"""docs/faults.md from the committed lines of every producer, one JSON object a case and pipeline.

Whoever plays cases replaces their lines and no other; anybody can see what the page was made from, and a test makes it
again. A line has `case`, `vendor`, `fault`, `point`, `pipeline` (ours or stock), the figures, `ended` and `measured`
(a date). Random sequences and the killed delivery have a line of their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from faults.campaigns import ROOT
from faults.words import FAMILIES, FAULTS, POINTS, VENDORS, family

PAGE, RESULTS = ROOT / "docs" / "faults.md", Path(__file__).parent / "results"
#: Where a producer's lines are, if not in that folder.
ELSEWHERE = {"stock": ROOT / "bench" / "stock" / "results.jsonl"}
#: What the table of families and the comparison show.
SHORT = ("twice", "lost", "qolio_doubled")
#: Columns: title, figure.
RUN = {"run": "ended"}
OURS = {
    "dialled twice": "twice",
    "lost": "lost",
    "orphaned": "orphaned",
    "needs a person": "person",
    "Qolio doubled": "qolio_doubled",
}
STOCK = {"dialled twice": "twice", "lost": "lost", "orphaned": "orphaned", "Qolio doubled": "qolio_doubled"}
Line = Mapping[str, Any]


def path(name: str) -> Path:
    """Where a producer's lines are."""
    return ELSEWHERE.get(name, RESULTS / f"{name}.jsonl")


def read() -> list[Line]:
    """The lines of all cases, the worker's first."""
    return [line for line in everything() if "case" in line]


def everything() -> list[Line]:
    """All lines, those of the random sequences and of the killed delivery too."""
    files = sorted([*RESULTS.glob("*.jsonl"), *ELSEWHERE.values()], key=lambda one: (one.stem != "worker", str(one)))
    return [json.loads(text) for one in files for text in one.read_text(encoding="utf-8").splitlines()]


def write(name: str, lines: Iterable[Line], order: Sequence[str], folder: Path = RESULTS) -> None:
    """Keep a producer's lines: new ones replace those of the same case; cases that are no more go."""
    file = folder / f"{name}.jsonl"
    old = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    kept = {line["case"]: line for line in [*map(json.loads, old), *lines]}
    text = "".join(f"{json.dumps(kept[case])}\n" for case in order if case in kept)
    file.write_text(text, encoding="utf-8")


def publish(name: str, lines: Sequence[Line], order: Sequence[str], say: Callable[[str], None]) -> None:
    """Keep the lines, write the page, say what was written where."""
    write(name, lines, order)
    PAGE.write_text(rendered(everything()), encoding="utf-8")
    say(f"{len(lines)} lines replaced in {path(name).relative_to(ROOT)}; {PAGE.relative_to(ROOT)} written")


def rendered(every: Sequence[Line]) -> str:
    """The page."""
    lines = [line for line in every if "case" in line]
    rows: dict[str, dict[str, Line]] = {}
    for line in lines:
        rows.setdefault(line["case"], {})[line["pipeline"]] = line
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, undefined=StrictUndefined, autoescape=False
    )
    return pages.get_template("page.md.jinja").render(
        families=_families(lines),
        compared=_compared(rows),
        only_stock=sorted(case for case, of in rows.items() if "ours" not in of),
        tables={title: _rows(vendor, rows) for vendor, title in VENDORS.items()},
        orphaned=sum(line["orphaned"] for line in lines if line["pipeline"] == "ours"),
        silent=sum(line.get("silent", 0) for line in lines if line["pipeline"] == "ours"),
        headings=[*OURS, *RUN, *(f"stock: {title}" for title in (*STOCK, *RUN))],
        random=[line for line in every if "sequences" in line],
        deliveries=[line for line in every if "deliveries" in line],
        measured=sorted({line["measured"] for line in lines}),
        version=version("obzvon"),
        faults=_used(FAULTS, "fault", lines),
        points=_used(POINTS, "point", lines),
    )


def _families(lines: Sequence[Line]) -> list[list[object]]:
    """Our cases by family and their sum: cases, then the figures."""
    ours = [line for line in lines if line["pipeline"] == "ours"]
    parts = {name: [line for line in ours if family(line["fault"], line["point"]) == name] for name in FAMILIES}
    return [[name, len(of), *_sums(of, *SHORT, "person")] for name, of in {**parts, "**all cases**": ours}.items()]


def _compared(rows: Mapping[str, Mapping[str, Line]]) -> list[list[object]]:
    """Per vendor the cases that both pipelines have: how many, our figures, the stock figures."""
    found: list[list[object]] = []
    for vendor, title in VENDORS.items():
        both = [of for of in rows.values() if len(of) == 2 and of["ours"]["vendor"] == vendor]
        if both:
            ours, stock = ([of[pipeline] for of in both] for pipeline in ("ours", "stock"))
            found.append([title.split(":")[0], len(both), *_sums(ours, *SHORT), *_sums(stock, *SHORT)])
    return found


def _rows(vendor: str, rows: Mapping[str, Mapping[str, Line]]) -> list[list[str]]:
    found = []
    for case, of in rows.items():
        line = next(iter(of.values()))
        if line["vendor"] == vendor:
            cells = [*_figures(of.get("ours"), OURS | RUN), *_figures(of.get("stock"), STOCK | RUN)]
            found.append([f"`{case}`", line["fault"], line["point"], *cells])
    return found


def _figures(line: Line | None, columns: Mapping[str, str]) -> list[str]:
    return ["" if line is None else str(line.get(name, "")) for name in columns.values()]


def _sums(lines: Sequence[Line], *names: str) -> list[int]:
    return [sum(line[name] for line in lines) for name in names]


def _used(words: Mapping[str, str], key: str, lines: Sequence[Line]) -> dict[str, str]:
    used = {line[key] for line in lines}
    return {word: said for word, said in words.items() if word in used}
