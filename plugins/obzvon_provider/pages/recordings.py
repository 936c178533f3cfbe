"""Copies of recordings, shown to whoever has a signed link: Qolio's player has no login here.

Nothing is looked up in the warehouse: the signature says that the path is ours, the storage whether the copy is there.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from typing import IO

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from obzvon.errors import ConfigError
from obzvon.recordings.audio import Audio
from obzvon.recordings.links import Verdict, verify
from obzvon.recordings.store import PREFIX, RecordingStore, is_path
from obzvon.reports.archive import Archive
from obzvon_provider.runtime import archive_root, link_key

__all__ = ["create_recordings"]

log = logging.getLogger(__name__)

BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_TYPES = {kind.ending: kind.content_type for kind in Audio}


def create_recordings() -> FastAPI:
    """The application; errors are JSON."""
    app = FastAPI(title="Obzvon recordings", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/{path:path}", recording, methods=["GET", "HEAD"], response_model=None)
    for kind in (ConfigError, OSError):
        app.add_exception_handler(kind, away)
    return app


def away(request: Request, error: Exception) -> Response:
    """Nobody out there has to know which setting is missing; the log says it."""
    log.error("recordings cannot be shown: %s", error)
    return JSONResponse({"detail": "recordings cannot be shown now"}, 503)


def recording(request: Request, path: str, expires: str = "", signature: str = "") -> Response:
    """A copy, or the part of it that a player asks for. 403 for a link that is not ours, 410 when its time is over."""
    ours = is_path(f"{PREFIX}{path}")  # else not even the key is looked up
    verdict = verify(link_key(), f"{PREFIX}{path}", expires, signature, time.time()) if ours else Verdict.FORGED
    if verdict is Verdict.FORGED:
        raise HTTPException(403, "this link was not signed here")
    if verdict is Verdict.EXPIRED:
        raise HTTPException(410, "this link has expired")
    try:
        file, size = RecordingStore(Archive(archive_root())).open(f"{PREFIX}{path}")
    except FileNotFoundError:
        raise HTTPException(404, "there is no such recording any more") from None
    asked = _asked(request.headers.get("range", ""), size)
    first, last = asked or (0, size - 1)
    headers = {"Accept-Ranges": "bytes"}
    if asked:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}" if first <= last else f"bytes */{size}"
    if first > last or request.method == "HEAD":
        file.close()
    if first > last:
        raise HTTPException(416, "beyond the end of the recording", headers)
    headers["Content-Length"] = str(last - first + 1)
    kind = _TYPES[path.rpartition(".")[2]]
    if request.method == "HEAD":
        return Response(None, 206 if asked else 200, headers, kind)
    return StreamingResponse(_blocks(file, first, last - first + 1), 206 if asked else 200, headers, kind)


def _asked(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte, the last before the first where there are none such.

    None: the whole, where no range is asked for, or several, or one that cannot be read.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.group(0) == "bytes=-":
        return None
    start, end = found.groups()
    if not start:
        return max(0, size - int(end)), size - 1
    return int(start), min(int(end or size), size - 1)


def _blocks(file: IO[bytes], first: int, left: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        while left > 0 and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            yield block
