"""The kill switch as text: a clear word lets calls go on, a list stops some campaigns, all else stops everybody."""

from __future__ import annotations

import pytest

from obzvon.errors import ConfigError
from obzvon.policy.switch import KillSwitch


@pytest.mark.parametrize("text", ["off", "Off ", "false", "0", "no", "", None])
def test_a_clear_off_stops_nobody(text: str | None) -> None:
    switch = KillSwitch.parse(text)
    assert not switch.stops("demo_twin")
    assert switch.text == "off"


@pytest.mark.parametrize(
    "text", ["on", "ON", "true", "1", "yes", "стоп", "please", "only", "only ", "only Демо", "only a b", "demo_twin"]
)
def test_whatever_is_not_understood_stops_everything(text: str) -> None:
    switch = KillSwitch.parse(text)
    assert switch.stops("demo_twin")
    assert switch.text == "on"


@pytest.mark.parametrize(
    "text", ["only demo_dialog, demo_twin", " ONLY demo_twin ,demo_dialog,", "only demo_twin,demo_dialog"]
)
def test_a_list_stops_these_campaigns_and_no_other(text: str) -> None:
    switch = KillSwitch.parse(text)
    assert (switch.stops("demo_dialog"), switch.stops("demo_twin"), switch.stops("demo")) == (True, True, False)
    assert switch.text == "only demo_dialog, demo_twin"


@pytest.mark.parametrize("text", ["off", "on", "only demo_dialog, demo_twin"])
def test_what_is_stored_reads_as_the_same_switch(text: str) -> None:
    assert KillSwitch.parse(text).text == text


@pytest.mark.parametrize(
    ("before", "stopped", "after"),
    [
        ("off", "b", "only b"),
        ("only a", "b", "only a, b"),
        ("only a", "a", "only a"),
        ("only a", None, "on"),
        ("on", "a", "on"),
        ("off", None, "on"),
    ],
)
def test_stopping_lets_nobody_go(before: str, stopped: str | None, after: str) -> None:
    assert KillSwitch.parse(before).with_stopped(stopped).text == after


@pytest.mark.parametrize(
    ("before", "resumed", "after"),
    [("only a, b", "a", "only b"), ("only a", "a", "off"), ("only a", "b", "only a"), ("on", None, "off")],
)
def test_resuming_lets_only_that_campaign_go(before: str, resumed: str | None, after: str) -> None:
    assert KillSwitch.parse(before).with_resumed(resumed).text == after


def test_of_everything_no_single_campaign_can_be_let_go() -> None:
    with pytest.raises(ConfigError, match="a alone cannot go on"):
        KillSwitch.parse("on").with_resumed("a")
