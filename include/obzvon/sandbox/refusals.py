"""How each vendor says no.

Dialog: HTTP status and a message (S-cur, "Ошибки"); the body's shape is the sandbox's guess.
TWIN: JSON with `error` and optional `details` (SDK). Qolio: `errors` array with `fields` (observed answers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from obzvon.sandbox.clock import http_date

Fields = Mapping[str, Sequence[str]]


class Refusal(Exception):
    """A vendor's no. `fields` maps the place in the request to what is wrong with it."""

    def __init__(self, status: int, message: str, fields: Fields | None = None) -> None:
        self.status, self.message, self.fields = status, message, fields or {}
        super().__init__(message)


def answer(data: Any, *, at: float | None = None, status: int = 200) -> Response:
    """A JSON answer; `at` (virtual seconds since 1970) becomes its `Date` header."""
    headers = None if at is None else {"Date": http_date(at)}
    return Response(orjson.dumps(data), status, headers, "application/json")


def vendor_of(path: str) -> str:
    """First part of the path when it is a vendor's, else an empty string."""
    head = path.split("/", 2)[1]
    return head if head in ("dialog", "twin", "qolio") else ""


def body_of(vendor: str, refusal: Refusal) -> dict[str, Any]:
    """The refusal in the vendor's own shape."""
    if vendor == "twin":
        return {"error": refusal.message, "details": dict(refusal.fields)}
    if vendor == "qolio":
        code = {400: "bad_request", 401: "unauthorized", 404: "not_found"}.get(refusal.status, "unprocessable_entity")
        title = "Invalid Document" if refusal.status == 400 else "Error in request processing"
        return {
            "errors": [
                {
                    "status": refusal.status,
                    "code": code,
                    "title": title,
                    "detail": refusal.message,
                    "fields": dict(refusal.fields),
                }
            ]
        }
    listed = "; ".join(f"{place}: {', '.join(texts)}" for place, texts in refusal.fields.items())
    return {"message": f"{refusal.message}: {listed}" if listed else refusal.message}


def install(app: FastAPI) -> None:
    """Teach the application the vendors' manners."""

    async def refuse(request: Request, error: Exception) -> Response:
        refusal = _as_refusal(vendor_of(request.url.path), error)
        return answer(body_of(vendor_of(request.url.path), refusal), status=refusal.status)

    for kind in (Refusal, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, refuse)


def _as_refusal(vendor: str, error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(vendor, error)
    assert isinstance(error, HTTPException)
    return Refusal(error.status_code, str(error.detail))


def _invalid(vendor: str, error: RequestValidationError) -> Refusal:
    fields: dict[str, list[str]] = {}
    for part in error.errors():
        place = ".".join(str(step) for step in part["loc"] if step not in ("body", "query"))
        fields.setdefault(place or "body", []).append(part["msg"].removeprefix("Value error, "))
    malformed = any(part["type"] == "json_invalid" for part in error.errors())
    status = 400 if malformed or vendor == "twin" else 422
    return Refusal(status, "the request does not follow the document", fields)
