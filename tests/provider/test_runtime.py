"""What a task reads of its surroundings."""

from __future__ import annotations

import pytest

from obzvon.errors import ConfigError
from obzvon_provider.runtime import archive_root, kill_switch, phone_secret
from obzvon_provider.triggers.shared import WaitingRoom


@pytest.mark.parametrize("word", ["on", "ON", "true", "1", "yes", "стоп", "enabled", "please"])
def test_any_word_but_a_clear_off_stops_calling(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_KILL_SWITCH", word)
    assert kill_switch("demo_twin")


@pytest.mark.parametrize("word", ["off", "Off ", "false", "0", "no", ""])
def test_a_clear_off_lets_calls_go_on(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_KILL_SWITCH", word)
    assert not kill_switch("demo_twin")


async def test_one_campaign_is_stopped_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_KILL_SWITCH", "only demo_dialog")
    assert [kill_switch(name) for name in ("demo_dialog", "demo_twin")] == [True, False]
    room = WaitingRoom()
    assert [await room.switched_off(name) for name in ("demo_dialog", "demo_twin")] == [True, False]


@pytest.mark.parametrize("secret", ["", "short"])
def test_a_missing_or_short_phone_secret_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_PHONE_SECRET", secret)
    with pytest.raises(ConfigError, match="obzvon_phone_secret"):
        phone_secret()


def test_a_missing_archive_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ARCHIVE", "")
    with pytest.raises(ConfigError, match="obzvon_archive"):
        archive_root()
