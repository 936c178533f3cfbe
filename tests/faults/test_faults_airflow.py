"""The lines that came from a real Airflow are those of its cases, and say what they may."""

from __future__ import annotations

import pytest

from faults import page
from faults.airflow_cases import VENDORS, every
from faults.airflow_scene import write_campaigns
from faults.cases import every as others
from faults.run_airflow import chosen, fits, order
from faults.words import FAULTS, POINTS
from obzvon.campaigns.catalogue import Catalogue

LINES = {line["case"]: line for line in page.read() if line["pipeline"] == "ours"}


def test_every_case_has_a_name_of_its_own_and_words_that_are_explained() -> None:
    assert len(set(order())) == len(order())
    assert not set(order()) & {case.id for case in others()}
    assert {play.fault for play in every()} <= set(FAULTS)
    assert {play.point for play in every()} <= set(POINTS)


@pytest.mark.parametrize("play", every(), ids=lambda play: play.name)
def test_every_case_cost_what_it_may(play) -> None:  # type: ignore[no-untyped-def]
    for vendor in VENDORS:
        assert fits(play, LINES[play.case(vendor)])


def test_a_case_that_goes_on_with_the_runs_of_another_brings_it_along() -> None:
    assert [play.name for play in chosen(["twin-clear_run-*"])] == ["two_runs-at_once", "clear_run-ended"]


def test_the_small_campaigns_are_sound(tmp_path) -> None:  # type: ignore[no-untyped-def]
    write_campaigns(tmp_path / "campaigns")
    catalogue = Catalogue(tmp_path / "campaigns")
    assert {spec.name for spec in catalogue.specs} == {"demo_dialog", "demo_twin"}
