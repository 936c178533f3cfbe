"""The pictures of the pages as options of Apache ECharts. Pure: rows in, JSON out.

A colour is a name of the style sheet ("--human"), put in by the browser, so that a chart follows the theme. `unit`
says how the browser writes the numbers of an axis and of a tooltip: "n", "share" or "rub".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from obzvon_provider.pages.reader import Row
from obzvon_provider.pages.shown import as_date, heading, short_day, wilson
from obzvon_provider.pages.texts import Words

__all__ = ["Chart", "arms", "bars", "costs", "dispositions", "funnel", "goal_rate", "heat", "qolio", "with_rate"]

Chart = dict[str, Any]
GROUPS = {"HUMAN": "--human", "MACHINE": "--machine", "NOT_CONNECTED": "--quiet", "NOT_DIALED": "--faint",
          "PENDING": "--faint", "UNKNOWN": "--bad"}  # fmt: skip


def _n(value: Any) -> float | None:
    return None if value is None else float(value)


def _frame(*, legend: bool = False, unit: str = "n") -> Chart:
    return {
        "unit": unit,
        "grid": {"left": 8, "right": 16, "top": 36 if legend else 12, "bottom": 8, "containLabel": True},
        "legend": {"show": legend, "top": 0, "left": 0, "icon": "roundRect", "itemWidth": 12, "itemHeight": 8},
    }


def bars(names: Sequence[str], values: Sequence[Any], label: str, colours: Sequence[str] = ()) -> Chart:
    """Lying bars, the first on top, each with its number."""
    data = [
        {"value": _n(value), "itemStyle": {"color": colours[i] if colours else "--accent"}}
        for i, value in enumerate(values)
    ]
    return _frame() | {
        "rows": len(names),
        "grid": {"left": 8, "right": 64, "top": 12, "bottom": 8, "containLabel": True},
        "xAxis": {"type": "value", "show": False},
        "yAxis": {"type": "category", "inverse": True, "data": list(names), "axisTick": {"show": False},
                  "axisLine": {"show": False}},
        "series": [{"type": "bar", "name": label, "data": data, "barMaxWidth": 22,
                    "itemStyle": {"borderRadius": [0, 4, 4, 0]}, "label": {"show": True, "position": "right"}}],
    }  # fmt: skip


def funnel(words: Words, totals: Sequence[tuple[str, int]]) -> Chart:
    """From the list down to the goal: each step with its number."""
    steps = ("--step1", "--step2", "--step3", "--step4", "--step5", "--step6")
    return bars([words.label("columns", name) for name, _ in totals], [n for _, n in totals], words("contacts"), steps)


def dispositions(words: Words, rows: Sequence[Row]) -> Chart:
    """How calls ended, coloured by group."""
    names = [words.label("dispositions", row["disposition_code"], row["disposition_title"]) for row in rows]
    colours = [GROUPS.get(row["disposition_group"], "--bad") for row in rows]
    return bars(names, [row["calls"] for row in rows], words.label("columns", "calls"), colours)


def with_rate(words: Words, names: Sequence[str], rows: Sequence[Row], rate: str, least: int = 1) -> Chart:
    """Standing bars of dials (people, machines, the rest) where the rows tell them apart, and a rate as a line.

    The line has a gap where there are fewer than `least` dials.
    """
    if rows and "connected" in rows[0]:
        stacks = [
            ("human", "--human", [row["human"] for row in rows]),
            ("machine", "--machine", [row["connected"] - row["human"] for row in rows]),
            ("not_connected", "--quiet", [row["attempts"] - row["connected"] for row in rows]),
        ]
    else:
        stacks = [("attempts", "--quiet", [row["attempts"] for row in rows])]
    series: list[Chart] = [
        {"type": "bar", "stack": "all", "name": words.label("series", name), "data": [_n(v) for v in values],
         "itemStyle": {"color": colour}, "barMaxWidth": 34}
        for name, colour, values in stacks
    ]  # fmt: skip
    rates = [_n(row[rate]) if row["attempts"] >= least else None for row in rows]
    line = {"type": "line", "name": heading(words, rate), "yAxisIndex": 1, "data": rates,
            "unit": "share", "symbolSize": 6, "itemStyle": {"color": "--ink"}, "lineStyle": {"width": 2}}  # fmt: skip
    return _frame(legend=True) | {
        "xAxis": {"type": "category", "data": list(names)},
        "yAxis": [{"type": "value"}, {"type": "value", "unit": "share", "min": 0, "splitLine": {"show": False}}],
        "series": [*series, line],
    }


def goal_rate(words: Words, rows: Sequence[Row]) -> Chart:
    """Share of the list that reached the goal by call date, with Wilson's 95 % interval."""
    points, spans = [], []
    for place, row in enumerate(rows):
        found = wilson(row["contacts_goal"], row["contacts_eligible"])
        points.append(_n(row["goal_rate_list"]))
        spans.append([place, *(found or (None, None))])
    names = [short_day(words, row["call_date"]) for row in rows]
    return _frame(legend=True, unit="share") | {
        "xAxis": {"type": "category", "data": names},
        "yAxis": {"type": "value", "unit": "share", "min": 0},
        "series": [
            {"type": "custom", "render": "interval", "name": words("interval"), "data": spans,
             "itemStyle": {"color": "--quiet"}, "encode": {"x": 0, "y": [1, 2]}},
            {"type": "line", "name": heading(words, "goal_rate_list"), "data": points, "symbolSize": 8,
             "itemStyle": {"color": "--goal"}, "lineStyle": {"width": 2}},
        ],
    }  # fmt: skip


def arms(words: Words, rows: Sequence[Row]) -> Chart:
    """Share of all assigned contacts that reached the goal, arm by arm, with the mart's 95 % interval."""
    spans = [[place, _n(row["goal_rate_low95"]), _n(row["goal_rate_high95"])] for place, row in enumerate(rows)]
    names = [" ".join(filter(None, (row["ab_variant"], row["vendor_script_id"]))) for row in rows]
    return _frame(legend=True, unit="share") | {
        "xAxis": {"type": "category", "data": names},
        "yAxis": {"type": "value", "unit": "share", "scale": True},
        "series": [
            {"type": "custom", "render": "interval", "name": words("interval"), "data": spans,
             "itemStyle": {"color": "--quiet"}, "encode": {"x": 0, "y": [1, 2]}},
            {"type": "scatter", "name": heading(words, "goal_rate_list"), "itemStyle": {"color": "--goal"},
             "symbolSize": 12, "data": [_n(row["goal_rate_list"]) for row in rows]},
        ],
    }  # fmt: skip


def costs(words: Words, rows: Sequence[Row]) -> Chart:
    """Rubles by call date beside what the plan expected."""
    names = [short_day(words, row["call_date"]) for row in rows]
    series = [("cost_rub", "--accent"), ("forecast_rub", "--faint")]
    return _frame(legend=True, unit="rub") | {
        "xAxis": {"type": "category", "data": names},
        "yAxis": {"type": "value", "unit": "rub"},
        "series": [
            {"type": "bar", "name": heading(words, name), "data": [_n(row[name]) for row in rows], "barMaxWidth": 26,
             "itemStyle": {"color": colour, "borderRadius": [3, 3, 0, 0]}}
            for name, colour in series
        ],
    }  # fmt: skip


def qolio(words: Words, rows: Sequence[Row]) -> Chart:
    """What became of every recorded conversation, by day."""
    states = [("delivered", "--goal"), ("skipped", "--faint"), ("not_sent", "--quiet"), ("in_doubt", "--machine"),
              ("rejected", "--bad"), ("silently_dropped", "--worst")]  # fmt: skip
    return _frame(legend=True) | {
        "xAxis": {"type": "category", "data": [short_day(words, as_date(row["date_key"])) for row in rows]},
        "yAxis": {"type": "value"},
        "series": [
            {
                "type": "bar",
                "stack": "all",
                "name": heading(words, name),
                "data": [_n(row[name]) for row in rows],
                "itemStyle": {"color": colour},
                "barMaxWidth": 34,
            }
            for name, colour in states
            if any(row[name] for row in rows)
        ],
    }


def heat(words: Words, rows: Sequence[Row]) -> Chart:
    """Weekday x hour: the lower bound of the share of people who answered; cells of few dials are empty."""
    hours = sorted({row["local_hour"] for row in rows})
    enough = [row for row in rows if row["is_enough"]]
    data = [[hours.index(r["local_hour"]), r["dow"] - 1, float(r["human_rate_low95"])] for r in enough]
    values = [cell[2] for cell in data] or [0.0]
    return _frame(unit="share") | {
        "grid": {"left": 8, "right": 16, "top": 8, "bottom": 56, "containLabel": True},
        "xAxis": {"type": "category", "data": [f"{hour:02}:00" for hour in hours], "splitArea": {"show": True}},
        "yAxis": {"type": "category", "inverse": True, "data": [words.label("weekdays", d) for d in range(1, 8)],
                  "splitArea": {"show": True}},
        "visualMap": {"min": min(values), "max": max(values) or 1, "calculable": False, "orient": "horizontal",
                      "left": "center", "bottom": 0, "inRange": {"color": ["--heat1", "--heat2", "--heat3"]}},
        "series": [{"type": "heatmap", "name": heading(words, "human_rate_low95"), "data": data,
                    "label": {"show": True, "heat": True}, "itemStyle": {"borderColor": "--card", "borderWidth": 2}}],
    }  # fmt: skip
