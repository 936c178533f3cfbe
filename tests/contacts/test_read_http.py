"""A paged endpoint is a list too: page after page until a short one."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from contact_lists import Fixed, campaign, rows_of

from obzvon.contacts.sources.connections import Endpoint
from obzvon.errors import ListError

Answer = Callable[[int, int], tuple[int, Any]]


@dataclass
class Crm:
    """An HTTP service whose answer to (page, page size) a test chooses; `seen` are the requests it got."""

    url: str = ""
    answer: Answer = lambda page, size: (200, [])
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def crm() -> Iterator[Crm]:
    crm = Crm()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            crm.seen.append((self.path, dict(self.headers)))
            query = parse_qs(urlsplit(self.path).query)
            status, body = crm.answer(int(query["page"][0]), int(query["page_size"][0]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            """Nothing: tests read `seen`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    crm.url = f"http://127.0.0.1:{server.server_port}/crm"
    yield crm
    server.shutdown()
    thread.join()
    server.server_close()


def person(number: int) -> dict[str, Any]:
    return {"Телефон": 79430000000 + number, "ФИО": f"Пример {number}", "Регион": None, "Долг": 1.5}


def paged(count: int) -> Answer:
    """A service with `count` people in pages from 1."""
    return lambda page, size: (200, [person(n) for n in range(count)][(page - 1) * size : page * size])


def spec(**source: Any) -> Any:
    return campaign({"type": "http", "conn_id": "crm", "path": "/people", "page_size": 3, **source})


def read(crm: Crm, endpoint: Endpoint | None = None, **source: Any) -> list[tuple[str, ...]]:
    return rows_of(spec(**source), Path(), Fixed(endpoint=endpoint or Endpoint(crm.url)))


def refused(crm: Crm, **source: Any) -> str:
    with pytest.raises(ListError) as caught:
        read(crm, **source)
    sentence = str(caught.value)
    assert sentence.startswith("GET /people over connection crm: ")
    return sentence


@pytest.mark.parametrize(("people", "pages"), [(1, 1), (3, 2), (4, 2), (7, 3)])
def test_pages_are_asked_for_until_a_short_one(crm: Crm, people: int, pages: int) -> None:
    crm.answer = paged(people)
    rows = read(crm)
    assert rows == [(str(79430000000 + n), f"Пример {n}", "", "1.5") for n in range(people)]
    assert [path for path, _ in crm.seen] == [f"/crm/people?page={n}&page_size=3" for n in range(1, pages + 1)]


def test_the_list_may_lie_deep_in_the_answer_and_pages_may_start_at_zero(crm: Crm) -> None:
    inner = paged(4)
    crm.answer = lambda page, size: (200, {"result": {"items": inner(page + 1, size)[1]}})
    assert len(read(crm, records="result.items", first_page=0)) == 4


def test_a_key_that_some_records_lack_is_empty_there(crm: Crm) -> None:
    crm.answer = lambda page, size: (200, [person(1), {"Телефон": "8 943 000-00-02"}])
    assert read(crm)[1] == ("8 943 000-00-02", "", "", "")


def test_login_and_headers_of_the_connection_are_sent(crm: Crm) -> None:
    crm.answer = paged(1)
    read(crm, Endpoint(crm.url, "robot", "secret", {"X-Api-Key": "key"}))
    headers = crm.seen[0][1]
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"robot:secret").decode()
    assert headers["X-Api-Key"] == "key"


def test_a_connection_shows_neither_password_nor_headers() -> None:
    shown = repr(Endpoint("http://crm", "robot", "secret", {"X-Api-Key": "key"}))
    assert "secret" not in shown
    assert "key" not in shown


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (401, "check the connection's login, password or headers"),
        (404, "check `contacts.source.path`"),
        (500, "run again later"),
    ],
)
def test_an_error_status_is_named_with_its_cure(crm: Crm, status: int, cure: str) -> None:
    crm.answer = lambda page, size: (status, {"message": "79430000001 unknown"})
    assert refused(crm) == f"GET /people over connection crm: page 1: HTTP {status}; {cure}"


@pytest.mark.parametrize("body", [b"<html>", {"items": []}, {"result": 5}, {"result": [1]}, [person(1)]])
def test_an_answer_without_the_list_names_the_key_to_set(crm: Crm, body: Any) -> None:
    crm.answer = lambda page, size: (200, body)
    assert refused(crm, records="result").endswith("set `contacts.source.records` to the list's place in the answer")


def test_a_service_that_ignores_the_page_is_found_out(crm: Crm) -> None:
    crm.answer = lambda page, size: (200, [person(n) for n in range(size)])
    assert "two pages in a row are equal; check `contacts.source.page_param`" in refused(crm)


def test_endless_pages_are_bounded(crm: Crm) -> None:
    crm.answer = lambda page, size: (200, [person(page * 10 + n) for n in range(size)])
    assert "more than 5 pages; raise `contacts.source.max_pages`" in refused(crm, max_pages=5)
    assert len(crm.seen) == 5


def test_no_records_at_all(crm: Crm) -> None:
    assert "the list is empty" in refused(crm)


def test_a_service_that_is_down() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert "did not come (ClientConnectorError)" in refused(Crm(f"http://127.0.0.1:{port}"))
