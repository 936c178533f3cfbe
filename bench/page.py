"""Results as tables: on the terminal, and docs/benchmarks.md, which is made of the JSON files alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.environment import ROOT
from bench.targets import verdicts

__all__ = ["PAGE", "QUOTED", "figure", "page", "reached", "table"]

QUOTED = re.compile(r"<!--bench ([^>]+)-->(.*?)<!--/bench-->")
PAGE = ROOT / "docs" / "benchmarks.md"
ORDER = ("load", "parse", "deliver", "plan", "launch", "waiting", "ready", "airflow", "dags", "marts")
HEAD = """# Benchmarks

What Obzvon costs beside what one would use instead, and beside the floor: what nobody gets under. `make bench` measures
all of it anew and writes this page from `bench/results/*.json`; [bench/README.md](../bench/README.md) says how.

Ratios hold from machine to machine, seconds do not. Each figure is the median of the rounds, with the least and the
most in brackets; ways take turns within a round. *Peak* is the largest resident memory of the measured process, *above
idle* without its imports. Growth is one round at each size. A way counts only when it ends as ours does: *same* is a
count and a checksum of the rows for load and plan, counts and keys at the server or of the records for the others, and
`–` where nothing can be compared.
"""

EMPTY = """**No figures are published yet.** They belong to one machine and one commit, and a full run takes hours:
`make bench` on yours fills this page. `make bench-quick` proves only that every benchmark runs.
"""


def page(results: Path) -> str:
    """The whole page."""
    found = list(_found(results))
    tables = [*(table(result) for result in found), *_limits(results)]
    return "\n".join([HEAD, *(tables and reached(found)), *(tables or [EMPTY])])


def _found(results: Path) -> Iterator[dict[str, Any]]:
    """Rows in their order; a row measured at a second size, `load-peers.json`, after the first."""
    for name in ORDER:
        for path in (results / f"{name}.json", *sorted(results.glob(f"{name}-*.json"))):
            if path.exists():
                yield json.loads(path.read_text("utf-8"))


def reached(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was to be reached and what was; why not, once for each reason."""
    lines = ["## To reach, and reached", "", "| Row | What | To reach | Found | |", "|---|---|---|---|---|"]
    reasons: dict[str, list[str]] = {}
    for verdict in verdicts(found):
        target = verdict.target
        limit = f"{'≥' if target.least else '≤'} {_number(target.limit)}"
        size = f"{target.row}, {verdict.size:,}"
        lines.append(f"| {size} | {target.says} | {limit} | {_number(verdict.value)} | {verdict.said} |")
        if verdict.said != "holds":
            reasons.setdefault(target.why, []).append(target.row)
    lines += ["", *(f"* {rows[0]}: {why}" for why, rows in reasons.items()), ""]
    return lines


def _limits(results: Path) -> list[str]:
    """What went through under its limit of memory."""
    if not _there(results, "memory"):
        return []
    told = json.loads((results / "memory.json").read_text("utf-8"))
    lines = [
        "## Under a limit of memory",
        "",
        "| What | Size | Limit MiB | Peak MiB | Seconds |",
        "|---|---|---|---|---|",
    ]
    for what in ("plan", "load"):
        at = told[what]
        lines.append(f"| {what} | {at['size']:,} | {at['limit_mib']} | {at['peak_mib']:.0f} | {at['seconds']:.1f} |")
    return [*lines, "", _machine(told | {"rounds": 1}), ""]


def _there(results: Path, name: str) -> bool:
    return (results / f"{name}.json").exists()


def figure(results: Path, key: str) -> str:
    """A figure as a text quotes it, by its key.

    Keys are `load|slim|ours|seconds`, `load|slim|dlt merge|× ours`, `…|× floor`, `…|MiB` and `…|size`.
    In a text it stands between `<!--bench load|slim|ours|seconds-->` and `<!--/bench-->`. KeyError: no such figure.
    """
    row, case, name, what = key.split("|")
    told = json.loads((results / f"{row}.json").read_text("utf-8"))
    ways = {way["name"]: way for way in told["cases"][case]}
    kinds = {way["kind"]: way for way in ways.values()}
    match what:
        case "seconds":
            return f"{seconds(ways[name]):.2f}"
        case "× ours":
            return _ratio(seconds(ways[name]), seconds(kinds["ours"]))
        case "× floor":
            return _ratio(seconds(ways[name]), seconds(kinds["floor"]))
        case "size":
            return f"{told['size']:,}"
        case "MiB":
            return f"{max(sample['peak_mib'] for sample in ways[name]['samples']):.0f}"
    raise KeyError(what)


def table(result: Mapping[str, Any]) -> str:
    """One bench: its cases as tables, what ours consists of, growth, notes and machine."""
    lines = [f"## {result['title']}", "", f"To reach: {result['reach']}.", ""]
    for case, ways in result["cases"].items():
        lines += _case(result, case, ways)
    lines += _growth(result)
    lines += [f"* {note}" for note in result["notes"]] + [""]
    return "\n".join([*lines, _machine(result), ""])


def _case(result: Mapping[str, Any], case: str, ways: list[dict[str, Any]]) -> list[str]:
    ours = next((way for way in ways if way["kind"] == "ours"), None)
    floor = next((seconds(way) for way in ways if way["kind"] == "floor" and way["samples"]), None)
    lines = [
        f"### {case}, {result['size']:,} {result['unit']}",
        "",
        "| Way | Seconds | × floor | × ours | Peak MiB (above idle) | End state |",
        "|---|---|---|---|---|---|",
    ]
    for way in ways:
        if not way["samples"]:
            lines.append(f"| {way['name']} | {_cell(way['said'])} | | | | |")
            continue
        took = seconds(way)
        shares = [_ratio(took, floor), _ratio(took, seconds(ours) if ours and ours["samples"] else None)]
        lines.append(f"| {way['name']} | {_spread(way)} | {' | '.join(shares)} | {_memory(way)} | {_state(way)} |")
    against = result["against"].get(case)
    if against and ours and floor:
        part = _figure(ours, against)
        lines.append(f"| ours: {against.removesuffix(' s')} | {part:.2f} | {_ratio(part, floor)} | | | |")
    return [*lines, "", *_figures(ways)]


def seconds(way: Mapping[str, Any]) -> float:
    """The median of a way's rounds."""
    return float(median(sample["seconds"] for sample in way["samples"]))


def _figure(way: Mapping[str, Any], name: str) -> float:
    return float(median(sample["figures"][name] for sample in way["samples"]))


def _figures(ways: list[dict[str, Any]]) -> list[str]:
    lines = []
    for way in ways:
        names = list(way["samples"][0]["figures"]) if way["samples"] else []
        if names:
            said = ", ".join(f"{name} {_number(_figure(way, name))}" for name in names if _everywhere(way, name))
            lines.append(f"{way['name']}: {said}.  ")
    return [*lines, ""] if lines else []


def _everywhere(way: Mapping[str, Any], name: str) -> bool:
    return all(name in sample["figures"] for sample in way["samples"])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def _spread(way: Mapping[str, Any]) -> str:
    took = [sample["seconds"] for sample in way["samples"]]
    return f"{median(took):.2f} ({min(took):.2f}–{max(took):.2f})"


def _memory(way: Mapping[str, Any]) -> str:
    peaks = [sample["peak_mib"] for sample in way["samples"] if sample["peak_mib"] is not None]
    if not peaks:
        return ""
    return f"{max(peaks):.0f} ({max(peaks) - median(sample['idle_mib'] for sample in way['samples']):.0f})"


def _state(way: Mapping[str, Any]) -> str:
    return ", ".join(sorted({sample["state"] or "–" for sample in way["samples"]}))


def _ratio(value: float, of: float | None) -> str:
    return f"{value / of:.2f}" if of else ""


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def _growth(result: Mapping[str, Any]) -> list[str]:
    if not result["growth"]:
        return []
    lines = [f"| Growth of ours | {result['unit']} | Seconds | Peak MiB | Exponent |", "|---|---|---|---|---|"]
    for case, grown in result["growth"].items():
        sizes = " · ".join(f"{size:,}" for size in grown["sizes"])
        took = " · ".join(f"{value:.2f}" for value in grown["seconds"])
        peaks = " · ".join(f"{value:.0f}" for value in grown["peak_mib"] if value is not None)
        slope = "" if grown["exponent"] is None else f"{grown['exponent']:.2f}"
        lines.append(f"| {case} | {sizes} | {took} | {peaks} | {slope} |")
    return [*lines, ""]


def _machine(result: Mapping[str, Any]) -> str:
    at = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in at["versions"].items())
    postgres = f", PostgreSQL {at['postgres']}" if at["postgres"] else ""
    return (
        f"{at['date']}, commit {at['commit'] or 'unknown'}, {at['cpus']} × {at['cpu']}, {at['memory_gib']} GiB,"
        f" {at['system']}, Python {at['python']}{postgres}, {result['rounds']} rounds. {versions}."
    )
