"""Trying a connection: its fields, then a few requests that only read, in seconds, each failure one sentence with cure.

A trial proves what it has read and says what it could not prove. It takes no place in the account's budget: a handful
of requests, never repeated, by a person at a form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from obzvon.errors import AuthRefused, ConfigError, ContractBreak, Delivery, ObzvonError, RateLimited, VendorError
from obzvon.vendors.account import Account
from obzvon.vendors.patience import Patience

__all__ = ["ONCE", "SECONDS", "Step", "Unproven", "hurried", "in_time", "local_time", "require_fields", "step"]

#: A request of a trial is not repeated.
ONCE = Patience(attempts=1)
#: The longest trial.
SECONDS = 25.0
_CONNECT, _SILENCE, _TOTAL = 5.0, 8.0, 10.0
_NO_SUCH_PATH = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE}


class Unproven(ObzvonError):
    """A trial failed; the sentence names step, cause and cure."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a trial does. `fields`: what decides where it asks; `right`: what the account needs for it.

    `login`: it hands over login and password, so whatever is refused is one of them.
    """

    what: str
    fields: str
    right: str = ""
    login: bool = False


def hurried(account: Account) -> Account:
    """The account with the short timeouts of a trial."""
    options = dict(account.options)
    for key, most in (("connect_timeout", _CONNECT), ("read_timeout", _SILENCE), ("total_timeout", _TOTAL)):
        options[key] = min(account.number(key, most) or most, most)
    return replace(account, options=options)


@contextmanager
def step(of: Step) -> Iterator[None]:
    """Turn what goes wrong inside into one `Unproven`."""
    try:
        yield
        return
    except VendorError as error:
        said = _sentence(of, error)
    except ContractBreak as error:
        said = f"{of.what}: the answer is not what the vendor documents ({error.field}); correct {of.fields}"
    raise Unproven(said)


async def in_time(trial: Awaitable[str]) -> str:
    """What the trial says, if it says it in time."""
    try:
        async with asyncio.timeout(SECONDS):
            return await trial
    except TimeoutError:
        pass
    raise Unproven(f"no end within {SECONDS:.0f} s: the vendor answers too slowly; check address and network")


def _sentence(of: Step, error: VendorError) -> str:
    status = error.status
    if isinstance(error, RateLimited):
        pause = f"{error.retry_after:.0f} s" if error.retry_after else "some minutes"
        return f"{of.what}: the vendor gets too many requests of this account (HTTP 429); test again in {pause}"
    if status is None and error.delivery is Delivery.IN_DOUBT:
        return f"{error}; check address and network"
    if status is None:
        return str(error)  # it says what to check
    return f"{of.what}: {_cause(of, error, status)}"


def _cause(of: Step, error: VendorError, status: int) -> str:
    """What an answer with this status means for this step, and the cure."""
    if status in _NO_SUCH_PATH:
        return f"nothing answers there (HTTP {status}); correct {of.fields}"
    if status == HTTPStatus.FORBIDDEN:
        right = of.right or "let in: ask the vendor whether the account is blocked or its API is switched off"
        return f"the account may not (HTTP 403); it has to be {right}"
    if (of.login and 400 <= status < 500) or isinstance(error, AuthRefused):
        return f"login, password or token is wrong (HTTP {status}); type them anew"
    if 300 <= status < 400:
        return f"the vendor redirects (HTTP {status}); correct {of.fields}: https for http, or the host it redirects to"
    if status < 300:
        return f"a web page or broken JSON answers and not the API (HTTP {status}); correct {of.fields}"
    if status >= 500:
        return f"the vendor's own server fails (HTTP {status}), which says nothing about this connection; test later"
    return f"the vendor refuses the request (HTTP {status}); correct {of.fields}"


# fields -----------------------------------------------------------------------------------------------------------


def require_fields(account: Account, form: Mapping[str, Any]) -> None:
    """ConfigError for the first field that is missing, unknown or of the wrong kind; nothing is asked of anybody."""
    fields = form["conn-fields"]
    where = urlsplit(account.base_url)
    if not where.hostname or where.scheme not in {"http", "https"}:
        raise ConfigError(f"connection {account.conn_id}: the address is empty or none; give it as https://host[:port]")
    if unknown := sorted(set(account.options) - set(fields)):
        near = get_close_matches(unknown[0], fields, n=1)
        meant = f"write `{near[0]}`" if near else "remove it"
        raise ConfigError(f"connection {account.conn_id}: nothing reads extra key `{unknown[0]}`; {meant}")
    for key, about in fields.items():
        if key != "token":  # is no option any more, see Account
            _require(account, key, about)


def _require(account: Account, key: str, about: Mapping[str, Any]) -> None:
    schema, cure = about["schema"], f"{about['label'].rstrip('.')}: {about['description']}"
    kinds = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    if "null" in kinds and account.options.get(key) in (None, ""):
        return
    if kinds & {"number", "integer"}:
        account.number(key, least=schema.get("minimum", 0), cure=cure)
    elif "boolean" in kinds:
        account.flag(key, cure=cure)
    elif "array" in kinds:
        account.names(key, cure=cure)
    elif key.endswith("_timezone"):
        account.zone(key, cure=cure)
    elif "string" in kinds:
        value = account.text(key, cure=cure)
        if "enum" in schema and value not in schema["enum"]:
            words = ", ".join(schema["enum"])
            raise ConfigError(f"connection {account.conn_id}: extra key `{key}` is none of {words}")


def local_time(account: Account, key: str) -> str:
    """The zone of an option with the time it is there, for a person to compare with the vendor's."""
    zone = account.zone(key, cure="set it to an IANA time zone")
    return f"`{key}` {zone}, where it is {datetime.now(UTC).astimezone(zone):%H:%M}"
