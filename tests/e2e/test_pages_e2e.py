"""The pages of the running stack: behind its login, with the campaigns that have run."""

from __future__ import annotations

import httpx
import pytest
from conftest import CAMPAIGNS, World, tomorrow

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def get(world: World, path: str, token: str | None) -> httpx.Response:
    cookies = {"_token": token} if token else {}
    url = f"{world.stack.address.web}/obzvon/{path}"
    with httpx.Client(trust_env=False, timeout=60, cookies=cookies, headers={"accept": "text/html"}) as http:
        return http.get(url)


def login(world: World) -> str:
    address = world.stack.address
    body = {"username": address.user, "password": address.password}
    answer = httpx.post(f"{address.web}/auth/token", json=body, trust_env=False, timeout=60)
    token: str = answer.raise_for_status().json()["access_token"]
    return token


@pytest.mark.parametrize("path", ["", "campaigns/demo_twin", "best-time", "health", "data/campaigns.csv"])
def test_without_login_there_are_no_pages(world: World, path: str) -> None:
    assert get(world, path, None).status_code == 401
    assert get(world, path, "e30.e30.e30").status_code == 401


def test_the_campaigns_page_shows_what_has_run(first_run: World) -> None:
    token, day = login(first_run), tomorrow()
    page = get(first_run, f"?from={day}&to={day}&lang=en", token)
    assert page.status_code == 200
    for campaign in CAMPAIGNS:
        assert f"/obzvon/campaigns/{campaign}?" in page.text
    rows = get(first_run, f"data/campaigns.json?from={day}&to={day}", token).json()["rows"]
    found = {row["campaign_id"]: (row["stage"], float(row["progress"])) for row in rows}
    assert {name: found[name] for name in CAMPAIGNS} == dict.fromkeys(CAMPAIGNS, ("finished", 1.0))


def test_the_plugin_stands_in_the_menu(world: World) -> None:
    views = [view for plugin in world.api.ask("GET", "/plugins").json()["plugins"] for view in plugin["external_views"]]
    assert [view["href"] for view in views if view["name"] == "Obzvon"] == ["/obzvon/"]
    assert world.api.ask("GET", "/plugins/importErrors").json()["import_errors"] == []
