"""docs/faults.md from the lines of every producer: `.faults/*.jsonl`, one JSON object a case and pipeline.

`.faults` is what the last runs on this machine have left; the page is made from the copies that are committed, so that
anybody can see what it was made from, and a test can make it again. A line has `case`, `vendor`, `fault`, `point`,
`pipeline` (ours or stock), the figures, `ended` and `measured` (a date).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from faults.campaigns import ROOT
from faults.words import FAULTS, POINTS, VENDORS

LINES, PAGE = ROOT / ".faults", ROOT / "docs" / "faults.md"
#: Where the committed copy of a producer's lines is, if not in the first folder.
COPIES, ELSEWHERE = Path(__file__).parent / "results", {"stock": ROOT / "bench" / "stock" / "results.jsonl"}
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


def take_over() -> None:
    """Make what the last runs have left the committed copies."""
    COPIES.mkdir(exist_ok=True)
    for path in LINES.glob("*.jsonl"):
        shutil.copyfile(path, ELSEWHERE.get(path.stem, COPIES / path.name))


def read() -> list[Line]:
    """The committed lines of all cases, the worker's first."""
    return [line for line in _every() if "case" in line]


def sequences() -> list[Line]:
    """What the random sequences say of themselves: how many, how many steps, how many failures."""
    return [line for line in _every() if "sequences" in line]


def _every() -> list[Line]:
    files = [*COPIES.glob("*.jsonl"), *(path for path in ELSEWHERE.values() if path.exists())]
    files.sort(key=lambda path: (path.stem != "worker", str(path)))
    return [json.loads(text) for path in files for text in path.read_text(encoding="utf-8").splitlines()]


def write(name: str, lines: Iterable[Line], order: Sequence[str], folder: Path = LINES) -> None:
    """Keep a producer's lines: new ones replace those of the same case; cases that are no more go."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.jsonl"
    old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = {line["case"]: line for line in [*map(json.loads, old), *lines]}
    text = "".join(f"{json.dumps(kept[case])}\n" for case in order if case in kept)
    path.write_text(text, encoding="utf-8")


def rendered(lines: Sequence[Line], random: Sequence[Line]) -> str:
    """The page."""
    rows: dict[str, dict[str, Line]] = {}
    for line in lines:
        rows.setdefault(line["case"], {})[line["pipeline"]] = line
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, undefined=StrictUndefined, autoescape=False
    )
    return pages.get_template("page.md.jinja").render(
        tables={title: _rows(vendor, rows) for vendor, title in VENDORS.items()},
        ours=_sums("ours", lines, OURS),
        stock=_sums("stock", lines, STOCK),
        silent=sum(line.get("silent", 0) for line in lines if line["pipeline"] == "ours"),
        headings=[*OURS, *RUN, *(f"stock: {title}" for title in (*STOCK, *RUN))],
        random=random,
        measured=sorted({line["measured"] for line in lines}),
        version=version("obzvon"),
        faults=_used(FAULTS, "fault", lines),
        points=_used(POINTS, "point", lines),
    )


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


def _sums(pipeline: str, lines: Sequence[Line], columns: Mapping[str, str]) -> dict[str, int]:
    mine = [line for line in lines if line["pipeline"] == pipeline]
    return {"cases": len(mine)} | {title: sum(line[name] for line in mine) for title, name in columns.items()}


def _used(words: Mapping[str, str], key: str, lines: Sequence[Line]) -> dict[str, str]:
    used = {line[key] for line in lines}
    return {word: said for word, said in words.items() if word in used}
