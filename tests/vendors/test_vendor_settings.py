"""A campaign file that breaks a rule of the vendor's document is refused, with the rule named."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from vendor_world import NOW, order, session, spec

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ConfigError
from obzvon.vendors.base import Dialer
from obzvon.vendors.dialog import Dialog
from obzvon.vendors.http import Account, VendorSession
from obzvon.vendors.twin import Twin

BOT = "44e62ac6-6c08-4ad1-923d-5ee3299dd737"
DIALOG: dict[str, Any] = {
    "type": "dialog", "project_id": 1, "scenario_id": 951, "start_block_id": 10, "phone_id": 5,
    "report": {"fields": {"started_at": "call_start", "status": "status"}, "statuses": {"Разговор": "RPC_NO_RESULT"}},
}  # fmt: skip
BETA: dict[str, Any] = {"type": "twin", "api": "beta", "bot_id": BOT, "dialplan_id": BOT}
V1: dict[str, Any] = {"type": "twin", "api": "v1", "bot_id": BOT, "calls_per_second": 1}

BROKEN: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("attempts 6", DIALOG, {"attempts": 6}, "attempts is 6; Dialog's rule for schedule.attempts: 1 to 5"),
    ("attempts 0", DIALOG, {"attempts": 0}, "1 to 5"),
    ("attempts as text", DIALOG, {"attempts": "3"}, "integer"),
    ("negative interval", DIALOG, {"interval_minutes": -1}, "schedule.interval"),
    ("no scenario", DIALOG, {"scenario_id": None}, "scenario_id"),
    ("a zone nobody knows", DIALOG, {"report": DIALOG["report"] | {"timezone": "Ural"}}, "IANA time zone"),
    ("a filter nobody knows", DIALOG, {"report": DIALOG["report"] | {"columns": [
        {"id": 1, "name": "x", "display_name": "x", "filter_type": "like"}]}}, "starts_with"),
    ("a key nobody knows", DIALOG, {"retries": 1}, "Extra inputs are not permitted"),
    ("intensity 0", BETA, {"intensity": 0}, "intensity is 0; TWIN's rule: 1 to 5"),
    ("intensity 6", BETA, {"intensity": 6}, "1 to 5"),
    ("BLOCK without a file", BETA, {"amd": {"enabled": True, "mode": "BLOCK"}}, "mode BLOCK needs `file`"),
    ("BACK with a file", BETA, {"amd": {"enabled": True, "mode": "back", "file": "/x.wav"}}, "mode BLOCK only"),
    ("a mode nobody knows", BETA, {"amd": {"enabled": True, "mode": "blok"}}, "not one of back, block"),
    ("a detector without a mode", BETA, {"amd": {"enabled": True}}, "needs `mode`"),
    ("Custom without a number", BETA, {"default_caller_id": {"type": "Custom"}}, "7xxxxxxxxxx"),
    ("two fused numbers", BETA, {"default_caller_id": {"type": "Custom", "data": "7913391204779996662211"}}, "7xxxxx"),
    ("Custom with a plus", BETA, {"default_caller_id": {"type": "Custom", "data": "+79996662211"}}, "7xxxxxxxxxx"),
    ("Default with a number", BETA, {"default_caller_id": {"type": "Default", "data": "79996662211"}}, "no `data`"),
    ("group without its id", BETA, {"default_caller_id": {"type": "groupAON"}}, "id of the group"),
    ("hangup with a target", BETA, {"default_redirect": {"type": "Hangup", "data": "x"}}, "takes neither"),
    ("transfer without a target", BETA, {"default_redirect": {"type": "Transfer"}}, "needs `data`"),
    ("second parameter of Twin", BETA, {"default_redirect": {"type": "Twin", "data": "x", "additional": "y"}},
     "Dialplan and Custom only"),
    ("recall without tries", BETA, {"recall_rules": {"BUSY": {"enabled": True, "interval": 60}}}, "needs `tries`"),
    ("recall without interval", BETA, {"recall_rules": {"BUSY": {"enabled": True, "tries": 1}}}, "`interval`"),
    ("short talk without duration", BETA, {"recall_rules": {
        "NOT_SUCCESSFUL": {"enabled": True, "tries": 1, "interval": 60}}}, "needs `duration`"),
    ("machine recall without detector", BETA, {"recall_rules": {
        "MACHINE": {"enabled": True, "tries": 1, "interval": 60}}}, "needs amd.enabled"),
    ("a recall nobody knows", BETA, {"recall_rules": {"HANGUP": {}}}, "Extra inputs"),
    ("normalisation nobody knows", BETA, {"phone_normalization": "RU"}, "'ru'"),
    ("no dial plan", BETA, {"dialplan_id": None}, "dialplan_id"),
    ("no api", BETA, {"api": None}, "beta or v1"),
    ("a name without marker", V1, {"campaign_name": "{title}"}, "campaign_name must hold {marker}"),
    ("gornum without its id", V1, {"caller_id": {"type": "gornum"}}, "cidData"),
    ("pool without its id", V1, {"caller_id": {"type": "pool"}}, "cidData"),
    ("ch without a channel", V1, {"second_exec": {"type": "ch"}}, "secondExecData"),
    ("end with a channel", V1, {"second_exec": {"type": "end", "channel_id": BOT}}, "secondExecData"),
    ("no speed", V1, {"calls_per_second": None}, "either `calls_per_second` or `seconds_per_call`"),
    ("two speeds", V1, {"seconds_per_call": 3}, "either"),
    ("a speed beyond the code", V1, {"calls_per_second": 100}, "1 to 99"),
    ("block without a greeting", V1, {"amd": {"enabled": True, "mode": "block"}}, "detectRobotGreeting"),
    ("redial machines, no detector", V1, {"redial": {"answering_machine": {"time": 60, "count": 1}}}, "amd.enabled"),
    ("an event nobody knows", V1, {"webhooks": [{"url": "https://x", "events": ["ENDED"]}]}, "CALL_ENDED"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "base", "change", "words"), BROKEN, ids=[case for case, *_ in BROKEN])
def test_a_broken_rule_is_named(case: str, base: dict[str, Any], change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as failure:
        spec(base | change)
    assert words in str(failure.value)


@pytest.mark.parametrize("settings", [DIALOG, BETA, V1], ids=["dialog", "beta", "v1"])
def test_a_stored_campaign_file_reads_back_as_the_same(settings: dict[str, Any]) -> None:
    assert CampaignSpec.model_validate(spec(settings).canonical()) == spec(settings)


def test_the_worst_case_of_dials_is_known() -> None:
    rule = {"enabled": True, "tries": 3, "interval": 60}
    redial = {"busy": {"time": 60, "count": 3}, "no_answer": {"time": 60, "count": 4}}
    assert spec(DIALOG | {"attempts": 5}).vendor.max_attempts == 5
    assert spec(BETA).vendor.max_attempts == 1
    assert spec(BETA | {"recall_rules": {"BUSY": rule, "NO_ANSWER": rule}}).vendor.max_attempts == 7
    assert spec(V1 | {"redial": redial}).vendor.max_attempts == 8
    assert spec(V1 | {"redial": redial | {"candidate_limit": 6, "number_limit": 4}}).vendor.max_attempts == 4


@pytest.mark.parametrize(
    ("options", "changes", "words"),
    [
        ({}, {}, "extra key `platform_timezone` is missing"),
        ({"platform_timezone": "Ural"}, {}, "not an IANA time zone"),
        ({"platform_timezone": "UTC"}, {"starts_at": NOW - timedelta(minutes=1)}, "in the past"),
        ({"platform_timezone": "UTC"}, {"ends_at": datetime(2030, 1, 15, 6, tzinfo=UTC)}, "reversed"),
        # the window's end lies on the platform's next day, its start in the last minute of this one
        ({"platform_timezone": "UTC"}, {"starts_at": datetime(2030, 1, 15, 23, 59, tzinfo=UTC),
                                        "ends_at": datetime(2030, 1, 16, 5, tzinfo=UTC)}, "holds one date"),
    ],
)  # fmt: skip
async def test_dialog_refuses_an_order_its_schedule_cannot_say(
    options: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    async with session("http://127.0.0.1:9", **options) as http:
        with pytest.raises(ConfigError, match=words):
            Dialog(http, spec(DIALOG)).check(order(**changes), NOW)


@pytest.mark.parametrize(
    ("settings", "options", "changes", "words"),
    [
        (V1, {}, {}, "extra key `company_timezone` is missing"),
        (BETA, {}, {}, "extra key `candidates_path` is missing"),
        (BETA, {"candidates_path": "/tasks/candidates"}, {}, "lacks {task_id}"),
        (BETA, {"candidates_path": "/t/{task_id}"}, {"starts_at": NOW - timedelta(minutes=1)}, "in the past"),
        (BETA | {"start": "on_load"}, {"candidates_path": "/t/{task_id}"}, {}, "not yet 2030-01-15"),
        (V1, {"company_timezone": "UTC"}, {"local_from": time(18), "local_to": time(10)}, "reversed"),
        (V1, {"company_timezone": "UTC"}, {"ends_at": NOW}, "ends before"),
    ],
)
async def test_twin_refuses_an_order_its_task_cannot_say(
    settings: dict[str, Any], options: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    async with session("http://127.0.0.1:9", **options) as http:
        with pytest.raises(ConfigError, match=words):
            Twin(http, spec(settings)).check(order(**changes), NOW)


@pytest.mark.parametrize(("settings", "dialer"), [(DIALOG, Dialog), (V1, Twin)], ids=["dialog", "twin"])
async def test_an_account_without_credentials_is_refused_before_any_request(
    settings: dict[str, Any], dialer: type[Dialer]
) -> None:
    for empty in (Account("http://127.0.0.1:9"), Account("vendor.example", "robot", "secret")):
        async with VendorSession("testvendor", empty) as http:
            with pytest.raises(ConfigError, match=r"fill them in|give the address"):
                dialer(http, spec(settings)).check(order(), NOW)
