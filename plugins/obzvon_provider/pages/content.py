"""What stands on each page: its numbers, its tables and their pictures."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from obzvon_provider.pages import charts
from obzvon_provider.pages.page import Block, Page, Tile
from obzvon_provider.pages.sections import FUNNEL, Table
from obzvon_provider.pages.shown import NOTHING, short_day, wilson

__all__ = ["best_time", "campaign", "campaigns", "health"]

CAMPAIGN = frozenset({"campaign_id"})
#: Dials from which a share is worth drawing, as in mart.v_best_time.
ENOUGH = 30
STATUS, FUNNEL_MART = "v_campaign_status", "v_campaign_funnel"


def campaigns(page: Page) -> dict[str, Any]:
    """Running and finished campaigns."""
    runs, days = page.table("campaigns"), page.table("days")
    names = [short_day(page.words, row["call_date"]) for row in days.rows]
    chart = charts.with_rate(page.words, names, days.rows, "human_answer_rate") if days.rows else None
    return {
        "tiles": [*_status_tiles(page, runs), _switch_tile(page)],
        "runs": Block(page.words("campaigns_table"), runs),
        "blocks": [Block(page.words("days"), days, chart=chart, wide=True)],
    }


def _status_tiles(page: Page, runs: Table) -> list[Tile]:
    t, called = page.words, runs.total("contacts_to_call")
    running = sum(row["is_running"] for row in runs.rows)
    human, goal = runs.total("contacts_human"), runs.total("contacts_goal")
    cost = sum((row["cost_rub"] for row in runs.rows), Decimal(0))
    forecast = sum((row["forecast_rub"] or 0 for row in runs.rows), Decimal(0))

    def share(n: int) -> str:
        return t("share_of_called", share=page.text("share", n / called)) if called else ""

    return [
        Tile(t("running_now"), page.number(running), t("of_runs", n=page.number(len(runs.rows))), STATUS, "is_running"),
        Tile(t("to_call"), page.number(called), t("of_lists", n=page.number(runs.total("contacts_total"))), STATUS,
             "contacts_to_call"),
        Tile(t("talked"), page.number(human), share(human), STATUS, "contacts_human"),
        Tile(t("goals"), page.number(goal), share(goal), STATUS, "contacts_goal", "good"),
        Tile(t("cost"), page.text("cost_rub", cost), t("expected", n=page.text("cost_rub", forecast)) if forecast else
             t("attempts", n=page.number(runs.total("attempts"))), STATUS, "cost_rub"),
    ]  # fmt: skip


def _switch_tile(page: Page) -> Tile:
    t, switch = page.words, page.switch
    if switch is None:
        return Tile(t("switch"), t("switch_unknown"), t("switch_where"), tone="bad")
    if switch.everything:
        return Tile(t("switch"), t("switch_on"), t("switch_where"), tone="bad")
    if switch.campaigns:
        return Tile(
            t("switch"), t("switch_some", names=", ".join(sorted(switch.campaigns))), t("switch_where"), tone="bad"
        )
    return Tile(t("switch"), t("switch_off"), t("switch_where"), tone="good")


def campaign(page: Page) -> dict[str, Any]:
    """One campaign over the chosen call dates."""
    t = page.words
    runs, days = page.table("campaigns"), page.table("funnel")
    hours, recalls, qolio = page.table("hours"), page.table("recalls"), page.table("qolio")
    costs = page.table("costs")
    totals = [(name, days.total(name)) for name in FUNNEL.split() if name != "contacts_excluded"] if days.rows else []
    by_day = sorted(runs.rows, key=lambda row: row["call_date"])
    clock = [f"{row['local_hour']:02}:00" for row in hours.rows]
    numbers = [str(row["attempt_no"]) for row in recalls.rows]
    return {
        "tiles": _campaign_tiles(page, runs, days, qolio, costs),
        "runs": Block(t("runs"), runs),
        "blocks": [
            Block(t("funnel"), days, t("funnel_note"), charts.funnel(t, totals) if totals else None),
            _exclusions(page),
            Block(t("hours"), hours, t("hours_note"),
                  charts.with_rate(t, clock, hours.rows, "human_answer_rate", least=ENOUGH) if clock else None),
            _dispositions(page),
            Block(t("goal_rate"), _only(days, "campaign_id call_date contacts_eligible contacts_goal goal_rate_list"),
                  t("goal_note"), charts.goal_rate(t, days.rows) if days.rows else None, hidden=CAMPAIGN),
            Block(t("recalls"), recalls, t("recalls_note"),
                  charts.with_rate(t, numbers, recalls.rows, "human_rate_at_n") if numbers else None),
            Block(t("cost_by_day"), costs, _cost_note(page, costs), charts.costs(t, by_day) if by_day else None,
                  hidden=CAMPAIGN | {"contacts_human"}),
            Block(t("qolio"), qolio, chart=charts.qolio(t, qolio.rows) if qolio.rows else None),
            _arms(page),
            Block(t("qa"), page.table("qa"), folded=False, wide=True),
            Block(t("archive"), page.table("archive"), t("archive_note"), folded=False, wide=True,
                  anchor="archive"),
        ],
    }  # fmt: skip


def _only(table: Table, columns: str) -> Table:
    return table if table.missing else replace(table, columns=tuple(columns.split()))


def _exclusions(page: Page) -> Block:
    table, t = page.table("exclusions"), page.words
    by_code: dict[str, tuple[str, int]] = {}
    for row in table.rows:
        name = t.label("dispositions", row["exclusion_code"], row["exclusion_title"])
        by_code[row["exclusion_code"]] = (name, by_code.get(row["exclusion_code"], ("", 0))[1] + row["contacts"])
    ranked = sorted(by_code.values(), key=lambda pair: -pair[1])
    chart = charts.bars([name for name, _ in ranked], [n for _, n in ranked], t("contacts")) if ranked else None
    return Block(t("exclusions"), table, chart=chart, hidden=frozenset({"exclusion_title"}))


def _arms(page: Page) -> Block:
    table = page.table("ab")
    chart = charts.arms(page.words, table.rows) if len(table.rows) > 1 else None
    hidden = frozenset({"first_date", "last_date", "is_final", "script_version"})
    return Block(page.words("ab"), table, page.words("ab_note"), chart, wide=True, hidden=hidden, folded=False)


def _dispositions(page: Page) -> Block:
    table = page.table("dispositions")
    chart = charts.dispositions(page.words, table.rows) if table.rows else None
    return Block(
        page.words("dispositions"),
        table,
        page.words("dispositions_note"),
        chart,
        hidden=frozenset({"disposition_title"}),
    )


def _has_no_price_of_calls(costs: Table) -> bool:
    """True where people talked and the reports gave no call a price: the cost is then the marking fee alone."""
    return bool(costs.total("contacts_human")) and not costs.total("calls_rub")


def _cost_note(page: Page, costs: Table) -> str:
    forecast, no_price = page.words("forecast_note"), page.words("no_price_note")
    return f"{no_price} {forecast}" if _has_no_price_of_calls(costs) else forecast


def _campaign_tiles(page: Page, runs: Table, days: Table, qolio: Table, costs: Table) -> list[Tile]:
    t = page.words
    if days.missing or not days.rows:
        return [*_status_tiles(page, runs)[1:], _switch_tile(page)]
    eligible, goal, human = (days.total(f"contacts_{name}") for name in ("eligible", "goal", "human"))
    cost = sum((row["cost_rub"] for row in days.rows), Decimal(0))
    span = wilson(goal, eligible)
    low, high = (page.text("share", edge) for edge in span) if span else ("", "")
    tiles = [
        Tile(t("to_call"), page.number(eligible), t("of_lists", n=page.number(days.total("contacts_total"))),
             FUNNEL_MART, "contacts_eligible"),
        Tile(t("talked"), page.number(human),
             t("share_of_called", share=page.text("share", human / eligible)) if eligible else "", FUNNEL_MART,
             "contacts_human"),
        Tile(t("goal_rate_tile"), page.text("share", goal / eligible if eligible else None),
             t("interval_is", low=low, high=high) if span else "", FUNNEL_MART, "goal_rate_list", "good"),
        Tile(t("cost"), page.text("cost_rub", cost), t("no_price") if _has_no_price_of_calls(costs) else
             t("cost_per_goal", n=page.text("cost_rub", cost / goal)) if goal else "", FUNNEL_MART, "cost_rub"),
    ]  # fmt: skip
    if qolio.rows:
        sent, due = qolio.total("delivered"), qolio.total("should_send")
        note, share = t("qolio_of", n=page.number(sent), all=page.number(due)), sent / due if due else None
        tiles.append(Tile(t("qolio_tile"), page.text("share", share), note, "v_qa_reconciliation", "delivered"))
    return [*tiles, _switch_tile(page)]


def best_time(page: Page) -> dict[str, Any]:
    """Heat map of one campaign: the chosen one, else the first that the filters leave. Empty where they leave none."""
    matching = page.filters.matching
    chosen = page.filters.campaign or (matching[0].campaign_id if matching else None)
    page.filters = replace(page.filters, campaign=chosen)
    table = page.table("best")
    enough = [row for row in table.rows if row["is_enough"]]
    best = sorted(enough, key=lambda row: -row["human_rate_low95"])[:5]
    chart = charts.heat(page.words, table.rows) if enough else None
    return {"block": Block(page.words("best"), table, page.words("best_note"), chart, wide=True), "best": best}


def health(page: Page) -> dict[str, Any]:
    """Freshness, completeness, drift, compliance."""
    t = page.words
    audit, breaches, full = page.table("audit"), page.table("breaches"), page.table("completeness")
    failed = sum(not row["holds"] for row in audit.rows)
    partial = sum(bool(row["is_partial"]) for row in full.rows)
    unknown = full.total("unmapped")
    drift, checks = page.table("drift"), page.table("checks")
    broken = sum(not row["holds"] for row in checks.rows)
    return {
        "tiles": [
            Tile(t("tile_breaches"), page.number(len(breaches.rows)), t("breaches_none") if not breaches.rows else "",
                 "v_compliance_breach", "rule", "bad" if breaches.rows else "good"),
            Tile(t("tile_audit"), page.number(failed), t("tile_of_checks", n=page.number(len(audit.rows))),
                 "v_audit_check", "holds", "bad" if failed else "good"),
            Tile(t("tile_checks"), page.number(broken) if checks.rows else NOTHING,
                 t("tile_of_checks", n=page.number(len(checks.rows))) if checks.rows else t("tile_unchecked"),
                 "v_check_result", "holds", "bad" if broken else "good" if checks.rows else ""),
            Tile(t("tile_drift"), NOTHING if drift.missing else page.number(len(drift.rows)), t("tile_drift_says"),
                 "v_drift", "what", "bad" if drift.rows else "" if drift.missing else "good"),
            Tile(t("tile_partial"), page.number(partial), t("tile_runs", n=page.number(len(full.rows))),
                 "v_freshness", "is_partial", "bad" if partial else "good"),
            Tile(t("tile_unknown"), page.number(unknown), t("tile_of_attempts", n=page.number(full.total("attempts"))),
                 "v_freshness", "unmapped", "bad" if unknown else "good"),
        ],
        "blocks": [
            Block(t("breaches"), breaches, t("breaches_note"), wide=True, folded=False, empty=t("breaches_none")),
            Block(t("drift"), drift, wide=True, folded=False),
            Block(t("checks"), checks, t("checks_note"), wide=True, folded=False),
            Block(t("completeness"), full, t("completeness_note"), wide=True, folded=False),
            Block(t("freshness"), page.table("freshness"), wide=True, folded=False),
            Block(t("audit"), audit, t("audit_note"), wide=True, folded=False),
        ],
    }  # fmt: skip
