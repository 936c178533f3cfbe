"""Files of an archive on their way into a backup and out of it: copied whole, and read back before they count."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from itertools import islice
from typing import TypeVar

from obzvon.backup.manifest import ArchiveFile
from obzvon.errors import AuditError
from obzvon.reports.archive import Archive, drain

__all__ = ["Copied", "at_once", "check", "copy"]

BLOCK = 1 << 20
#: Files at once: an object store answers each in tens of milliseconds.
WORKERS = 8
#: How many are in the air: a list of a million files is not a million futures.
BATCH = 256

T = TypeVar("T")
R = TypeVar("R")


class Copied(Enum):
    """What became of a file."""

    DONE = "done"
    MISSING = "missing"


def copy(source: Archive, at: str, target: Archive, to: str, file: ArchiveFile) -> Copied:
    """Copy a file and read the copy back; MISSING where the source has lost or damaged it."""
    out = target.target(to)
    try:
        with (source.root / at).open("rb") as stream:
            shutil.copyfileobj(stream, out.file, BLOCK)
        out.commit()
    except FileNotFoundError:
        out.discard()
        return Copied.MISSING
    except BaseException:
        out.discard()
        raise
    try:
        check(target, to, file)
    except AuditError:
        target.remove(to)
        return Copied.MISSING
    return Copied.DONE


def check(place: Archive, at: str, file: ArchiveFile) -> None:
    """AuditError when the file under `at` does not hold what it must."""
    if file.is_page:
        with place.open(at, file.sha256) as stream:
            drain(stream)
        return
    digest = hashlib.sha256()
    try:
        with (place.root / at).open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    except FileNotFoundError:
        raise AuditError(f"{at} is gone") from None
    if digest.hexdigest() != file.sha256:
        raise AuditError(f"{at} does not hold the bytes that were stored (sha256 differs)")


def at_once(do: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
    """The results in order, some of them made at a time; the first error ends it."""
    rest = iter(things)
    with ThreadPoolExecutor(WORKERS) as pool:
        while batch := list(islice(rest, BATCH)):
            yield from pool.map(do, batch)
