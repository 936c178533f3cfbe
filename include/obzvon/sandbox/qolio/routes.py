"""Qolio's integration endpoint: one call a request, created or (same `uid`) updated.

The documents show no answer for success: 200 and an empty object here. An unknown or inactive operator is answered
422 with `fields.operator_id`, as was observed on the sibling endpoint for texts.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from obzvon.sandbox.faults import SWALLOWED
from obzvon.sandbox.qolio.models import PhoneCall
from obzvon.sandbox.refusals import Refusal, answer
from obzvon.sandbox.world import WorldDep

router = APIRouter(prefix="/qolio", tags=["qolio"])

UPSERT = """
insert into qolio_call (uid, integration_id, body, writes, created_at, updated_at)
values (:uid, :integration, :body, 1, :now, :now)
on conflict (uid) do update set body = :body, writes = writes + 1, updated_at = :now
"""


@router.get("/")
async def health() -> Response:
    """The documented health check: JSON with the version."""
    return answer({"version": "sandbox"})


@router.post("/api/v1/integrations/{integration_id}/phone_calls")
async def add(
    integration_id: str,
    call: PhoneCall,
    world: WorldDep,
    request: Request,
    authorization: Annotated[str, Header()] = "",
) -> Response:
    """Add or update a call. The token stands bare in the header, without `Bearer`."""
    account = world.settings.qolio
    if authorization != account.token:
        raise Refusal(401, "the integration token is not valid")
    if integration_id != account.integration_id:
        raise Refusal(404, "no such integration")
    if call.operator_id not in account.operators:
        known = "is not active" if call.operator_id in account.inactive else "is not known"
        raise Refusal(422, "the operator cannot be found", {"operator_id": [known]})
    if request.scope.get(SWALLOWED):
        return answer({})
    body = call.model_dump(exclude_unset=True)
    world.store.run(
        UPSERT,
        {
            "uid": call.uid or str(uuid.uuid4()),
            "integration": integration_id,
            "body": json.dumps(body, ensure_ascii=False),
            "now": time.time(),
        },
    )
    return answer({})
