"""TWIN's IAM: login, refresh, who am I (twin SDK and C-TOKEN; expired tokens are told by the words of the SDK)."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import Field
from starlette.responses import Response

from obzvon.sandbox.models import Camel
from obzvon.sandbox.refusals import Refusal, answer
from obzvon.sandbox.tokens import TokenState
from obzvon.sandbox.world import World, WorldDep

WEEK = 604_800
REFRESH_SECONDS = 340 * 86400.0


async def _signed_in(world: WorldDep, authorization: Annotated[str, Header()] = "") -> None:
    kind, _, token = authorization.partition(" ")
    state = world.tokens.judge("twin", "access", token) if kind == "Bearer" else TokenState.UNKNOWN
    if state is not TokenState.GOOD:
        raise Refusal(401, "Token is expired." if state is TokenState.EXPIRED else "Unauthorized.")


SignedIn = Depends(_signed_in)
router = APIRouter(prefix="/twin/iam/api/v1", tags=["twin iam"])


class Login(Camel):
    """POST auth/login. `ttl` in seconds; a week when absent (C-TOKEN), never more than the sandbox's own limit."""

    email: str
    password: str
    ttl: Annotated[int, Field(ge=1)] = WEEK
    company_id: int | None = None
    extra: list[Any] | dict[str, Any] = Field(default_factory=list)


class Refresh(Camel):
    """POST auth/refresh."""

    refresh_token: str
    ttl: Annotated[int, Field(ge=1)] = WEEK


@router.post("/auth/login")
async def login(body: Login, world: WorldDep) -> Response:
    """E-mail and password for a token and a refresh token."""
    account = world.settings.twin
    right = hmac.compare_digest(body.email.encode(), account.email.encode())
    right &= hmac.compare_digest(body.password.encode(), account.password.encode())
    if not right:
        raise Refusal(401, "Invalid credentials.")
    return answer(_pair(world, body.ttl))


@router.post("/auth/refresh")
async def refresh(body: Refresh, world: WorldDep) -> Response:
    """A new token for a refresh token."""
    if world.tokens.judge("twin", "refresh", body.refresh_token) is not TokenState.GOOD:
        raise Refusal(401, "Refresh token is not valid.")
    return answer(_pair(world, body.ttl))


@router.get("/users/me", dependencies=[SignedIn])
async def me(world: WorldDep) -> Response:
    """The signed-in user; clients use it to try a connection."""
    account = world.settings.twin
    user = {"id": account.user_id, "companyId": account.company_id, "email": account.email}
    names = {"firstName": "Робот", "lastName": "Обзвон", "middleName": None, "phone": None}
    return answer({**user, **names, "roles": [{"name": "COMPANY_ADMIN"}], "settings": {}, "avatar": None})


def _pair(world: World, ttl: int) -> dict[str, str]:
    account = world.settings.twin
    claims = {"version": 1, "sub": str(account.user_id), "company_id": account.company_id}
    lives = min(float(ttl), world.settings.twin_token_seconds)
    return {
        "token": world.tokens.signed("twin", lives, claims),
        "refreshToken": world.tokens.opaque("twin", "refresh", REFRESH_SECONDS),
    }
