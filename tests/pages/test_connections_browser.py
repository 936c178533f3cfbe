"""The three connection forms in a real browser: filled in, saved with typed values, and tried by the Test button."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from obzvon.local.environment import QOLIO_OPTIONS
from obzvon.sandbox.process import Sandbox, running_sandbox

#: The UI asks for its parts when they are shown, and the machine may be busy.
PATIENCE = 60_000


@dataclass(frozen=True, slots=True)
class Filling:
    """What somebody types into a form. `typed`: the section "To be set"; `saved`: what its extra has to hold then."""

    kind: str
    name: str
    standard: Mapping[str, str]
    typed: Mapping[str, str]
    saved: Mapping[str, Any]
    says: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A connection that does not work, or a vendor that refuses; and what the Test button says of it."""

    kind: str
    says: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""


FORMS = [
    Filling(
        "dialog",
        "Dialog (Intersvyaz)",
        {"login": "robot@obzvon.example", "password": "sandbox-dialog-password"},
        {"platform_timezone": "Asia/Yekaterinburg"},
        {"platform_timezone": "Asia/Yekaterinburg", "send_state": True, "login_encoding": "form", "token": None},
        "Proven: address and login. Not proven: the right to create campaigns",
    ),
    Filling(
        "twin",
        "TWIN",
        {"login": "robot@obzvon.example", "password": "sandbox-twin-password"},
        {"company_timezone": "Europe/Moscow", "finished_statuses": "FINISHED\nARCHIVED"},
        {"finished_statuses": ["FINISHED", "ARCHIVED"], "timezone_unit": "seconds", "poll_seconds": None},
        "Proven, for api v1: login, tasks and calls can be read.",
    ),
    Filling(
        "qolio",
        "Qolio",
        {"password": "sandbox-qolio-integration-token"},
        {"integration_path": str(QOLIO_OPTIONS["integration_path"])},
        {"check_operators": True, "recordings_link": "page", "account_password": None},
        "Proven: the API answers. Not proven: the integration token",
    ),
]
BROKEN = [
    Broken(
        "dialog",
        "log in: login, password or token is wrong (HTTP 401); type them anew",
        {"extra": {"platform_timezone": "Asia/Yekaterinburg"}, "password": "a-mistyped-password"},
    ),
    Broken(
        "twin",
        "list tasks: the account may not (HTTP 403); it has to be given the right to see tasks of calls",
        {"extra": {"company_timezone": "Europe/Moscow"}, "password": "sandbox-twin-password"},
        refused="/telephony/autoCall$",
    ),
    Broken(
        "qolio",
        "connection under test: extra key `integration_path` is not of the form /api/v1/integrations/<id>/phone_calls",
        {"extra": {"integration_path": "/api/v1/integrations"}, "password": "sandbox-qolio-integration-token"},
    ),
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("forms"), speed=0) as running:
        yield running


@pytest.fixture(scope="module")
def administrator(browser: Browser, server: str, admin: str) -> Iterator[BrowserContext]:
    """A browser whose user may edit connections; its tabs load the UI once."""
    context = browser.new_context(locale="en-US", color_scheme="light")
    context.set_default_timeout(PATIENCE)
    context.add_cookies([{"name": "_token", "value": admin, "url": server}])
    yield context
    context.close()


@pytest.fixture
def desk(administrator: BrowserContext, server: str, connections: httpx.Client) -> Iterator[Callable[[], Page]]:
    """Opens the list of connections in a tab."""
    page = administrator.new_page()

    def visit() -> Page:
        page.set_viewport_size({"width": 1280, "height": 1180})
        page.goto(f"{server}/connections")
        return page

    yield visit
    page.close()


@pytest.fixture
def connections(server: str, admin: str) -> Iterator[httpx.Client]:
    """Airflow's own API for connections; those that a test leaves are removed."""
    headers = {"Authorization": f"Bearer {admin}"}
    with httpx.Client(base_url=f"{server}/api/v2/", headers=headers, trust_env=False, timeout=60) as client:
        yield client
        for known in client.get("connections").raise_for_status().json()["connections"]:
            client.delete(f"connections/{known['connection_id']}").raise_for_status()


def address(sandbox: Sandbox, kind: str) -> dict[str, Any]:
    host, _, port = sandbox.base_url.rpartition(":")
    return {"host": f"{host}/{kind}", "port": int(port)}


def picture(page: Page, folder: Path, name: str) -> None:
    """With OBZVON_PICTURES=docs/pictures it is one of the documentation."""
    target = Path(os.environ.get("OBZVON_PICTURES") or folder) / f"connection-{name}.png"
    page.screenshot(path=target, animations="disabled", caret="hide")
    assert target.stat().st_size > 20_000


def tried(page: Page, title: str, says: str) -> None:
    """Press the button of the only connection and wait for what it says."""
    page.set_viewport_size({"width": 1280, "height": 500})
    page.get_by_role("button", name="Test Connection").click()
    expect(page.get_by_text(title)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text(says)).to_be_visible(timeout=PATIENCE)
    page.mouse.move(640, 0)  # away from the button, whose hint would stand in the picture


@pytest.mark.parametrize("filling", FORMS, ids=lambda one: one.kind)
def test_a_form_is_filled_in_saved_and_tried(
    desk: Callable[[], Page], connections: httpx.Client, sandbox: Sandbox, tmp_path: Path, filling: Filling
) -> None:
    conn_id, page = f"{filling.kind}_form", desk()
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill(conn_id)
    form.get_by_role("combobox").click()
    page.get_by_role("option", name=filling.name, exact=True).click()
    for name, value in {**address(sandbox, filling.kind), **filling.standard}.items():
        form.locator(f"input[name={name}]").fill(str(value))
    assert form.locator("input[name=schema]").count() == 0
    assert form.locator("input[name=password]").get_attribute("type") == "password"
    picture(page, tmp_path, filling.kind)
    form.get_by_role("button", name="To be set").click()
    for name, value in filling.typed.items():
        form.locator(f"#element_{name}").fill(value)
    expect(form.get_by_text("This field is required")).to_have_count(0, timeout=PATIENCE)
    picture(page, tmp_path, f"{filling.kind}-fields")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0, timeout=PATIENCE)

    saved = json.loads(connections.get(f"connections/{conn_id}").raise_for_status().json()["extra"])
    assert {key: saved[key] for key in filling.saved} == filling.saved
    page = desk()
    tried(page, "Test Connection Successful", filling.says)
    picture(page, tmp_path, f"{filling.kind}-works")


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one.kind)
def test_what_does_not_work_is_said_in_the_ui(
    desk: Callable[[], Page], connections: httpx.Client, sandbox: Sandbox, tmp_path: Path, broken: Broken
) -> None:
    body = {"connection_id": f"{broken.kind}_broken", "conn_type": broken.kind, "login": "robot@obzvon.example",
            **address(sandbox, broken.kind), **broken.fields}  # fmt: skip
    connections.post("connections", json=body | {"extra": json.dumps(body["extra"])}).raise_for_status()
    if broken.refused:
        fault = {"vendor": broken.kind, "do": "answer", "status": 403, "body": {"error": "no"}, "path": broken.refused}
        httpx.post(f"{sandbox.base_url}/_sandbox/faults", json=fault, trust_env=False).raise_for_status()
    page = desk()
    tried(page, "Test Connection Failed", broken.says)
    picture(page, tmp_path, f"{broken.kind}-fails")


def test_a_form_without_what_is_mandatory_cannot_be_saved(desk: Callable[[], Page]) -> None:
    page = desk()
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill("half_filled")
    form.get_by_role("combobox").click()
    page.get_by_role("option", name="Qolio", exact=True).click()
    form.get_by_role("button", name="To be set").click()
    expect(form.get_by_text("This field is required")).to_be_visible(timeout=PATIENCE)
    expect(form.get_by_role("button", name="Save")).to_be_disabled(timeout=PATIENCE)
