"""Who may read the pages: whoever is logged in to the UI and may read DAGs there. There is nothing to write."""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from fastapi import Depends, HTTPException, Request, status

__all__ = ["login_address", "may_read"]


async def known(request: Request) -> BaseUser:
    """The user by Airflow's own rules; 401 for whoever is nobody.

    Airflow answers 403 to a token that is not valid. A reader can mend that only by a login, never by a role.
    """
    try:
        return await get_user(request, None, await bearer_scheme(request))
    except HTTPException as error:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, error.detail) from None


def may_read(user: Annotated[BaseUser, Depends(known)]) -> None:
    """401 where the caller is nobody; 403 where the caller may not read DAGs.

    All DAGs, not one: the pages compare campaigns with each other.
    """
    if not get_auth_manager().is_authorized_dag(method="GET", user=user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "your role may not read DAGs, and the pages show their results")


def login_address(request: Request) -> Any:
    """The UI's own login, which leads back to the page."""
    return get_auth_manager().get_url_login(next_url=str(request.url))
