"""What an answer or a failed request proves, sorted into the error tree by exception type and HTTP status alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import aiohttp

from obzvon.errors import AuthRefused, InDoubt, NotSent, RateLimited, Refused, VendorError
from obzvon.vendors.json_text import parsed

#: Raised before the first byte of a request leaves: name look-up, connect, TLS, waiting for a connection.
_BEFORE_SENDING = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ServerFingerprintMismatch)
#: 4xx that a proxy gives of its own accord about a request it may have passed on.
_UNCERTAIN = {408, 499}
_PART = re.compile(r"[A-Za-z_$][A-Za-z_$\-]*\d{0,3}|\d{1,5}")
_MAX_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with a status below 300. `date` is the vendor's clock (UTC), ours where the vendor names none."""

    vendor: str
    action: str
    status: int
    date: datetime
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)

    @property
    def usable(self) -> bool:
        """False for a page of HTML, and for a body that claims to be JSON and is none: neither says what was done."""
        if not self.body.strip():
            return True
        if _kind(self.headers).endswith("json"):
            return _parses(self.body)
        return not is_page(self.headers, self.body)

    def json(self) -> Any:
        """The parsed body; InDoubt when it is not JSON, because then nothing says what the vendor did."""
        try:
            return parsed(self.body)
        except ValueError:
            pass
        raise InDoubt(self.vendor, self.action, "the answer is not JSON", status=self.status)


def vendor_date(headers: Mapping[str, str], now: datetime) -> datetime:
    """The `Date` header as aware UTC, or `now`."""
    return http_date(headers.get("Date", "")) or now


@lru_cache(maxsize=8)
def http_date(text: str) -> datetime | None:
    """An HTTP date as aware UTC; None when it is none. Answers of one second have the same one."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by `Retry-After`, which is either seconds or an HTTP date; None when the vendor named no time."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def failed_request(vendor: str, action: str, error: Exception) -> VendorError:
    """The error for a request that got no answer. Only connection errors prove that nothing was sent."""
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return NotSent(vendor, action, "the connection's address is not a valid http(s) address; correct it")
    cause = _CAUSES.get(type(error), type(error).__name__)
    if isinstance(error, _BEFORE_SENDING):
        return NotSent(vendor, action, cause)
    if isinstance(error, TimeoutError):
        return InDoubt(vendor, action, "no answer in time")
    return InDoubt(vendor, action, f"the connection failed after the request may have left ({cause})")


_CAUSES: dict[type[Exception], str] = {
    aiohttp.ClientConnectorDNSError: "the host name is not known; check the connection's address",
    aiohttp.ClientConnectorError: "no connection; check the connection's address and that the vendor is up",
    aiohttp.ClientConnectorSSLError: "TLS could not be agreed on; check https and port of the connection's address",
    aiohttp.ClientConnectorCertificateError: "the vendor's certificate is not trusted; check the connection's address",
    aiohttp.ConnectionTimeoutError: "no connection in time; check the connection's address and the network",
}


@dataclass(frozen=True, slots=True)
class Where:
    """What an error is about."""

    vendor: str
    action: str
    conn_id: str


def refused_request(where: Where, status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> VendorError:
    """The error for an answer with a status of 300 or more."""
    vendor, action = where.vendor, where.action
    if status == 429:
        return RateLimited(vendor, action, retry_after(headers, now))
    if status in (401, 403):
        why = "login, password or token is wrong" if status == 401 else "the account may not do this"
        return AuthRefused(vendor, action, f"{why}; correct connection {where.conn_id}", status=status)
    if 400 <= status < 500 and status not in _UNCERTAIN and _is_vendors(headers, body):
        fields = tuple(_objections(body))
        cause = f"the vendor refused it, naming {', '.join(fields)}" if fields else "the vendor refused it"
        return Refused(vendor, action, cause, status=status, fields=fields)
    redirects = 300 <= status < 400
    cause = "the vendor redirects; correct the address of connection " + where.conn_id
    error = InDoubt(vendor, action, cause if redirects else "the answer does not say what was done", status=status)
    error.retry_after = retry_after(headers, now)
    return error


def is_page(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether an answer is a page of HTML: such come from something between us and the vendor's application."""
    return "html" in _kind(headers) or body.lstrip().startswith(b"<")


def _kind(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _parses(body: bytes) -> bool:
    try:
        parsed(body)
    except ValueError:
        return False
    return True


def _is_vendors(headers: Mapping[str, str], body: bytes) -> bool:
    return bool(body.strip()) and not is_page(headers, body)


def _objections(body: bytes) -> Iterator[str]:
    """Names of the fields an error body complains about; values and messages stay behind."""
    try:
        objections = parsed(body)
    except ValueError:
        return
    for number, name in enumerate(dict.fromkeys(_names(objections))):
        if number == _MAX_FIELDS:
            return
        yield name


def _names(said: Any) -> Iterator[str]:
    """Places in FastAPI's `detail[].loc`; keys of `errors`, `error`, `detail`, `details` or of the `fields` in them."""
    if not isinstance(said, dict):
        return
    for key in ("detail", "details", "errors", "error"):
        match said.get(key):
            case {"fields": dict() as named} | (dict() as named):
                yield from filter(None, map(_place, named))
            case list() as listed:
                for item in (one for one in listed if isinstance(one, dict)):
                    yield from filter(None, [_place(item.get("loc") or item.get("field") or item.get("path"))])
                    yield from _names({"errors": item.get("fields")})


def _place(path: Any) -> str:
    """A dotted place from its parts; a part that is no plain name or position (it may be a value) falls out."""
    parts = path.split(".") if isinstance(path, str) else path if isinstance(path, list) else ()
    return ".".join(str(part) for part in parts if part != "body" and _PART.fullmatch(str(part)))
