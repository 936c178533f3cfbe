"""The simulation by itself: who is dialled when, and what comes of it."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obzvon.sandbox.dialing import Person, Recall, Rules, next_open, plan
from obzvon.sandbox.fates import Fate, draw, fate_key

NOON = datetime(2030, 1, 15, 12, 0, tzinfo=UTC).timestamp()


def people(count: int, **changes: object) -> list[Person]:
    base = {"task_id": "t", "external_id": None, "offset_sec": 0, "queued_at": NOON}
    return [Person(contact_id=n, phones=(f"7912{n:07d}",), **{**base, **changes}) for n in range(count)]  # type: ignore[arg-type]


def rules(**changes: object) -> Rules:
    return Rules(**{"pace": 1.0, "subscriber_zone": True, **changes})  # type: ignore[arg-type]


def always(*fates: Fate):  # type: ignore[no-untyped-def]
    """The n-th attempt has the n-th fate, later ones the last."""
    return lambda phone, attempt: fates[min(attempt, len(fates)) - 1]


def test_the_same_phone_in_the_same_named_campaign_always_has_the_same_fate() -> None:
    key = fate_key("Опрос 15 января [af:0a1b2c3d]")
    assert key == fate_key("renamed, chunk 2 [af:0a1b2c3d]")
    assert [draw(7, key, "+79120000001", n) for n in (1, 2, 3)] == [draw(7, key, "79120000001", n) for n in (1, 2, 3)]


def test_another_seed_or_campaign_gives_other_fates() -> None:
    phones = [f"7912{n:07d}" for n in range(200)]
    drawn = {(seed, key): [draw(seed, key, phone, 1) for phone in phones] for seed in (7, 8) for key in ("a", "b")}
    assert len({tuple(fates) for fates in drawn.values()}) == 4


def test_outcomes_come_in_realistic_shares_and_every_drawn_status_occurs() -> None:
    fates = [draw(7, "campaign", f"7912{n:07d}", 1) for n in range(20_000)]
    share = {status: count / len(fates) for status, count in Counter(fate.status for fate in fates).items()}
    assert set(share) == {
        "ANSWERED", "NOANSWER", "BUSY", "UNAVAILABLE", "CONGESTION", "CHANUNAVAIL", "FAILED", "EXPIRED",
        "INVALID", "BLACKLIST", "FZ230", "EMPTY_AON",
    }  # fmt: skip
    assert 0.45 < share["ANSWERED"] < 0.52
    assert 0.25 < share["NOANSWER"] < 0.29
    talks = [fate for fate in fates if fate.answered and not fate.machine]
    assert {fate.result for fate in talks} == {"agreed", "refused", "callback", "opt_out", "wrong_party", None}
    assert any(fate.machine for fate in fates)


@pytest.mark.parametrize("phone", ["", "12345", "380501234567", "+7912", "not a phone"])
def test_what_is_no_russian_number_is_invalid(phone: str) -> None:
    assert draw(7, "campaign", phone, 1).status == "INVALID"


def test_dials_keep_the_pace() -> None:
    made = plan(people(10), rules(pace=2.0), always(Fate("ANSWERED", 5, 30)), NOON, None)
    assert [attempt.dial_at - NOON for attempt in made] == [n // 2 for n in range(10)]


def test_nobody_is_dialled_outside_his_own_window() -> None:
    window = rules(day_from=10 * 3600, day_to=20 * 3600)
    at_noon_utc = {offset: next_open(NOON, window, offset * 3600) for offset in (2, 3, 9, 12)}
    midnight_there = datetime(2030, 1, 16, tzinfo=UTC).timestamp() - 12 * 3600
    assert at_noon_utc[2] == at_noon_utc[3] == NOON
    assert at_noon_utc[9] == datetime(2030, 1, 16, 1, 0, tzinfo=UTC).timestamp()
    assert at_noon_utc[12] == midnight_there + 10 * 3600


def test_a_recall_waits_its_interval_and_stops_after_its_tries() -> None:
    recalled = rules(recalls={"BUSY": Recall(2, 900)})
    made = plan(people(1), recalled, always(Fate("BUSY", 3)), NOON, None)
    assert [attempt.attempt for attempt in made] == [1, 2, 3]
    assert [second.dial_at - first.end_at for first, second in itertools.pairwise(made)] == [900, 900]


def test_tries_are_counted_for_each_outcome_and_capped_for_all() -> None:
    both = {"BUSY": Recall(1, 60), "NO_ANSWER": Recall(1, 60)}
    turns = always(Fate("BUSY", 3), Fate("NOANSWER", 30), Fate("BUSY", 3))
    assert len(plan(people(1), rules(recalls=both), turns, NOON, None)) == 3
    assert len(plan(people(1), rules(recalls=both, max_calls=2), turns, NOON, None)) == 2


def test_a_machine_is_recalled_only_where_the_detector_runs() -> None:
    machine = always(Fate("ANSWERED", 10, 8, machine=True))
    recalled = {"MACHINE": Recall(1, 60)}
    assert len(plan(people(1), rules(recalls=recalled), machine, NOON, None)) == 2
    assert len(plan(people(1), rules(recalls=recalled, amd=False), machine, NOON, None)) == 1


def test_who_is_not_reached_by_the_end_is_cancelled_or_simply_missing() -> None:
    end = NOON + 3
    silent = plan(people(5), rules(cancels_rest=False), always(Fate("ANSWERED", 5, 30)), NOON, end)
    told = plan(people(5), rules(), always(Fate("ANSWERED", 5, 30)), NOON, end)
    assert len(silent) == 3
    assert [(row.status, row.dialed, row.dial_at) for row in told[3:]] == [("CANCEL", 0, end)] * 2


def test_a_candidate_of_several_numbers_is_called_on_each_in_turn() -> None:
    person = Person("t", 1, None, ("79120000001", "79120000002"), 0, NOON)
    made = plan([person], rules(recalls={"NO_ANSWER": Recall(2, 60)}), always(Fate("NOANSWER", 30)), NOON, None)
    assert [attempt.phone[-1] for attempt in made] == ["1", "2", "1"]


@settings(max_examples=60, deadline=None)
@given(
    offsets=st.lists(st.integers(2, 12), min_size=1, max_size=30),
    start=st.integers(0, 48 * 60),
    opens=st.integers(0, 12),
    hours=st.integers(1, 11),
    tries=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_every_plan_holds_its_rules(
    offsets: list[int], start: int, opens: int, hours: int, tries: int, seed: int
) -> None:
    begin = NOON + start * 60
    some = [Person("t", n, None, (f"7912{n:07d}",), hour * 3600, begin) for n, hour in enumerate(offsets)]
    kinds = ("BUSY", "NO_ANSWER", "CONGESTION", "MACHINE", "NOT_SUCCESSFUL")
    bound = rules(
        day_from=opens * 3600,
        day_to=(opens + hours) * 3600,
        recalls=dict.fromkeys(kinds, Recall(tries, 600)),
        unsuccessful_up_to=5,
    )
    made = plan(some, bound, lambda phone, n: draw(seed, "c", phone, n), begin, None)
    assert {attempt.contact_id for attempt in made} == set(range(len(offsets)))
    assert len({attempt.call_id for attempt in made}) == len(made)
    for person in some:
        mine = [attempt for attempt in made if attempt.contact_id == person.contact_id]
        assert [attempt.attempt for attempt in mine] == list(range(1, len(mine) + 1))
        for attempt in mine:
            local = (attempt.dial_at + (person.offset_sec or 0)) % 86400
            assert opens * 3600 <= local <= (opens + hours) * 3600
        assert all(later.dial_at >= earlier.end_at for earlier, later in itertools.pairwise(mine))
