"""Qolio's account API: sign-in, users, their bindings to an integration, communications with their reviews.

Pages "доступ через API", "добавление и настройка пользователей", "приложение … JSON:API" and what public clients do.
The attributes of a communication and of a review are the sandbox's guess: no public page shows them. The sandbox hands
out both credentials that are known (three headers, a Bearer header) and takes either. A query it does not know is an
Invalid Document.
"""

from __future__ import annotations

import hmac
import json
import math
import uuid
from collections.abc import Mapping
from typing import Any, Self

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from obzvon.sandbox.clock import iso
from obzvon.sandbox.models import Strict, moment
from obzvon.sandbox.refusals import Refusal, answer
from obzvon.sandbox.settings import QolioAccount
from obzvon.sandbox.tokens import TokenState
from obzvon.sandbox.world import World, WorldDep

router = APIRouter(prefix="/qolio", tags=["qolio"])

CLIENT = "sandbox-client"
HOUR = 3600.0
#: What a filter must be, by name.
USER_FILTERS = {"active": "boolean", "invitation_status": "status"}
INTERACTION_FILTERS = {
    "client_interaction_time_from": "moment",
    "client_interaction_time_to": "moment",
    "review_time_from": "moment",
    "review_time_to": "moment",
    "communications_types": "types",
    "duration_from": "number",
    "duration_to": "number",
}
STATUSES = {"no_invitation_sent", "invitation_sent", "invitation_accepted", "user_blocked"}
TYPES = {"phone_call", "chat", "ticket"}
SORTS = {"created_at": "created_at, uid", "started_at": "moment(json_extract(body, '$.started_at')), uid"}

_FOUND = """
from qolio_call c
where moment(json_extract(body, '$.started_at')) between :client_interaction_time_from and :client_interaction_time_to
  and coalesce(json_extract(body, '$.duration'), 0) between :duration_from and :duration_to
  and (:reviewed = 0 or exists (select 1 from qolio_review r where r.uid = c.uid
                                and r.review_time between :review_time_from and :review_time_to))
"""


class SignIn(Strict):
    """POST /auth/sign_in."""

    email: str
    password: str


class Question:
    """The query of a list: `filters[…]`, `page[number]`, `sort` and the bare keys that a page names."""

    def __init__(self, query: Mapping[str, str], filters: Mapping[str, str], bare: frozenset[str]) -> None:
        self.filters: dict[str, Any] = {}
        self.bare: dict[str, str] = {}
        self.page = 1
        for key, value in query.items():
            name = key[8:-1] if key.startswith("filters[") and key.endswith("]") else ""
            if name in filters:
                self.filters[name] = _value(key, filters[name], value)
            elif key == "communications_types" and key in filters:  # the vendor's own sample writes it bare
                self.filters[key] = _value(key, filters[key], value)
            elif key == "page[number]":
                self.page = int(_value(key, "page", value))
            elif not name and key in bare:
                self.bare[key] = value
            else:
                raise Refusal(400, "unknown parameter", {key: ["is not a parameter of this list"]})

    @classmethod
    def of(cls, request: Request, filters: Mapping[str, str], *bare: str) -> Self:
        return cls(request.query_params, filters, frozenset(bare))


def _value(key: str, kind: str, text: str) -> Any:
    try:
        match kind:
            case "moment":
                return moment(text).timestamp()
            case "number":
                return float(text)
            case "boolean":
                return {"true": True, "false": False}[text]
            case "status":
                return _among(STATUSES, [text])
            case "types":
                return _among(TYPES, text.split(","))
            case _:
                return _page(text)
    except (ValueError, KeyError) as error:
        raise Refusal(400, "wrong parameter", {key: [f"must be a {kind}"]}) from error


def _among(known: set[str], given: list[str]) -> list[str]:
    if not set(given) <= known:
        raise ValueError(given)
    return given


def _page(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


@router.post("/auth/sign_in")
async def sign_in(who: SignIn, world: WorldDep) -> Response:
    """E-mail and password for a token that comes in the answer's headers."""
    account = world.settings.qolio
    same = hmac.compare_digest(who.email.encode(), account.email.encode())
    same &= hmac.compare_digest(who.password.encode(), account.password.encode())
    if not same:
        raise Refusal(401, "Invalid login credentials. Please try again.")
    token = world.tokens.opaque("qolio", "access", HOUR)
    reply = answer({"data": {"email": who.email}})
    reply.headers.update(
        {"uid": who.email, "access-token": token, "client": CLIENT, "Authorization": f"Bearer {token}"}
    )
    return reply


async def _signed_in(request: Request, world: WorldDep) -> None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind != "Bearer":
        named = request.headers.get("uid"), request.headers.get("client")
        token = request.headers.get("access-token", "") if named == (world.settings.qolio.email, CLIENT) else ""
    if world.tokens.judge("qolio", "access", token) is not TokenState.GOOD:
        raise Refusal(401, "You need to sign in before continuing.")


SignedIn = Depends(_signed_in)


@router.get("/api/v1/users", dependencies=[SignedIn])
async def users(request: Request, world: WorldDep) -> Response:
    """The organisation's users, active ones unless asked otherwise."""
    question = Question.of(request, USER_FILTERS, "with_inactive", "search", "include")
    everybody = _value("with_inactive", "boolean", question.bare.get("with_inactive", "false"))
    wanted = question.filters.get("active", None if everybody else True)
    found = [
        user
        for user in _users(world.settings.qolio)
        if wanted in (None, user["attributes"]["active"])
        and question.bare.get("search", "").lower() in _searched(user["attributes"])
    ]
    size = world.settings.qolio.page_size
    start = (question.page - 1) * size
    return _list(found[start : start + size], question.page, len(found), size)


@router.get("/api/v1/api_integrations/{integration_id}/user_account_bindings_csv", dependencies=[SignedIn])
async def bindings(integration_id: str, world: WorldDep) -> Response:
    """Who is bound to which id of the integrated system, as CSV; last name before first name, as a client reads it."""
    account = world.settings.qolio
    if integration_id != account.integration_id:
        raise Refusal(404, "no such integration")
    rows = [f"{_email(name)},Бот,{name},{name}" for name in sorted(account.operators | account.inactive)]
    return PlainTextResponse("\n".join(["email,last_name,first_name,integration_uid", *rows, ""]))


@router.get("/api/v1/client_interactions", dependencies=[SignedIn])
async def interactions(request: Request, world: WorldDep) -> Response:
    """Communications with their reviews. A range without an end is open."""
    question = Question.of(request, INTERACTION_FILTERS, "sort")
    order = SORTS.get(question.bare.get("sort", "created_at"))
    if order is None:
        raise Refusal(400, "wrong parameter", {"sort": ["is not an attribute to sort by"]})
    values: dict[str, Any] = {name: -math.inf if name.endswith("_from") else math.inf for name in INTERACTION_FILTERS}
    values |= {name: value for name, value in question.filters.items() if name != "communications_types"}
    values["reviewed"] = int(any(name.startswith("review_time") for name in question.filters))
    del values["communications_types"]
    size = world.settings.qolio.page_size
    phone_calls = "phone_call" in question.filters.get("communications_types", TYPES)
    total = int(world.store.value(f"select count(*) {_FOUND}", values)) if phone_calls else 0
    values |= {"size": size if phone_calls else 0, "start": (question.page - 1) * size}
    rows = world.store.rows(f"select * {_FOUND} order by {order} limit :size offset :start", values)
    return _list([_interaction(world, row) for row in rows], question.page, total, size)


class Review(Strict):
    """A reviewer's work, for the sandbox to be told; the same `id` again is an appeal or a correction."""

    id: str
    uid: str
    reviewed_at: str
    form: str = "Чек-лист бота"
    score: float | None = None
    max_score: float | None = 100.0
    reviewer: str = "qa-1"
    appeal: str | None = None


def keep(world: World, review: Review) -> None:
    """Store a review of a call that Qolio has; Refusal 404 else."""
    if world.store.one("select 1 from qolio_call where uid = ?", [review.uid]) is None:
        raise Refusal(404, "no such call")
    world.store.run(
        "insert into qolio_review (review_id, uid, review_time, body) values (:id, :uid, :time, :body)"
        " on conflict (review_id) do update set uid = :uid, review_time = :time, body = :body",
        {
            "id": review.id,
            "uid": review.uid,
            "time": moment(review.reviewed_at).timestamp(),
            "body": json.dumps(review.model_dump()),
        },
    )


def _interaction(world: World, row: Any) -> dict[str, Any]:
    body = json.loads(row["body"])
    reviews = world.store.rows("select body from qolio_review where uid = ? order by review_id", [row["uid"]])
    attributes = {
        "uid": row["uid"],
        "communication-type": "phone_call",
        "started-at": body["started_at"],
        "duration": body.get("duration"),
        "direction": body.get("direction"),
        "created-at": iso(row["created_at"]),
        "reviews": [_review(json.loads(review["body"])) for review in reviews],
    }
    return {"id": _uuid(row["uid"]), "type": "client-interactions", "attributes": attributes}


def _review(kept: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": kept["id"],
        "form-name": kept["form"],
        "score": kept["score"],
        "max-score": kept["max_score"],
        "reviewer-id": kept["reviewer"],
        "reviewed-at": kept["reviewed_at"],
        "appeal-state": kept["appeal"],
    }


def _users(account: QolioAccount) -> list[dict[str, Any]]:
    return [_user(name, name in account.operators, account) for name in sorted(account.operators | account.inactive)]


def _user(name: str, active: bool, account: QolioAccount) -> dict[str, Any]:
    attributes = {
        "email": _email(name),
        "name": f"Бот {name}",
        "first-name": name,
        "last-name": "Бот",
        "phone-number": None,
        "accepted-invitation": active,
        "integration-uid": None if name in account.bound_elsewhere else name,
        "avatar-url": None,
        "active": active,
        "collisions-on-create": None,
        "invitation-sent": True,
        "last-active-at": None,
        "prefered-locale": "ru",
    }
    related = {name: {"data": None} for name in ("role", "unit", "level", "origin-integration")}
    return {"id": _uuid(name), "type": "users", "attributes": attributes, "relationships": related}


def _list(resources: list[dict[str, Any]], page: int, total: int, size: int) -> Response:
    pages = max(1, math.ceil(total / size))
    return answer({"data": resources, "meta": {"page": page, "total-pages": pages, "total-count": total}})


def _searched(attributes: Mapping[str, Any]) -> str:
    return f"{attributes['name']} {attributes['email']}".lower()


def _email(name: str) -> str:
    return name if "@" in name else f"{name.replace(':', '-')}@obzvon.example"


def _uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))
