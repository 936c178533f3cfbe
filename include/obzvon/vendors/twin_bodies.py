"""Request bodies of TWIN: a campaign file and an order in the words of its API.

Source: "Создание задания" for beta; telephony/autoCall and autoCallCandidate/batch for v1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from obzvon.vendors.base import Contact, Order
from obzvon.vendors.twin_settings import TwinBetaSettings
from obzvon.vendors.twin_v1_settings import Event, Redial, TwinV1Settings, Webhook

#: What our receiver makes use of: calls that ended, and what may mean that a wait is over.
OUR_EVENTS: tuple[Event, ...] = ("CALL_ENDED", "CANDIDATE_CHANGED", "AUTOCALL_STATUS_CHANGED")


def beta_task(settings: TwinBetaSettings, order: Order, events_to: str | None = None) -> dict[str, Any]:
    """POST /tasks: every field of the document's table; `webhookUrl` where there is one, the file's first."""
    on_load = settings.start == "on_load"
    body: dict[str, Any] = {
        "name": order.name,
        "botId": str(settings.bot_id),
        "dialplanId": str(settings.dialplan_id),
        "backgroundNoise": settings.background_noise,
        "amd": settings.amd.model_dump(),
        "defaultCallerId": settings.default_caller_id.model_dump() | {"additional": None},
        "defaultRedirect": settings.default_redirect.model_dump(),
        "scheduledAt": None if on_load else _scheduled(order),
        "intensity": settings.intensity,
        "allowedTimeRange": {"from": day_second(order.local_from), "to": day_second(order.local_to)},
        "phoneNormalization": settings.phone_normalization,
        "detectGenderByVoice": settings.detect_gender_by_voice,
        "isTest": settings.is_test,
        "recallRules": settings.recall_rules.model_dump(),
    }
    webhook = settings.webhook_url or events_to
    return body if webhook is None else body | {"webhookUrl": webhook}


def v1_task(
    settings: TwinV1Settings,
    order: Order,
    *,
    company_zone: ZoneInfo,
    now: datetime,
    lifetime_from_start: bool,
    events_to: str | None = None,
) -> dict[str, Any]:
    """POST telephony/autoCall. An open window means a manual start (play comes last), one to come a start by time.

    `lifetime` ends with the window. No page says from when TWIN counts it; counting from the start is the shorter one.
    `events_to`: our receiver, beside the webhooks of the file.
    """
    by_time = not order.open_at(now)
    begins = max(order.opens_at or order.starts_at, now) if lifetime_from_start else now
    body: dict[str, Any] = {
        "name": order.name,
        "defaultExec": "robot",
        "defaultExecData": str(settings.bot_id),
        "secondExec": settings.second_exec.type,
        "secondExecData": _id(settings.second_exec.channel_id),
        "cidType": settings.caller_id.type,
        "cidData": _id(settings.caller_id.id),
        "startType": "time" if by_time else "manual",
        "startMoment": _start_moment(order, company_zone) if by_time else None,
        "cps": settings.cps,
        "callStrategy": settings.call_strategy,
        "checkPhone": settings.check_phone,
        "phoneNormalization": settings.phone_normalization,
        "lifetime": max(1, int((order.ends_at - begins).total_seconds())),
        "taskComment": settings.comment,
        "scheduleId": _id(settings.schedule_id),
        "sendReportAfterFinish": settings.send_report_after_finish,
        "webhookUrls": [hook if isinstance(hook, str) else hook.body() for hook in _webhooks(settings, events_to)],
        "additionalOptions": _additional(settings, order),
        "redialStrategyOptions": _redial_strategy(settings),
    }
    return {name: value for name, value in body.items() if value is not None}


def candidates(task_id: str, order: Order, contacts: Sequence[Contact], *, zone_unit: int) -> dict[str, Any]:
    """The batch of one request; it never starts the task. `zone_unit`: seconds in a unit of `timezone` (1 or 60)."""
    # Where several zones are possible, the order's window is inside the hours of each: TWIN must judge by one of them
    # and not by a guess of its own, by which it may be night.
    zone = order.offsets[0]
    return {"forceStart": False, "batch": [_candidate(task_id, contact, zone, zone_unit) for contact in contacts]}


def _webhooks(settings: TwinV1Settings, events_to: str | None) -> tuple[Webhook | str, ...]:
    return settings.webhooks + ((Webhook(url=events_to, events=OUR_EVENTS),) if events_to else ())


def day_second(clock: time) -> int:
    """Seconds after midnight."""
    return clock.hour * 3600 + clock.minute * 60 + clock.second


def _candidate(task_id: str, contact: Contact, zone: int, zone_unit: int) -> dict[str, Any]:
    offset = zone if contact.tz_offset_min is None else contact.tz_offset_min
    return {
        "autoCallId": task_id,
        "phone": [contact.phone.removeprefix("+")],
        "variables": {name: value for name, value in contact.variables.items() if value is not None},
        "callbackData": {"external_id": contact.external_id},
        "clientExternalId": contact.external_id,
        "timezone": offset * 60 // zone_unit,
    }


def _additional(settings: TwinV1Settings, order: Order) -> dict[str, Any]:
    options: dict[str, Any] = {
        "fullListMethod": "reject",
        "fullListTime": settings.effective_seconds,
        "useTr": True,
        "allowCallTimeFrom": day_second(order.local_from),
        "allowCallTimeTo": day_second(order.local_to),
        "recordCall": settings.record_call,
        "recTrimLeft": settings.rec_trim_left,
        "detectRobot": settings.amd.enabled,
        "detectRobotMode": settings.amd.mode,
        "detectRobotGreeting": _id(settings.amd.greeting_id),
        "providerId": settings.provider_id,
    }
    return options if settings.fz230 is None else options | {"fz230": settings.fz230}


def _redial_strategy(settings: TwinV1Settings) -> dict[str, Any]:
    redial = settings.redial
    limits = {"candidateLimit": redial.candidate_limit, "numberLimit": redial.number_limit}
    return {
        "redialStrategyEn": any(redial.rules.values()),
        **{name: {"redial": count is not None, "count": count or 0} for name, count in limits.items()},
        **{name: _redial(rule) for name, rule in redial.rules.items()},
    }


def _redial(rule: Redial | None) -> dict[str, Any]:
    return {"redial": False} if rule is None else {"redial": True, "time": rule.time, "count": rule.count}


def _scheduled(order: Order) -> str:
    """`YYYY-MM-DDThh:mm:ss+hh:mm` in the subscribers' zone where there is one, else in UTC."""
    zone: tzinfo = timezone(timedelta(minutes=order.offsets[0])) if len(order.offsets) == 1 else UTC
    return order.starts_at.astimezone(zone).isoformat(timespec="seconds")


def _start_moment(order: Order, company_zone: ZoneInfo) -> str:
    """`YYYY-MM-DD hh:mm` on the company's clock, never before the window."""
    opens = (order.opens_at or order.starts_at).astimezone(company_zone)
    opens += timedelta(seconds=-(opens.second + opens.microsecond / 1e6) % 60)
    return opens.strftime("%Y-%m-%d %H:%M")


def _id(value: object) -> str | None:
    return None if value is None else str(value)
