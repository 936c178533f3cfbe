"""TWIN's task settings in the words of the simulation."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone as phone_zones

from obzvon.sandbox.campaigns import NewContact
from obzvon.sandbox.dialing import Recall, Rules
from obzvon.sandbox.twin.beta_models import BetaTask
from obzvon.sandbox.twin.models import AutoCall, Candidate, Redial


def pace_of(cps: float) -> float:
    """Calls a second of the v1 intensity code (C-CREATE): 1.03 = three a second, 0.97 = one every three seconds."""
    code = round((cps - 1) * 100)
    return float(code) if code > 0 else 1.0 / max(1, -code)


def of_auto_call(task: AutoCall, zone: str) -> Rules:
    options, redial = task.additional_options, task.redial_strategy_options
    wanted = {
        "BUSY": redial.busy,
        "NO_ANSWER": redial.no_answer,
        "MACHINE": redial.answer_mash,
        "CONGESTION": redial.congestion,
        "NOT_SUCCESSFUL": redial.answer_no_list,
    }
    limits = [limit.count for limit in (redial.candidate_limit, redial.number_limit) if limit and limit.redial]
    return Rules(
        pace=pace_of(task.cps),
        day_from=options.allow_call_time_from,
        day_to=options.allow_call_time_to,
        zone=zone,
        subscriber_zone=options.use_tr,
        lifetime=task.lifetime,
        max_calls=min((count for count in limits if count), default=None),
        recalls=_recalls(wanted) if redial.redial_strategy_en else {},
        unsuccessful_up_to=options.full_list_time,
        amd=options.detect_robot,
        never=() if options.fz230 else ("FZ230",),
        records=options.record_call,
        transfers=task.second_exec == "ch",
    )


def _recalls(wanted: dict[str, Redial | None]) -> dict[str, Recall]:
    on = {name: rule for name, rule in wanted.items() if rule is not None and rule.redial}
    return {name: Recall(rule.count or 0, rule.time or 0) for name, rule in on.items()}


def of_beta(task: BetaTask, zone: str) -> Rules:
    kinds = task.recall_rules.rules() if task.recall_rules else {}
    unsuccessful = task.recall_rules.NOT_SUCCESSFUL if task.recall_rules else None
    return Rules(
        pace=task.intensity,
        day_from=task.allowed_time_range.from_,
        day_to=task.allowed_time_range.to,
        zone=zone,
        subscriber_zone=True,
        recalls={name: Recall(rule.tries or 0, rule.interval or 0) for name, rule in kinds.items() if rule.enabled},
        unsuccessful_up_to=(unsuccessful.duration or 0) if unsuccessful else 0,
        amd=task.amd.enabled,
        never=("FZ230",) if task.is_test else (),
        transfers=task.default_redirect.type.strip().lower() != "hangup",
    )


def contact(candidate: Candidate) -> NewContact:
    """A candidate with its zone: as given, else found out from the number as TWIN does."""
    offset = candidate.timezone if candidate.timezone is not None else _zone_of(candidate.phone[0])
    return NewContact(
        phones=tuple(candidate.phone),
        variables=candidate.variables,
        external_id=candidate.client_external_id,
        callback=candidate.callback_data,
        offset_sec=offset,
    )


def _zone_of(digits: str) -> int | None:
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    name = phone_zones.time_zones_for_number(number)[0]
    if name == phone_zones.UNKNOWN_TIMEZONE:
        return None
    offset = datetime.now(ZoneInfo(name)).utcoffset()
    return None if offset is None else int(offset.total_seconds())
