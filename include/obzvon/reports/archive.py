"""The vendor's answers as they came: exact bytes, zstd-compressed, known by their sha256.

Layout under the root, which is a local folder or any fsspec address (`s3://bucket/prefix`, `memory://…`):

    vendor=<code>/call_date=<yyyy-mm-dd>/intent=<first 8 hex>/batch=<pull>/<kind>-<page>.zst

A page gets its name only when all its bytes are written. Memory does not grow with the page.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, Self

import zstandard
from upath import UPath

from obzvon.errors import AuditError
from obzvon.vendors.base import Page

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Archive", "Pull", "StoredPage", "Target", "drain", "intent_folder"]

LEVEL = 3  # as small as gzip 6 at ten times its speed
BLOCK = 1 << 20
#: What a store holds back of an upload; stores' own defaults are up to fifty times as much.
PART = 8 << 20


def intent_folder(vendor: str, call_date: date, intent_id: str) -> str:
    """Relative folder of all pulls of an intent."""
    return f"vendor={vendor}/call_date={call_date}/intent={intent_id[:8]}"


@dataclass(frozen=True, slots=True)
class Pull:
    """One fetching of one intent's report: the batch its pages belong to."""

    vendor: str
    call_date: date
    intent_id: str
    batch_id: str

    @property
    def folder(self) -> str:
        """Relative folder of the pages; what paths do not like in a batch id becomes `-`."""
        batch = re.sub(r"[^A-Za-z0-9._-]", "-", self.batch_id)
        return f"{intent_folder(self.vendor, self.call_date, self.intent_id)}/batch={batch}"


@dataclass(frozen=True, slots=True)
class StoredPage:
    """Where a page is (`path` from the root) and what it must hold: sha256 and size of the uncompressed answer."""

    path: str
    sha256: str
    bytes: int


class Archive:
    """Raw answers under one root. A page is written once and never changed; erasing writes another one."""

    def __init__(self, root_url: str | os.PathLike[str]) -> None:
        self.root = UPath(root_url)

    async def store(self, pull: Pull, page: Page) -> StoredPage:
        """Write the page while it streams in. Its bytes are safe when this returns, and absent when it raises."""
        path = f"{pull.folder}/{page.kind}-{page.number}.zst"
        writer = _Writer(self.target(path))
        try:
            async for block in _blocks(page.chunks):
                await asyncio.to_thread(writer.write, block)
            await asyncio.to_thread(writer.commit)
        except BaseException:
            writer.discard()
            raise
        return StoredPage(path, writer.sha256, writer.size)

    def open(self, path: str, sha256: str) -> IO[bytes]:
        """The answer's bytes, decompressed as they are read.

        Reading the end raises AuditError when the bytes are not those that were stored; `drain` gets there.
        """
        return io.BufferedReader(_Reader(self.root / path, path, sha256), BLOCK)

    def write(self, path: str, body: bytes) -> StoredPage:
        """Store bytes that are in memory under a path; safe when this returns, absent when it raises."""
        writer = _Writer(self.target(path))
        try:
            writer.write(body)
            writer.commit()
        except BaseException:
            writer.discard()
            raise
        return StoredPage(path, writer.sha256, writer.size)

    def files(self, folder: str) -> list[str]:
        """Every file under a folder, unfinished ones included, as paths from the root; none without a folder."""
        where = self.root / folder
        found = [file for file in where.rglob("*") if file.is_file()] if where.exists() else []
        return sorted(f"{folder}/{file.relative_to(where)}" for file in found)

    def remove(self, path: str) -> None:
        """Delete a file; one that is gone already is no error."""
        (self.root / path).unlink(missing_ok=True)

    def target(self, path: str) -> Target:
        """A new file under a path: there when it is committed, and not before."""
        local = self.root.protocol in ("", "file", "local")
        return _LocalTarget(Path((self.root / path).path)) if local else _ObjectTarget(self.root / path)


def drain(stream: IO[bytes]) -> None:
    """Read what a parser left unread, so that the sha256 of the whole page is checked."""
    while stream.read(BLOCK):
        pass


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        if len(held) >= BLOCK:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


class Target(Protocol):
    """A file that exists only after `commit`."""

    file: IO[bytes]

    def commit(self) -> None: ...
    def discard(self) -> None: ...


class _LocalTarget:
    """Temporary file beside the final name, synced to the disk before it is renamed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, self._temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        self.file: IO[bytes] = os.fdopen(handle, "wb")

    def commit(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        os.replace(self._temporary, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        self.file.close()
        Path(self._temporary).unlink(missing_ok=True)


class _ObjectTarget:
    """An object of a remote store; fsspec keeps the upload open until it is committed."""

    def __init__(self, path: UPath) -> None:
        self._path = path
        self.file: IO[bytes] = path.fs.open(path.path, "wb", block_size=PART, autocommit=False)

    def commit(self) -> None:
        self.file.close()
        self.file.commit()  # type: ignore[attr-defined]

    def discard(self) -> None:
        self.file.close()
        self.file.discard()  # type: ignore[attr-defined]
        self._path.unlink(missing_ok=True)  # stores without open uploads show the object from its first byte


class _Writer:
    """Compresses into a target and hashes what goes in."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self._out = zstandard.ZstdCompressor(level=LEVEL).stream_writer(target.file, closefd=False)
        self.size = 0

    def write(self, block: bytes) -> None:
        self._hash.update(block)
        self.size += len(block)
        self._out.write(block)

    def commit(self) -> None:
        self._out.close()  # type: ignore[no-untyped-call]
        self._target.commit()

    def discard(self) -> None:
        self._target.discard()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class _Reader(io.RawIOBase):
    """Decompresses, and compares the sha256 when the bytes end."""

    def __init__(self, source: UPath, path: str, sha256: str) -> None:
        self._path, self._expected, self._hash = path, sha256, hashlib.sha256()
        try:
            self._file = source.open("rb")
        except FileNotFoundError as error:
            raise AuditError(
                f"archive page {path} is gone; restore it, or pull the report again under a new batch"
            ) from error
        self._in = zstandard.ZstdDecompressor().stream_reader(self._file, read_across_frames=True)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        try:
            count = self._in.readinto(buffer)
        except zstandard.ZstdError as error:
            raise self._damaged() from error
        if count:
            self._hash.update(memoryview(buffer)[:count])
        elif self._hash.hexdigest() != self._expected:
            raise self._damaged()
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def __enter__(self) -> Self:
        return self

    def _damaged(self) -> AuditError:
        return AuditError(
            f"archive page {self._path} does not hold the bytes that were stored (sha256 differs); "
            "restore it from a backup, or pull the report again under a new batch"
        )
