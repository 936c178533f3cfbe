"""The application behind the pages: GET only, behind Airflow's login, over a reading connection.

Copies of recordings are mounted beside them, behind the signature of their links instead of a login.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psycopg
from airflow.sdk.exceptions import AirflowException
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from psycopg import sql
from starlette.exceptions import HTTPException as AnyHTTPException

from obzvon.errors import ConfigError
from obzvon.policy.switch import KillSwitch
from obzvon_provider.pages import content
from obzvon_provider.pages.access import login_address, may_read
from obzvon_provider.pages.csv_file import csv_bytes
from obzvon_provider.pages.filters import BadFilter, Campaign, Filters, chosen
from obzvon_provider.pages.page import COOKIE, Page, lang_of
from obzvon_provider.pages.reader import Marts, WarehouseAway, marts
from obzvon_provider.pages.recordings import create_recordings
from obzvon_provider.pages.sections import SECTIONS, Table, read
from obzvon_provider.pages.texts import LANGUAGES
from obzvon_provider.runtime import switch

__all__ = ["create_pages"]

STATIC = Path(__file__).parent / "static"
#: Nothing from anywhere else; charts set styles on their elements.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
_CAMPAIGNS = "select campaign_id, campaign_name, purpose, last_call_date from mart.v_campaign order by campaign_name"


def create_pages() -> FastAPI:
    """The whole application; it is mounted below Airflow's."""
    app = FastAPI(title="Obzvon", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(may_read)])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.mount("/recordings", create_recordings(), name="recordings")
    routes: dict[str, Callable[..., Any]] = {
        "/": campaigns_page, "/campaigns/{campaign_id}": campaign_page, "/best-time": best_page, "/health": health_page,
        "/marts": marts_page, "/marts/{view}": mart_page,
        "/data/{section}.csv": as_csv, "/data/{section}.json": as_rows,
    }  # fmt: skip
    for path, endpoint in routes.items():
        app.get(path, response_model=None)(endpoint)
    app.add_exception_handler(AnyHTTPException, refused)
    app.add_exception_handler(BadFilter, misunderstood)
    for kind in (ConfigError, WarehouseAway, psycopg.Error):
        app.add_exception_handler(kind, unreadable)
    app.middleware("http")(guarded)
    return app


async def guarded(request: Request, call_next: Any) -> Response:
    """Headers of every answer, and the language that the reader chose."""
    response: Response = await call_next(request)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    static = request.url.path.rpartition("/static/")[1] != ""
    response.headers["Cache-Control"] = "public, max-age=86400" if static else "no-store"
    if (lang := request.query_params.get("lang")) in LANGUAGES:
        path = str(request.scope.get("root_path") or "/")
        response.set_cookie(COOKIE, lang, max_age=31_536_000, path=path, samesite="lax", httponly=True)
    return response


# pages ------------------------------------------------------------------------------------------------------------


def campaigns_page(request: Request) -> HTMLResponse:
    """What runs, what is over, what it cost."""
    return _page(request, "campaigns.html", content.campaigns)


def campaign_page(request: Request, campaign_id: str) -> HTMLResponse:
    """One campaign."""
    return _page(request, "campaign.html", content.campaign, campaign_id)


def best_page(request: Request) -> HTMLResponse:
    """When people answer."""
    return _page(request, "best.html", content.best_time)


def health_page(request: Request) -> HTMLResponse:
    """Whether the numbers can be trusted."""
    return _page(request, "health.html", content.health)


def marts_page(request: Request) -> HTMLResponse:
    """Every mart with what it says."""
    return _page(request, "marts.html", lambda page: {})


def mart_page(request: Request, view: str) -> HTMLResponse:
    """One mart: its columns, their meaning and formula."""
    with marts() as open_marts:
        page = _opened(request, open_marts)
        if view not in open_marts.views:
            raise HTTPException(404, page.words("unknown_mart", name=view))
        return HTMLResponse(page.render("mart.html", view=open_marts.views[view]))


def _page(
    request: Request, template: str, fill: Callable[[Page], dict[str, Any]], campaign_id: str | None = None
) -> HTMLResponse:
    with marts() as open_marts:
        page = _opened(request, open_marts, campaign_id)
        if not page.filters.campaigns and template != "marts.html":
            return HTMLResponse(page.render("empty.html"))
        if campaign_id and page.filters.named is None:
            raise HTTPException(404, page.words("unknown_campaign", name=campaign_id))
        return HTMLResponse(page.render(template, **fill(page)))


def _opened(request: Request, open_marts: Marts, campaign_id: str | None = None) -> Page:
    return Page(request, _filters(request, open_marts, campaign_id), open_marts, _switch())


def _filters(request: Request, open_marts: Marts, campaign_id: str | None = None) -> Filters:
    _, rows = open_marts.ask(sql.SQL(_CAMPAIGNS) + sql.SQL(""), {}) if "v_campaign" in open_marts.views else ((), [])
    known = [Campaign(row["campaign_id"], row["campaign_name"], row["purpose"]) for row in rows]
    asked = dict(request.query_params) | ({"campaign": campaign_id} if campaign_id else {})
    mine = [row["last_call_date"] for row in rows if asked.get("campaign") in (None, "", row["campaign_id"])]
    return chosen(asked, known, max(mine, default=None))


def _switch() -> KillSwitch | None:
    try:
        return switch()
    except (AirflowException, ConfigError, OSError):
        return None


# data -------------------------------------------------------------------------------------------------------------


def as_csv(request: Request, section: str) -> Response:
    """A table for a spreadsheet."""
    table = _table(request, section)
    headers = {"Content-Disposition": f'attachment; filename="obzvon-{section}.csv"'}
    return Response(csv_bytes(table, lang_of(request)), media_type="text/csv; charset=utf-8", headers=headers)


def as_rows(request: Request, section: str) -> dict[str, Any]:
    """A table for a program."""
    table = _table(request, section)
    mart = f"mart.{table.section.mart}"
    return {"mart": mart, "all_dates": table.all_dates, "columns": table.columns, "rows": table.rows}


def _table(request: Request, section: str) -> Table:
    if section not in SECTIONS:
        raise HTTPException(404, f"there is no table {section}; there are: {', '.join(sorted(SECTIONS))}")
    with marts() as open_marts:
        table = read(open_marts, SECTIONS[section], _filters(request, open_marts))
    if table.missing:
        raise HTTPException(404, f"this warehouse has no mart.{table.section.mart}; bring its schema up to date")
    return table


# what went wrong --------------------------------------------------------------------------------------------------


def refused(request: Request, error: Exception) -> Response:
    """Not logged in, not allowed, not there, not a GET."""
    assert isinstance(error, AnyHTTPException)
    return problem(request, error.status_code, str(error.detail), headers=dict(error.headers or {}))


def misunderstood(request: Request, error: Exception) -> Response:
    """A filter that means nothing, named in the reader's language."""
    assert isinstance(error, BadFilter)
    return problem(request, 400, Page(request, Filters()).words(error.key, **error.values))


def unreadable(request: Request, error: Exception) -> Response:
    """The warehouse is away or is not what the pages know. A database error is named by its SQLSTATE alone."""
    says = f"SQLSTATE {error.sqlstate or 'none'}" if isinstance(error, psycopg.Error) else str(error)
    return problem(request, 503, says)


def problem(request: Request, status: int, says: str, headers: dict[str, str] | None = None) -> Response:
    """A page for a person, JSON for a program and for the data."""
    if "/data/" in request.url.path or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": says}, status, headers)
    page = Page(request, Filters())
    # what the status alone says stands in the title, in the reader's language
    known = says != HTTPStatus(status).phrase
    values = {"status": status, "says": says if known else "", "login": login_address(request) if status == 401 else ""}
    return HTMLResponse(page.render("problem.html", **values), status, headers)
