"""Lists that are made to hurt are refused in one sentence, in a process that may have little memory and time."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import hostile_lists as made
import pytest
from read_one import campaign_of

from obzvon.contacts.read import read
from obzvon.contacts.sources.connections import Endpoint
from obzvon.contacts.sources.http_pages import HttpSource, open_http
from obzvon.errors import ListError

ROOT = Path(__file__).resolve().parents[2]
#: Bytes of address space; what Python and the libraries map before they read anything is more than half of it.
MEMORY = 3 << 30

BOMBS: Mapping[Callable[[Path], None], tuple[str, str]] = {
    made.one_long_cell: ("xlsx", "the workbook unpacks to a part of 20 MiB"),
    made.many_shared_texts: ("xlsx", "the workbook unpacks to a part of"),
    made.heavy_styles: ("xlsx", "the workbook unpacks to a part of"),
    made.endless_entities: ("xlsx", "not a readable .xlsx workbook"),
    made.a_row_far_away: ("xlsx", "more than 1048576 rows"),
    made.a_row_that_is_no_number: ("xlsx", "not a readable .xlsx workbook"),
    made.an_encrypted_part: ("xlsx", "not a readable .xlsx workbook"),
    made.one_word_for_every_row: ("parquet", "row 1 has more than 262144 characters"),
    made.nested_lists: ("parquet", "row 1 has more than 262144 characters"),
    made.an_endless_line: ("csv", "line 2 is longer than 1048576 characters"),
    made.an_endless_header: ("csv", "line 1 is not valid CSV"),
    made.an_endless_field: ("csv", "is not valid CSV"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the reading of each bomb comes to: one process for all, with a limit of memory that the kernel keeps."""
    folder = tmp_path_factory.mktemp("bombs")
    for bomb, (kind, _) in BOMBS.items():
        bomb(folder / f"{bomb.__name__}.{kind}")
    command = [sys.executable, str(ROOT / "tests" / "security" / "read_one.py"), str(folder)]
    env = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=240, env=env,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )  # fmt: skip
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_a_bomb_is_refused_in_one_sentence_within_little_memory(
    told: dict[str, str], bomb: Callable[[Path], None]
) -> None:
    kind, why = BOMBS[bomb]
    assert told[f"{bomb.__name__}.{kind}"].startswith("ListError")
    assert why in told[f"{bomb.__name__}.{kind}"]


def test_a_nul_is_read_as_a_damaged_character(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"name\n" + b"x\n" * 5_000 + b"a\x00b\n")
    frames = list(read(campaign_of("csv", "list.csv", "name"), tmp_path, Crm("")))
    assert frames[-1]["name"].iloc[-1] == "a\ufffdb"


# a list over HTTP -------------------------------------------------------------------------------------------------


@dataclass
class Service:
    """A service with one answer; `asked` are the headers of its requests."""

    url: str
    asked: list[dict[str, str]]


@contextmanager
def service(status: int, body: bytes, **headers: str) -> Iterator[Service]:
    asked = list[dict[str, str]]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing: tests read `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Service(f"http://127.0.0.1:{server.server_port}", asked)
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Crm:
    """The connection of a list."""

    url: str

    def dsn(self, conn_id: str) -> str:
        raise AssertionError(conn_id)

    def endpoint(self, conn_id: str) -> Endpoint:
        return Endpoint(self.url, headers={"X-Api-Key": "a key of the service"})


def rows(url: str) -> list[tuple[int, object]]:
    source = HttpSource(type="http", conn_id="crm", path="contacts", page_size=2)
    with open_http(source, Crm(url)) as table:
        return list(table.rows)


def test_a_redirect_takes_the_connections_headers_nowhere() -> None:
    with service(200, b"[]") as elsewhere:
        with (
            service(302, b"", Location=f"{elsewhere.url}/contacts") as crm,
            pytest.raises(ListError, match="HTTP 302; it redirects; correct the connection's address"),
        ):
            rows(crm.url)
        assert crm.asked[0]["X-Api-Key"] == "a key of the service"
        assert elsewhere.asked == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_page_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.setattr("obzvon.contacts.sources.http_pages._LARGEST_PAGE", 1 << 20)
    body = b'["' + b"x" * (2 << 20) + b'"]'
    headers = {"Content-Encoding": "gzip"} if packed else {}
    with (
        service(200, gzip.compress(body) if packed else body, **headers) as crm,
        pytest.raises(ListError, match="is larger than 1 MiB; ask for less"),
    ):
        rows(crm.url)


@pytest.mark.parametrize("body", ["[" * 5_000, '[{"phone": 1e400}]', '[{"phone": "\\ud800"}]', "", "NaN", "{}", "[[]]"])
def test_a_page_that_is_no_list_of_objects_is_named(body: str) -> None:
    with service(200, body.encode()) as crm, pytest.raises(ListError, match=r"page 1 (is not JSON|has no list of)"):
        rows(crm.url)
