"""What Airflow registers: the pages under /obzvon and their place in the menu, the receiver of events beside them.

Light on purpose: every Airflow process loads plugins, a task start too; an application is imported by the first
request to it, which only a web server gets.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

__all__ = ["EVENTS_PREFIX", "PREFIX", "Lazy", "ObzvonPlugin"]

PREFIX = "/obzvon"
#: As `obzvon.events.door` has it, which is not imported here for its weight.
EVENTS_PREFIX = "/obzvon-events"


class Lazy:
    """An ASGI application that imports a module and calls its factory for the real one at its first request."""

    def __init__(self, module: str, factory: str) -> None:
        self._module, self._factory = module, factory
        self._app: Any = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._built()(scope, receive, send)

    def _built(self) -> Any:
        with self._lock:
            if self._app is None:
                self._app = getattr(import_module(self._module), self._factory)()
            return self._app


def _address(page: str) -> str:
    """Path of a page as the browser sees it; Airflow may stand below a path of its host."""
    return f"{urlsplit(conf.get('api', 'base_url', fallback='')).path.rstrip('/')}{PREFIX}/{page}"


class ObzvonPlugin(AirflowPlugin):
    """The pages, as an entry of the UI's menu, and the receiver."""

    name = "obzvon"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"app": Lazy("obzvon_provider.pages.app", "create_pages"), "url_prefix": PREFIX, "name": "Obzvon"},
        {
            "app": Lazy("obzvon_provider.events.app", "create_receiver"),
            "url_prefix": EVENTS_PREFIX,
            "name": "Obzvon events",
        },
    ]
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "Obzvon",
            "href": _address(""),
            "destination": "nav",
            "url_route": "obzvon",
            "icon": _address("static/icon.svg"),
            "icon_dark_mode": _address("static/icon-dark.svg"),
            "nav_top_level": True,
        }
    ]
