"""Recordings of calls: small WAV files of noise, another one for each call, under the vendor's own address.

No document says how a recording is fetched. Here its link is open, and there from the moment on at which the report
shows it; faults make it late, ask for the vendor's login, or make it large.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from obzvon.sandbox.fault_records import RECORD, RecordFault
from obzvon.sandbox.refusals import Refusal
from obzvon.sandbox.tokens import TokenState
from obzvon.sandbox.world import World, WorldDep

__all__ = ["record_url", "router", "wav"]

router = APIRouter(tags=["recordings"])
#: Bytes of sound: a quarter of a second, 8 kHz, 8 bits, one channel.
SOUND = 2000
_HEAD = 44


def record_url(address: str, vendor: str, call_id: str) -> str:
    """Where the sandbox at an address has the recording of a call."""
    return f"{address.rstrip('/')}/{vendor}/records/{call_id}.wav"


def wav(call_id: str, size: int = SOUND + _HEAD) -> bytes:
    """The whole file, always the same for a call; at least as long as its head."""
    sound = hashlib.shake_256(call_id.encode()).digest(min(size - _HEAD, SOUND))
    sound = (sound * ((size - _HEAD) // max(len(sound), 1) + 1))[: size - _HEAD]
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(sound)) + b"WAVE" + form + struct.pack("<4sI", b"data", len(sound)) + sound
    )


@router.get("/{vendor}/records/{call_id}.wav")
async def record(
    vendor: Literal["dialog", "twin"],
    call_id: str,
    world: WorldDep,
    request: Request,
    authorization: Annotated[str, Header()] = "",
) -> Response:
    """The recording of a call, from its virtual moment on."""
    fault: RecordFault = request.scope.get(RECORD) or RecordFault(vendor=vendor, do="record")
    if fault.login and not _signed_in(world, vendor, authorization):
        raise Refusal(401, "Unauthorized.")
    if not _there(world, vendor, call_id, fault.late):
        raise Refusal(404, "no such recording")
    return Response(wav(call_id, fault.size or SOUND + _HEAD), media_type="audio/wav")


def _signed_in(world: World, vendor: str, authorization: str) -> bool:
    kind, _, token = authorization.partition(" ")
    return kind == "Bearer" and world.tokens.judge(vendor, "access", token) is TokenState.GOOD


def _there(world: World, vendor: str, call_id: str, late: float) -> bool:
    row = world.store.one("select task_id, record_at from attempt where call_id = ?", [call_id])
    campaign = None if row is None else world.lifecycle.find(vendor, row["task_id"])
    if row is None or campaign is None or row["record_at"] is None:
        return False
    return bool(world.campaigns.now(campaign) >= row["record_at"] + late)
