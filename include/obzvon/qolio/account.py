"""Qolio's account API: users, their bindings to the integration, communications, all of them only read.

Source: Qolio, «Добавление и настройка пользователей через API» (users), «Приложение: информация о полях в объектах
JSON:API» (filters, paging, `client_interactions`), a public client (bindings as CSV). What a communication or a review
looks like no public page shows: the connection says it (qolio/fields.py).
"""

from __future__ import annotations

import csv
import io
from collections import ChainMap
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Self

from obzvon.errors import ConfigError, ContractBreak, VendorError
from obzvon.qolio.cabinet import integration_of
from obzvon.qolio.client import VENDOR
from obzvon.qolio.sign_in import SignIn
from obzvon.vendors.account import Account
from obzvon.vendors.budget import Budget
from obzvon.vendors.http import Answer, Patience, VendorSession

__all__ = ["Page", "QolioAccount", "User"]

_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE}


@dataclass(frozen=True, slots=True)
class User:
    """An employee at Qolio; `integration_uid` is the "ID in the integrated system", where the list shows it."""

    email: str = field(repr=False)
    integration_uid: str | None
    active: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its resources, those included beside them by (type, id), and what comes after."""

    resources: list[dict[str, Any]] = field(repr=False)
    included: Mapping[tuple[str, str], dict[str, Any]] = field(repr=False, default_factory=dict)
    last: bool = True


class QolioAccount:
    """The account API over one connection; use `QolioAccount.connected(account)`.

    Options: `sign_in_path` (/auth/sign_in), `users_path` (/api/v1/users), `bindings_path` (made from the
    integration's path), `interactions_path` (/api/v1/client_interactions), `interactions_sort` (created_at).
    """

    def __init__(self, session: VendorSession, sign_in: SignIn) -> None:
        self._session, self._sign_in = session, sign_in

    @property
    def settings(self) -> Account:
        """The connection as plain values."""
        return self._session.account

    @classmethod
    @asynccontextmanager
    async def connected(
        cls, account: Account, *, patience: Patience | None = None, budget: Budget | None = None
    ) -> AsyncIterator[Self]:
        """A client with an open session, closed when the block ends; it signs in with its first request."""
        sign_in = SignIn(account)
        async with VendorSession(VENDOR, account, sign_in, patience=patience, budget=budget) as session:
            yield cls(session, sign_in)

    async def sign_in(self) -> None:
        """Sign in now and not with the first request."""
        await self._session.authorization()

    async def users(self, **query: str) -> AsyncGenerator[list[User], None]:
        """Every user page by page, inactive ones too; `query`: further parameters, such as `search`."""
        path = self.settings.text("users_path", "/api/v1/users")
        asked = {"with_inactive": "true", **query}
        async for page in self._pages("list users", "users_path", path, asked):
            yield [_user(resource) for resource in page.resources]

    async def bindings(self) -> AsyncIterator[tuple[str, str]]:
        """E-mail and integration uid of everybody bound to the integration. None where no path is known."""
        path = self._bindings_path()
        if path is None:
            return
        answer = await self._read("read the bindings", "bindings_path", path, {}, {"Accept": "text/csv, */*"})
        rows = csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig", "replace")))
        if not {"email", "integration_uid"} <= set(rows.fieldnames or ()):
            raise ContractBreak("qolio_bindings", "header", "has no columns email and integration_uid")
        for row in rows:
            yield (row["email"] or "").strip(), (row["integration_uid"] or "").strip()

    async def interactions(
        self, since: datetime, until: datetime, *, by: str = "client_interaction_time"
    ) -> AsyncGenerator[Page, None]:
        """Communications that started (`by="review_time"`: were reviewed) in a span, page by page in a stable order.

        The span is inclusive at both ends, and a second wider: whether Qolio includes the ends is not documented.
        """
        settings = self.settings
        reviews = by == "review_time"
        path = settings.text("interactions_path", "/api/v1/client_interactions")
        option = "reviews_path" if reviews and settings.options.get("reviews_path") else "interactions_path"
        query = {
            f"filters[{by}_from]": _iso(since, -1),
            f"filters[{by}_to]": _iso(until, 1),
            "sort": settings.text("interactions_sort", "created_at"),
        }
        if reviews and settings.options.get("reviews_include"):
            query["include"] = settings.text("reviews_include")
        async for page in self._pages("list communications", option, settings.text(option, path), query):
            yield page

    def _bindings_path(self) -> str | None:
        given = str(self.settings.options.get("bindings_path") or "")
        integration = integration_of(self.settings)
        if given or not integration:
            return given or None
        return f"/api/v1/api_integrations/{integration}/user_account_bindings_csv"

    async def _pages(self, action: str, option: str, path: str, query: Mapping[str, str]) -> AsyncIterator[Page]:
        """Pages by number until `meta.total-pages`; the page size is Qolio's."""
        number = 1
        while True:
            answer = await self._read(action, option, path, {**query, "page[number]": str(number)})
            page = _page(answer.json(), number)
            yield page
            if page.last:
                return
            number += 1

    async def _read(
        self, action: str, option: str, path: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        # a view, not a copy: the sign-in's headers are there only when the request is made, and change with a renewal
        own = ChainMap(dict(headers or {}), self._sign_in.extra)
        try:
            return await self._session.read("GET", path, action=action, params=query, headers=own)
        except VendorError as error:
            if error.status not in _GONE:
                raise
        raise ConfigError(
            f"connection {self.settings.conn_id}: nothing answers under `{option}` ({action}); "
            "ask Qolio's support for the path of your installation"
        )


def _page(body: Any, number: int) -> Page:
    """A JSON:API list. ContractBreak where the document's `data` or `meta.total-pages` is not there."""
    match body:
        case {"data": list() as resources, "meta": {"total-pages": int() as total}}:
            pass
        case _:
            raise ContractBreak("qolio_list", "data, meta.total-pages", "a list of Qolio has both")
    if not all(isinstance(resource, dict) for resource in resources):
        raise ContractBreak("qolio_list", "data", "holds something that is no object")
    if not resources and number < total:
        raise ContractBreak("qolio_list", "data", f"page {number} of {total} is empty")
    included = {
        (one["type"], one["id"]): one
        for one in body.get("included") or ()
        if isinstance(one, dict) and isinstance(one.get("type"), str) and isinstance(one.get("id"), str)
    }
    return Page(resources, included, number >= total)


def _user(resource: Mapping[str, Any]) -> User:
    attributes = resource.get("attributes")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("active"), bool):
        raise ContractBreak("qolio_user", "attributes.active", "a user of the list has no such flag")
    uid = attributes.get("integration-uid")
    return User(str(attributes.get("email") or ""), str(uid) if uid else None, attributes["active"])


def _iso(moment: datetime, seconds: int) -> str:
    return (moment + timedelta(seconds=seconds)).astimezone(UTC).isoformat(timespec="seconds")
