"""Every address that our plugin adds to Airflow's web server: whoever is nobody gets nothing from it.

A route that is added is asked too; one without a login fails until it is written down here, with what stands for it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from obzvon_provider.pages.plugin import ObzvonPlugin

#: Doors without a login, and what decides there instead; each has tests of its own.
WITHOUT_LOGIN = {
    "/obzvon/static": "files of the project, the same for everybody",
    "/obzvon/recordings/{path:path}": "the signature of the link (tests/recordings/test_recording_page.py)",
    "/obzvon-events": "the secret of the address and the sender's network (tests/events/test_receiver.py)",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def built(registered: dict[str, Any]) -> Any:
    """The application behind what is registered."""
    lazy = registered["app"]
    return getattr(importlib.import_module(lazy._module), lazy._factory)()


def routes(app: Any, below: str) -> Iterator[tuple[str, Any]]:
    """Path and route of an application and of those mounted in it; itself where it has no routes to look at."""
    found: Sequence[BaseRoute] | None = getattr(app, "routes", None)
    if found is None:
        yield below, app
        return
    for route in found:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            yield from routes(route.app, below + route.path)
        else:
            yield below + str(getattr(route, "path", "")), route


def doors() -> dict[str, Any]:
    """Every address of the plugin with its route."""
    return {
        path: route for each in ObzvonPlugin.fastapi_apps for path, route in routes(built(each), each["url_prefix"])
    }


def test_the_doors_without_a_login_are_those_that_are_written_down() -> None:
    plain = {
        path for path, route in doors().items() if not (isinstance(route, APIRoute) and "may_read" in _guards(route))
    }
    assert plain == set(WITHOUT_LOGIN)


def _guards(route: APIRoute) -> set[str]:
    return {str(getattr(each.call, "__name__", "")) for each in route.dependant.dependencies}


def test_files_without_a_login_are_files_of_the_project() -> None:
    static = doors()["/obzvon/static"].app
    assert isinstance(static, StaticFiles)
    around = FastAPI()
    around.mount("/", static)
    client = TestClient(around)
    assert client.get("/pages.css").status_code == 200
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd", "....//app.py"):
        assert client.get(f"/{path}").status_code == 404


@pytest.mark.parametrize("method", METHODS)
def test_nobody_gets_anything_but_a_refusal(method: str) -> None:
    """Without a login, a signature or a secret; a viewer without rights: tests/pages/test_pages.py."""
    asked = 0
    for each in ObzvonPlugin.fastapi_apps:
        client = TestClient(built(each), raise_server_exceptions=True)
        for path, _ in routes(built(each), ""):
            if not path.startswith("/static"):
                address = re.sub(r"\{[^}]*\}", "x", path) or "/twin_default/guess"
                answer = client.request(method, address, headers={"accept": "application/json"})
                assert answer.status_code in {401, 403, 404, 405}, (method, address, answer.status_code)
                assert len(answer.content) < 200
                asked += 1
    assert asked > 8
