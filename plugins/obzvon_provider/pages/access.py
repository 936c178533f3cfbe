"""Who may read the pages: whoever is logged in to the UI and may read DAGs there. There is nothing to write."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import HTTPException, Request, status

__all__ = ["login_address", "may_read"]


def may_read(user: GetUserDep) -> None:
    """401 or 403 by Airflow's own rules where the caller is nobody; 403 where the caller may not read DAGs.

    All DAGs, not one: the pages compare campaigns with each other.
    """
    if not get_auth_manager().is_authorized_dag(method="GET", user=user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "your role may not read DAGs, and the pages show their results")


def login_address(request: Request) -> Any:
    """The UI's own login, which leads back to the page."""
    return get_auth_manager().get_url_login(next_url=str(request.url))
