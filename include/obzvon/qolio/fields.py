"""Where a communication's uid and a review's values stand in Qolio's answers.

No public page shows it, so the connection says it: dotted paths from the resource (`attributes.uid`,
`relationships.reviews.data`). Of a list of reviews inside a communication, paths count from the review; one that begins
with `/` counts from the communication.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from obzvon.errors import ConfigError
from obzvon.qolio.account import Page
from obzvon.vendors.account import Account

__all__ = ["Review", "ReviewFields", "interaction_uid", "uid_of"]

_CURE = "ask Qolio's support what a communication looks like in your account, see docs/connections.md"
_REQUIRED = ("id", "uid", "reviewed_at")
_OPTIONAL = ("list", "form", "score", "max_score", "reviewer", "appeal")


def interaction_uid(account: Account) -> str | None:
    """Option `interaction_uid`: the path of the uid under which we sent a call. None where it is not set."""
    if not account.options.get("interaction_uid"):
        return None
    return account.text("interaction_uid")


def uid_of(resource: Mapping[str, Any], path: str) -> str | None:
    """The uid of a communication, None for one that has none (a chat, a call of another integration)."""
    found = _at(resource, path)
    return found if isinstance(found, str) and found else None


@dataclass(frozen=True, slots=True)
class Review:
    """One review as Qolio tells it. `problem` names the value that cannot be used, and why; never the value."""

    review_id: str
    call_uid: str | None
    form_name: str | None = None
    score: Decimal | None = None
    max_score: Decimal | None = None
    reviewer_id: str | None = field(default=None, repr=False)
    reviewed_at: datetime | None = None
    appeal_state: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewFields:
    """Option `review_fields`: a JSON object with the path of each value."""

    paths: Mapping[str, str]

    @classmethod
    def of(cls, account: Account) -> ReviewFields | None:
        """The connection's paths, None where it has none. ConfigError when they are no such object."""
        given = account.options.get("review_fields")
        if not given:
            return None
        try:
            paths = json.loads(given) if isinstance(given, str) else given
        except ValueError:
            paths = None
        known = {*_REQUIRED, *_OPTIONAL}
        if (
            not isinstance(paths, dict)
            or not set(_REQUIRED) <= set(paths) <= known
            or not all(isinstance(path, str) and path for path in paths.values())
        ):
            raise ConfigError(
                f"connection {account.conn_id}: extra key `review_fields` is no JSON object of paths with the keys"
                f" {', '.join(_REQUIRED)} and, where there are such, {', '.join(_OPTIONAL)}; {_CURE}"
            )
        return cls(paths)

    def reviews(self, page: Page) -> Iterator[Review]:
        """The reviews of a page of communications."""
        for resource in page.resources:
            for item in self._items(resource, page):
                yield self._review(item, resource)

    def _items(self, resource: Mapping[str, Any], page: Page) -> list[Mapping[str, Any]]:
        if "list" not in self.paths:
            return [resource]
        listed = _at(resource, self.paths["list"])
        items = listed if isinstance(listed, list) else [] if listed is None else [listed]
        whole = (page.included.get((item.get("type"), item.get("id")), item) for item in items if _is_object(item))
        return list(whole)

    def _review(self, item: Mapping[str, Any], resource: Mapping[str, Any]) -> Review:
        reader = _Reader(self.paths, item, resource)
        values: dict[str, Any] = {
            "call_uid": reader.text("uid", needed=True),
            "form_name": reader.text("form"),
            "score": reader.number("score"),
            "max_score": reader.number("max_score"),
            "reviewer_id": reader.text("reviewer"),
            "reviewed_at": reader.moment("reviewed_at"),
            "appeal_state": reader.text("appeal"),
        }
        review_id = reader.text("id", needed=True) or f"unnamed:{_digest(item)}"
        return Review(review_id, problem="; ".join(reader.problems) or None, **values)


class _Reader:
    """Values of one review; what is wrong with them is noted by name."""

    def __init__(self, paths: Mapping[str, str], item: Mapping[str, Any], resource: Mapping[str, Any]) -> None:
        self._paths, self._item, self._resource = paths, item, resource
        self.problems: list[str] = []

    def text(self, name: str, *, needed: bool = False) -> str | None:
        value = self._value(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            return str(value)
        absent = value is None or value == ""
        if needed or not absent:
            self.problems.append(f"{name}: {'is missing' if absent else 'is not a text'}")
        return None

    def number(self, name: str) -> Decimal | None:
        value = self._value(name)
        if value is None or value == "":
            return None
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("nan")
        if isinstance(value, bool) or not number.is_finite() or abs(number) >= 100_000:
            self.problems.append(f"{name}: is not a number below 100000")
            return None
        return number

    def moment(self, name: str) -> datetime | None:
        value = self._value(name)
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            self.problems.append(f"{name}: is not a moment with a time zone")
            return None
        return moment

    def _value(self, name: str) -> Any:
        path = self._paths.get(name)
        if path is None:
            return None
        return _at(self._resource, path[1:]) if path.startswith("/") else _at(self._item, path)


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _digest(item: Mapping[str, Any]) -> str:
    text = json.dumps(item, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
