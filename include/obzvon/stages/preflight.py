"""Before calls are delivered: Qolio does not record calls of an operator it does not know or who is inactive."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection, Mapping
from enum import StrEnum
from typing import Protocol

from obzvon.errors import ConfigError
from obzvon.qolio.account import User
from obzvon.vendors.account import Account

__all__ = ["OperatorState", "UsersClient", "operator_states", "require_operators"]

log = logging.getLogger(__name__)


class OperatorState(StrEnum):
    """What Qolio says of an operator id."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNKNOWN = "unknown"


_CURES = {
    OperatorState.INACTIVE: "is inactive: activate the employee in Qolio",
    OperatorState.UNKNOWN: "is nobody's «ID in the integrated system»: enter it for an employee in Qolio, or correct"
    " `qolio.operator_id` of the campaign file",
}


class UsersClient(Protocol):
    """What the preflight needs of Qolio."""

    @property
    def settings(self) -> Account:
        """The connection as plain values."""

    def users(self, **query: str) -> AsyncIterator[list[User]]:
        """Every user page by page, inactive ones too."""

    def bindings(self) -> AsyncIterator[tuple[str, str]]:
        """E-mail and integration uid of everybody bound to the integration."""


async def require_operators(client: UsersClient, wanted: Mapping[str, Collection[str]]) -> None:
    """Return when every operator (id: campaigns that name it) exists and is active; ConfigError names the others.

    The connection's option `check_operators` (true) switches it off, for accounts whose lists do not show the ids.
    """
    settings = client.settings
    if not settings.flag("check_operators", True):
        log.warning(
            "connection %s: `check_operators` is false, so operators were not looked at: %s",
            settings.conn_id,
            ", ".join(sorted(wanted)),
        )
        return
    states = await operator_states(client, wanted)
    bad = [
        f"operator {name!r} of {', '.join(sorted(wanted[name]))} {_CURES[state]}"
        for name, state in sorted(states.items())
        if state is not OperatorState.ACTIVE
    ]
    if bad:
        raise ConfigError(f"qolio, connection {settings.conn_id}: nothing was sent; {'; '.join(bad)}")
    log.info("qolio: %d operators exist and are active: %s", len(states), ", ".join(sorted(states)))


async def operator_states(client: UsersClient, wanted: Collection[str]) -> dict[str, OperatorState]:
    """The state of every wanted id: by the users' own ids, else by the integration's bindings.

    An id that several users share is active when one of them is.
    """
    found: dict[str, bool] = {}
    async for page in client.users():
        for user in page:
            uid = user.integration_uid
            if uid is not None and uid in wanted:
                found[uid] = found.get(uid, False) or user.active
    if missing := set(wanted) - found.keys():
        found |= await _bound(client, missing)
    return {name: _state(found.get(name)) for name in wanted}


async def _bound(client: UsersClient, missing: Collection[str]) -> dict[str, bool]:
    emails = {uid: email async for email, uid in client.bindings() if uid in missing and email}
    found: dict[str, bool] = {}
    for uid, email in emails.items():
        async for page in client.users(search=email):
            for user in page:
                if user.email.casefold() == email.casefold():
                    found[uid] = found.get(uid, False) or user.active
    return found


def _state(active: bool | None) -> OperatorState:
    if active is None:
        return OperatorState.UNKNOWN
    return OperatorState.ACTIVE if active else OperatorState.INACTIVE
