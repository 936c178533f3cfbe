"""What a conversation came to: opt-out before wrong party before goal before callback before refusal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from vendor_world import spec

from obzvon.dispositions import Disposition
from obzvon.reports.outcomes import classify, goal_reached, result_fields, result_texts

D = Disposition
RULES = {
    "RPC_REFUSED": {"field": "answer", "in": ["refused"]},
    "RPC_CALLBACK": {"field": "later", "in": ["true"]},
    "WRONG_PARTY": {"field": "who", "in": ["other", "nobody"]},
    "RPC_OPTOUT": {"field": "stop", "in": ["yes"]},
    "TRANSFERRED": {"field": "answer", "in": ["operator"]},
}
SPEC = spec(
    {"type": "twin", "api": "v1", "bot_id": "44e62ac6-6c08-4ad1-923d-5ee3299dd737", "calls_per_second": 1},
    goal={"title": "Согласие", "field": "answer", "in": ["agreed", "Согласен"]},
    outcomes=RULES,
)


def outcome(
    talk: int = 60, transferred: bool = False, otherwise: Disposition = D.RPC_NO_RESULT, **said: str
) -> Disposition:
    return classify(SPEC, said, talk_sec=Decimal(talk), transferred=transferred, otherwise=otherwise)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"answer": "agreed", "later": "true", "who": "other", "stop": "yes"}, D.RPC_OPTOUT),
        ({"answer": "agreed", "later": "true", "who": "nobody"}, D.WRONG_PARTY),
        ({"answer": " СОГЛАСЕН ", "later": "true"}, D.GOAL),
        ({"answer": "refused", "later": "True"}, D.RPC_CALLBACK),
        ({"answer": "refused"}, D.RPC_REFUSED),
        ({"answer": "operator"}, D.TRANSFERRED),
        ({"answer": "перезвоните"}, D.RPC_NO_RESULT),
        ({}, D.RPC_NO_RESULT),
    ],
)
def test_the_first_rule_in_the_order_of_precedence_wins(said: dict[str, str], expected: Disposition) -> None:
    assert outcome(**said) is expected


def test_a_short_talk_is_short_only_when_it_came_to_nothing() -> None:
    assert outcome(talk=5) is D.HUMAN_SHORT
    assert outcome(talk=6) is D.RPC_NO_RESULT
    assert outcome(talk=3, answer="refused") is D.RPC_REFUSED
    assert outcome(talk=3, transferred=True) is D.TRANSFERRED
    assert classify(SPEC, {}, talk_sec=None, transferred=False) is D.RPC_NO_RESULT


def test_what_the_vendors_status_says_gives_way_to_what_was_said() -> None:
    assert outcome(talk=3, otherwise=D.RPC_REFUSED) is D.RPC_REFUSED
    assert outcome(otherwise=D.RPC_REFUSED, answer="agreed") is D.GOAL


def test_the_goal_counts_beside_another_outcome_but_only_in_a_conversation() -> None:
    assert goal_reached(SPEC, {"answer": "agreed"}, D.RPC_OPTOUT)
    assert not goal_reached(SPEC, {"answer": "agreed"}, D.VOICEMAIL)
    assert not goal_reached(SPEC, {"answer": "refused"}, D.RPC_REFUSED)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ({"a": " x ", "b": True, "c": 5, "d": None, "e": {"f": 1}, "g": [1]}, {"a": "x", "b": "true", "c": "5"}),
        ('{"a": "x"}', {"a": "x"}),
        ("agreed", {"result": "agreed"}),
        (True, {"result": "true"}),
        ("", {}),
        (None, {}),
        ([], {}),
    ],
)
def test_results_come_as_texts_from_any_shape(value: Any, texts: dict[str, str]) -> None:
    assert result_texts(value) == texts


def test_the_fields_a_campaign_file_names_are_kept() -> None:
    assert result_fields(SPEC) == {"answer", "later", "who", "stop"}
    more = SPEC.vendor.model_dump() | {"result_fields": ["evaluation"]}
    assert result_fields(spec(more)) == {"confirmation", "evaluation"}
