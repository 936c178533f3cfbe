"""Before delivery: an operator whom Qolio would not record is named with the cure, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest
from account_scene import INTEGRATION, House

from obzvon.errors import AuthRefused, ConfigError
from obzvon.stages.preflight import OperatorState, operator_states, require_operators

pytestmark = pytest.mark.stack


async def required(house: House, operators: dict[str, list[str]], **options: Any) -> None:
    async with house.connected(**options) as account:
        await require_operators(account, operators)


async def test_active_operators_pass(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await required(house, {"bot:dialog:10": ["a"], "bot:twin:44e62ac6": ["b"]})
    assert "2 operators exist and are active" in caplog.text


async def test_an_inactive_operator_is_named_with_its_campaigns_and_the_cure(house: House) -> None:
    with pytest.raises(ConfigError, match="nothing was sent") as error:
        await required(house, {"bot:inactive": ["spring", "autumn"], "bot:dialog:10": ["a"]})
    assert "operator 'bot:inactive' of autumn, spring is inactive: activate the employee" in str(error.value)
    assert "bot:dialog:10" not in str(error.value)


async def test_an_unknown_operator_is_named_with_the_cure(house: House) -> None:
    with pytest.raises(ConfigError, match=r"'bot:nobody' of a is nobody's .* or correct `qolio.operator_id`"):
        await required(house, {"bot:nobody": ["a"]})


async def test_an_operator_whom_only_the_bindings_name_is_found(house: House) -> None:
    await required(house, {"operator@email.com": ["a"]})
    assert [request["path"].rpartition("/")[2] for request in house.requests("GET")] == [
        "users",
        "user_account_bindings_csv",
        "users",
    ]


async def test_bindings_are_looked_for_only_where_their_path_is_known(house: House) -> None:
    elsewhere = {"integration_path": "/hooks/qolio", "bindings_path": ""}
    async with house.connected(**elsewhere) as account:
        assert await operator_states(account, {"operator@email.com"}) == {"operator@email.com": OperatorState.UNKNOWN}
    given = {
        "integration_path": "/hooks/qolio",
        "bindings_path": f"/api/v1/api_integrations/{INTEGRATION}/user_account_bindings_csv",
    }
    await required(house, {"operator@email.com": ["a"]}, **given)


async def test_the_check_can_be_switched_off_and_says_so(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await required(house, {"bot:inactive": ["a"]}, check_operators="false")
    assert "operators were not looked at: bot:inactive" in caplog.text
    assert house.requests("GET") == []


async def test_a_wrong_password_or_path_is_one_sentence(house: House) -> None:
    with pytest.raises(AuthRefused, match="check login and password of connection qolio_default"):
        await required(house, {"bot:dialog:10": ["a"]}, account_password="guess")
    with pytest.raises(ConfigError, match="nothing answers under `users_path`"):
        await required(house, {"bot:dialog:10": ["a"]}, users_path="/api/v2/users")
    with pytest.raises(ConfigError, match="`account_password` is missing"):
        await required(house, {"bot:dialog:10": ["a"]}, account_password="")
