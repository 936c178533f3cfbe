"""What Airflow registers: the application under /obzvon and its place in the menu.

Light on purpose: every Airflow process loads plugins, a task start too; the application is imported by the first
request to it, which only a web server gets.
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

__all__ = ["PREFIX", "LazyPages", "ObzvonPlugin"]

PREFIX = "/obzvon"


class LazyPages:
    """An ASGI application that imports and builds the real one at its first request."""

    def __init__(self) -> None:
        self._app: Any = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._built()(scope, receive, send)

    def _built(self) -> Any:
        with self._lock:
            if self._app is None:
                from obzvon_provider.pages.app import create_pages  # noqa: PLC0415  (see the module's docstring)

                self._app = create_pages()
            return self._app


def _address(page: str) -> str:
    """Path of a page as the browser sees it; Airflow may stand below a path of its host."""
    return f"{urlsplit(conf.get('api', 'base_url', fallback='')).path.rstrip('/')}{PREFIX}/{page}"


class ObzvonPlugin(AirflowPlugin):
    """The pages, as an entry of the UI's menu."""

    name = "obzvon"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [{"app": LazyPages(), "url_prefix": PREFIX, "name": "Obzvon"}]
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
