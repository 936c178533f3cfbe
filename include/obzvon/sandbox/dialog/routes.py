"""Dialog's three documented calls (API book; login as seen in a public client: form, `username`, `access_token`)."""

from __future__ import annotations

import hmac
import time
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Header, Request
from starlette.responses import Response

from obzvon.sandbox.campaigns import NewContact
from obzvon.sandbox.clock import iso
from obzvon.sandbox.dialing import Recall, Rules
from obzvon.sandbox.dialog.models import Campaign, CreateCampaign, Report
from obzvon.sandbox.dialog.report import assemble, render
from obzvon.sandbox.models import moment
from obzvon.sandbox.refusals import Refusal, answer
from obzvon.sandbox.settings import DialogAccount
from obzvon.sandbox.tokens import TokenState
from obzvon.sandbox.world import WorldDep

FIRST_ID = 12345
RECALLED = ("BUSY", "NO_ANSWER", "CONGESTION", "MACHINE")


async def _signed_in(world: WorldDep, authorization: Annotated[str, Header()] = "") -> None:
    kind, _, token = authorization.partition(" ")
    state = world.tokens.judge("dialog", "access", token) if kind == "Bearer" else TokenState.UNKNOWN
    if state is not TokenState.GOOD:
        raise Refusal(401, "Token is expired" if state is TokenState.EXPIRED else "Could not validate credentials")


router = APIRouter(prefix="/dialog/api", tags=["dialog"])
SignedIn = Depends(_signed_in)


@router.post("/login", include_in_schema=False)
@router.post("/login/")
async def login(username: Annotated[str, Form()], password: Annotated[str, Form()], world: WorldDep) -> Response:
    """Form-encoded login and password for a token that lives for a while of real time."""
    account = world.settings.dialog
    if not (_same(username, account.login) and _same(password, account.password)):
        raise Refusal(401, "Incorrect username or password")
    token = world.tokens.opaque("dialog", "access", world.settings.dialog_token_seconds)
    return answer({"access_token": token, "token_type": "bearer"})


@router.post("/campaigns", dependencies=[SignedIn])
async def create(order: CreateCampaign, world: WorldDep) -> Response:
    """Create a campaign with its phones; it dials by itself in its window."""
    account, campaign = world.settings.dialog, order.campaign
    start, end = campaign.schedule.span(account.timezone)
    _known(campaign, account)
    if start < time.time():
        raise Refusal(422, f"schedule starts in the past: {iso(start, ZoneInfo(account.timezone))}")
    with world.store.transaction():
        number = FIRST_ID + int(world.store.value("select count(*) from campaign where vendor = 'dialog'"))
        made = world.campaigns.create(
            task_id=str(number),
            vendor="dialog",
            family="dialog",
            name=campaign.name,
            body=campaign.model_dump(),
            rules=_rules(campaign, account, end),
            start_mode="schedule",
            start_at=start,
        )
        world.lifecycle.load(made, [NewContact((entry.phone,), entry.add_data) for entry in order.phones])
    return answer({"campaign": {"id": number}})


@router.post("/analytics/{project_id}/report", dependencies=[SignedIn])
async def report(project_id: int, question: Report, world: WorldDep, request: Request) -> Response:
    """The attempts so far, as the campaign's virtual clock has it; that clock is in the `Date` header."""
    account, wanted = world.settings.dialog, question.analytics_filter
    found = world.lifecycle.find("dialog", str(wanted.outgoing_campaign_id))
    if project_id != account.project_id or found is None:
        raise Refusal(404, "no such project or campaign")
    if (wanted.scenario_id, wanted.start_block_id) != (account.scenario_id, account.start_block_id):
        raise Refusal(404, "no such scenario or start block")
    span = {"since": moment(wanted.date_start).timestamp(), "till": moment(wanted.date_end).timestamp()}
    rows = world.views.attempts([found], "dial_at <= now and dial_at between :since and :till", span)
    zone = ZoneInfo(account.timezone)
    shown = [render(row, zone, str(request.base_url)) for row in rows]
    return answer(assemble(shown, question.columns), at=world.campaigns.now(found))


def _known(campaign: Campaign, account: DialogAccount) -> None:
    for name in ("project_id", "start_block_id", "phone_id"):
        if getattr(campaign, name) != getattr(account, name):
            raise Refusal(422, f"unknown {name}; this account has {getattr(account, name)}")


def _rules(campaign: Campaign, account: DialogAccount, end: float) -> Rules:
    attempts = campaign.schedule.attempts.id
    recall = Recall(tries=attempts - 1, interval=60.0 * int(campaign.schedule.interval))
    return Rules(
        pace=account.pace,
        zone=account.timezone,
        until=end,
        max_calls=attempts,
        recalls=dict.fromkeys(RECALLED, recall),
        never=("FZ230", "EMPTY_AON"),
        transfers=False,
        cancels_rest=False,
    )


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
