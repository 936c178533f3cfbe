"""What a conversation came to, from the script's result variables. Pure.

The campaign file says which values mean what (`goal`, `outcomes`); when several rules match, the order of the warehouse
model §3.3 decides: opt-out, wrong party, goal, callback, refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from obzvon.dispositions import HUMAN, PRECEDENCE, Disposition
from obzvon.vendors.base import Attempt, Part
from obzvon.vendors.json_text import loaded

if TYPE_CHECKING:
    from obzvon.campaigns.spec import CampaignSpec, OutcomeRule

__all__ = ["by_results", "classify", "goal_reached", "result_fields", "result_texts", "with_part"]


def classify(
    spec: CampaignSpec,
    results: Mapping[str, str],
    *,
    talk_sec: Decimal | None,
    transferred: bool,
    otherwise: Disposition = Disposition.RPC_NO_RESULT,
) -> Disposition:
    """The outcome of a conversation with a person; `otherwise` is what it is when nothing more is known of it."""
    said = by_results(spec, results)
    if said is not None:
        return said
    if transferred:
        return Disposition.TRANSFERRED
    if otherwise is not Disposition.RPC_NO_RESULT:
        return otherwise
    short = talk_sec is not None and talk_sec <= spec.vendor.short_talk_seconds
    return Disposition.HUMAN_SHORT if short else otherwise


def by_results(spec: CampaignSpec, results: Mapping[str, str]) -> Disposition | None:
    """The first rule that the results fulfil, in the order of precedence, then in the order of the file."""
    if not results:
        return None
    outcomes = spec.outcomes
    for code in _order(tuple(outcomes)):
        rule = outcomes.get(code)
        if rule is not None and _fulfilled(rule, results):
            return code
        if code is Disposition.GOAL and _fulfilled(spec.goal, results):
            return code
    return None


def goal_reached(spec: CampaignSpec, results: Mapping[str, str], disposition: Disposition) -> bool:
    """Whether a conversation met the campaign's goal, whatever else it came to."""
    return disposition in HUMAN and _fulfilled(spec.goal, results)


def with_part(spec: CampaignSpec, attempt: Attempt, part: Part) -> Attempt:
    """The attempt completed by what came on another page; its outcome is judged again by all results together."""
    results = {**attempt.results, **part.results}
    disposition = attempt.disposition
    if disposition in HUMAN:
        disposition = by_results(spec, results) or disposition
    return replace(
        attempt,
        results=results,
        turns=part.turns or attempt.turns,
        disposition=disposition,
        goal_reached=goal_reached(spec, results, disposition),
    )


def result_fields(spec: CampaignSpec) -> frozenset[str]:
    """The result variables that the campaign file names. Others stay in the archive: they may be personal."""
    read = {spec.goal.field, *(rule.field for rule in spec.outcomes.values())}
    return spec.vendor.kept_results | read


def result_texts(value: Any, name: str = "result") -> dict[str, str]:
    """Result variables as texts, from an object or its JSON text; a bare value goes under `name`, nested ones go."""
    if isinstance(value, str):
        try:
            value = loaded(value)
        except ValueError:
            return {name: value.strip()} if value.strip() else {}
    named = value if isinstance(value, dict) else {name: value}
    return {str(key): _text(item) for key, item in named.items() if isinstance(item, _SINGLE)}


#: A tuple, since a union would be made anew for every value.
_SINGLE = (str, int, float, Decimal)


def _text(value: str | float | Decimal) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _fulfilled(rule: OutcomeRule, results: Mapping[str, str]) -> bool:
    said = results.get(rule.field)
    return said is not None and said.strip().casefold() in _folded(rule.values)


# The same few rules judge every row of a report.
@lru_cache(maxsize=1024)
def _folded(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value.strip().casefold() for value in values)


@lru_cache(maxsize=1024)
def _order(outcomes: tuple[Disposition, ...]) -> tuple[Disposition, ...]:
    return tuple(dict.fromkeys((*PRECEDENCE, *outcomes)))
