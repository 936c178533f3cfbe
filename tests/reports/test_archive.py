"""The archive keeps the exact bytes, shows a page only when it is whole, and notices when it is damaged."""

from __future__ import annotations

import hashlib
import io
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from datetime import date
from pathlib import Path

import pytest
import zstandard

from obzvon.errors import AuditError
from obzvon.reports.archive import Archive, Pull, drain
from obzvon.vendors.base import Page

PULL = Pull("twin", date(2030, 5, 20), "abcdef0123456789" * 4, "manual__2030-05-20T06:00:00+00:00")
FOLDER = "vendor=twin/call_date=2030-05-20/intent=abcdef01/batch=manual__2030-05-20T06-00-00-00-00"


def page(chunks: Iterable[bytes], *, kind: str = "calls", number: int = 3) -> Page:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return Page(kind, number, {"path": "/search/cis/calls"}, stream())


@pytest.fixture(params=["local", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    return Archive(tmp_path if request.param == "local" else f"memory://{tmp_path}")


async def test_gives_back_the_exact_bytes_under_the_documented_name(archive: Archive) -> None:
    body = os.urandom(3_000_000)
    stored = await archive.store(PULL, page([body[:10], body[10:2_500_000], b"", body[2_500_000:]]))
    assert stored.path == f"{FOLDER}/calls-3.zst"
    assert (stored.sha256, stored.bytes) == (hashlib.sha256(body).hexdigest(), len(body))
    with archive.open(stored.path, stored.sha256) as stream:
        assert stream.read() == body


async def test_an_empty_answer_is_an_answer(archive: Archive) -> None:
    stored = await archive.store(PULL, page([]))
    with archive.open(stored.path, stored.sha256) as stream:
        assert stream.read() == b""


async def test_a_page_that_breaks_off_leaves_nothing_behind(archive: Archive) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield os.urandom(2_000_000)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await archive.store(PULL, Page("calls", 1, {}, stream()))
    assert [p for p in archive.root.rglob("*") if p.is_file()] == []


async def test_storing_a_page_again_replaces_it_whole(archive: Archive) -> None:
    await archive.store(PULL, page([b"first, and longer"]))
    stored = await archive.store(PULL, page([b"second"]))
    with archive.open(stored.path, stored.sha256) as stream:
        assert stream.read() == b"second"


@pytest.mark.parametrize("damage", ["truncated", "changed", "garbled"])
async def test_a_damaged_page_is_noticed_at_its_end(tmp_path: Path, damage: str) -> None:
    archive = Archive(tmp_path)
    stored = await archive.store(PULL, page([os.urandom(500_000)]))
    file = tmp_path / stored.path
    good = file.read_bytes()
    other = zstandard.compress(os.urandom(500_000))
    file.write_bytes({"truncated": good[:-5000], "changed": other, "garbled": b"\0" * 5000}[damage])
    with archive.open(stored.path, stored.sha256) as stream, pytest.raises(AuditError, match="sha256 differs"):
        drain(stream)


def test_a_page_that_is_gone_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="is gone; restore it"):
        Archive(tmp_path).open("vendor=twin/x.zst", "0" * 64)


async def test_a_parser_that_stops_early_does_not_hide_damage(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    stored = await archive.store(PULL, page([b"x" * 5_000_000]))
    with archive.open(stored.path, "0" * 64) as stream:
        assert stream.read(5) == b"xxxxx"
        with pytest.raises(AuditError):
            drain(stream)


async def test_memory_does_not_grow_with_the_page(tmp_path: Path) -> None:
    line = b'{"id": "0123456789", "status": "ANSWERED"}\n' * 500
    archive = Archive(tmp_path)
    tracemalloc.start()
    stored = await archive.store(PULL, page(line for _ in range(5_000)))
    with archive.open(stored.path, stored.sha256) as stream:
        lines = sum(1 for _ in io.TextIOWrapper(stream))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (stored.bytes, lines) == (len(line) * 5_000, 500 * 5_000)
    assert stored.bytes > 100_000_000
    assert peak < 16_000_000
