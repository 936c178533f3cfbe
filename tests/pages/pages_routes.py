"""Every address of the pages, read from the application itself, and what callers may show to get in.

A route that is added is tried like all others.
"""

from __future__ import annotations

import itertools
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from obzvon_provider.pages.app import create_pages
from obzvon_provider.pages.sections import SECTIONS

__all__ = ["SIGNED", "addresses", "routes", "tokens"]

#: Behind these is no login: the link itself is signed.
SIGNED = "recordings/"
#: What stands for a parameter of a path. A route with another one needs its values here.
VALUES = {
    "campaign_id": ("clinic_visits",), "view": ("v_campaign_funnel",), "section": tuple(SECTIONS),
    "path": ("twin/2026-11-20/0123.mp3",),
}  # fmt: skip
PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


def routes() -> dict[str, set[str]]:
    """Methods of each path, those of applications within the application too; of files: none."""
    return dict(_routes(create_pages().routes, ""))


def _routes(found: Sequence[BaseRoute], below: str) -> Iterator[tuple[str, set[str]]]:
    for route in found:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            yield from _routes(route.app.routes, below + route.path)
        elif isinstance(route, APIRoute):
            yield below + route.path, set(route.methods)
        else:
            yield below + str(getattr(route, "path", route)), set()


def addresses() -> list[str]:
    """Addresses that a reader may ask for, below /obzvon/. KeyError for a parameter without values."""
    found: list[str] = []
    for path, methods in routes().items():
        values = itertools.product(*(VALUES[name] for name in PARAMETER.findall(path)))
        found += [PARAMETER.sub("{}", path).format(*each).lstrip("/") for each in values if methods]
    return found


def tokens() -> dict[str, tuple[str | None, int]]:
    """What a caller may show, and the answer to it."""
    manager = get_auth_manager()
    ann, nobody = (SimpleAuthManagerUser(username="ann", role=role) for role in ("viewer", None))
    head, body, signature = str(manager.generate_jwt(ann)).split(".")
    admin = urlsafe_b64encode(b'{"sub": "ann", "role": "ADMIN", "exp": 9999999999}').decode().rstrip("=")
    unsigned = urlsafe_b64encode(b'{"alg": "none", "typ": "JWT"}').decode().rstrip("=")
    return {
        "nothing": (None, 401),
        "a signature of something else": (f"{head}.{admin}.{signature}", 401),
        "no signature": (f"{unsigned}.{body}.", 401),
        "an expired token": (manager.generate_jwt(ann, expiration_time_in_seconds=-3600), 401),
        "no token at all": ("ann", 401),
        "a user without a role": (manager.generate_jwt(nobody), 403),
        "a viewer": (manager.generate_jwt(ann), 200),
    }
