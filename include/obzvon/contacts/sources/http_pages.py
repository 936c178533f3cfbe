"""A paged JSON endpoint. Pages are asked for one after the other until a short one comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Annotated, Literal

import aiohttp
import orjson
from pydantic import Field
from yarl import URL

from obzvon.contacts.sources.base import Opening, Source
from obzvon.contacts.sources.connections import Connections, Endpoint
from obzvon.contacts.table import Table
from obzvon.errors import ListError

_LARGEST_PAGE = 64 << 20
_TIMEOUT = aiohttp.ClientTimeout(total=120, connect=15)
_RECORDS = "set `contacts.source.records` to the list's place in the answer"
Fetch = Callable[[int], Awaitable[bytes]]


class HttpSource(Source):
    """A paged JSON endpoint over an Airflow connection of type http.

    `records` is the dotted path of the list in the answer (empty = the answer is the list). Reading stops at the
    first page with fewer than `page_size` records.
    """

    type: Literal["http"]
    conn_id: str
    path: str
    records: str = ""
    page_param: str = "page"
    size_param: str = "page_size"
    first_page: int = 1
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    max_pages: Annotated[int, Field(ge=1)] = 10_000

    def open(self, opening: Opening) -> AbstractContextManager[Table]:
        return open_http(self, opening.connections)


@contextmanager
def open_http(source: HttpSource, connections: Connections) -> Iterator[Table]:
    """The records of all pages, streaming, one column a key. ListError: no answer, an error status, no list in it.

    Runs its own event loop: call it from code that has none running.
    """
    place = f"GET {source.path} over connection {source.conn_id}"
    with asyncio.Runner() as runner:
        session = runner.run(_session(connections.endpoint(source.conn_id)))
        try:
            pages = _pages(source, place, lambda number: runner.run(_get(session, source, place, number)))
            first = next(pages, [])
            columns = list(dict.fromkeys(key for record in first for key in record))
            yield Table(place, columns, _rows(chain([first], pages), columns))
        finally:
            runner.run(session.close())


async def _session(endpoint: Endpoint) -> aiohttp.ClientSession:
    headers = dict(endpoint.headers)
    if endpoint.login:
        headers["Authorization"] = aiohttp.encode_basic_auth(endpoint.login, endpoint.password or "")
    base = URL(endpoint.base_url.rstrip("/") + "/")
    return aiohttp.ClientSession(base, headers=headers, timeout=_TIMEOUT)


async def _get(session: aiohttp.ClientSession, source: HttpSource, place: str, number: int) -> bytes:
    params = {source.page_param: str(number), source.size_param: str(source.page_size)}
    try:
        # a redirect is not followed: the connection's headers would go wherever the answer says
        async with session.get(source.path.lstrip("/"), params=params, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ListError(f"{place}: page {number}: HTTP {answer.status}; {_cure(answer.status)}")
            return await _body(answer, f"{place}: page {number}")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ListError(f"{place}: page {number} did not come ({type(error).__name__}); check the address") from error


async def _body(answer: aiohttp.ClientResponse, place: str) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > _LARGEST_PAGE:
            raise ListError(
                f"{place} is larger than {_LARGEST_PAGE >> 20} MiB; ask for less in `contacts.source.page_size`"
            )
    return bytes(body)


def _cure(status: int) -> str:
    if 300 <= status < 400:
        return "it redirects; correct the connection's address or `contacts.source.path`"
    if status in (401, 403):
        return "check the connection's login, password or headers"
    return "check `contacts.source.path`" if status == 404 else "run again later"


def _pages(source: HttpSource, place: str, fetch: Callable[[int], bytes]) -> Iterator[list[dict[str, object]]]:
    before = b""
    for number in range(source.first_page, source.first_page + source.max_pages):
        body = fetch(number)
        records = _records(source, place, number, body)
        if records and body == before:
            raise ListError(f"{place}: two pages in a row are equal; check `contacts.source.page_param`")
        yield records
        if len(records) < source.page_size:
            return
        before = body
    raise ListError(f"{place}: more than {source.max_pages} pages; raise `contacts.source.max_pages`")


def _records(source: HttpSource, place: str, number: int, body: bytes) -> list[dict[str, object]]:
    try:
        found = orjson.loads(body)
        for key in filter(None, source.records.split(".")):
            found = found[key]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ListError(f"{place}: page {number} is not JSON with {source.records!r} in it; {_RECORDS}") from error
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise ListError(f"{place}: page {number} has no list of objects at {source.records!r}; {_RECORDS}")
    return found


def _rows(pages: Iterator[list[dict[str, object]]], columns: list[str]) -> Iterator[tuple[int, Sequence[object]]]:
    records = chain.from_iterable(pages)
    return ((number, [record.get(key) for key in columns]) for number, record in enumerate(records, start=1))
