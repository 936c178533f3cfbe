"""What a campaign may not do under a policy, found before anything is sent.

Pure: a campaign and a policy in, findings out. An error refuses the plan, a warning is for the person who wrote the
file. Every message has the numbers it rests on and the cure. Domain rules 1.2 to 1.4, 1.8 and 1.9.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

from obzvon.campaigns.spec import CampaignSpec, Purpose
from obzvon.errors import PolicyError
from obzvon.ledger.keys import ALL_OFFSETS
from obzvon.policy.model import Cap, Policy, Rules
from obzvon.policy.windows import window_faults

__all__ = ["Finding", "Level", "check_call_date", "consent_needed", "lint", "refuse"]

log = logging.getLogger(__name__)


class Level(StrEnum):
    """What a finding costs: an error stops every plan of the campaign, a warning nothing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong; `key` is the dotted path in the campaign file, whether the file has the key or lacks it."""

    level: Level
    key: str
    message: str


def lint(spec: CampaignSpec, policy: Policy) -> list[Finding]:
    """Everything found, in the order of the rules; empty when the campaign is in order."""
    if spec.purpose not in policy.purposes:
        message = f"{policy.source} has no purposes.{spec.purpose}: add its rules there, or change the purpose"
        return [Finding(Level.ERROR, "purpose", message)]
    rules = policy.rules(spec.purpose)
    return [
        *_dials(spec, policy, rules.cap),
        *_guards(spec, policy),
        *_caller_ids(spec, policy, rules),
        *_approval(spec, policy, rules),
        *_consent(spec, policy, rules),
        *(Finding(Level.ERROR, key, message) for key, message in window_faults(policy, spec.purpose, spec.window)),
        *_persons(spec, policy, rules.cap),
        *_canary(spec),
    ]


def refuse(spec: CampaignSpec, policy: Policy) -> None:
    """Raise PolicyError with every error of `lint`; warnings go to the log."""
    found = lint(spec, policy)
    for finding in found:
        if finding.level is Level.WARNING:
            log.warning("campaign %s: %s: %s", spec.name, finding.key, finding.message)
    if errors := [f"{finding.key}: {finding.message}" for finding in found if finding.level is Level.ERROR]:
        raise PolicyError(f"campaign {spec.name}: {'; '.join(errors)}; nobody was called")


def check_call_date(call_date: date, now: datetime) -> None:
    """Refuse (PolicyError) a call date that is over in every zone: a plan for it could only look as if it had called.

    `now` is an aware moment; the last zone in which a date ends is the westernmost.
    """
    today = now.astimezone(timezone(timedelta(minutes=min(ALL_OFFSETS)))).date()
    if call_date < today:
        raise PolicyError(
            f"call date {call_date} is over: it is {today} already in the westernmost zone; start a run for today or "
            "later; nobody was called"
        )


def consent_needed(spec: CampaignSpec, policy: Policy) -> bool:
    """True when a contact without a consent on file may not be called; a lawyer's word may stand for all of them."""
    consent = policy.rules(spec.purpose).consent
    return consent == "required" or (consent == "legal_review" and spec.legal_approval_ref is None)


def _dials(spec: CampaignSpec, policy: Policy, cap: Cap | None) -> Iterator[Finding]:
    """The caps hold whatever `cap.count` says: a plan sets the worst case aside for everybody it calls."""
    if cap is None:
        return
    worst = spec.vendor.worst_case
    key, place = ".".join(filter(None, ("vendor", worst.key))), f"{policy.source}, purposes.{spec.purpose}.cap"
    if worst.a_day > cap.day:
        cures = ", ".join(filter(None, (worst.fewer, worst.later)))
        yield Finding(
            Level.ERROR,
            key,
            f"{worst.sum_of_day()} dials a day; purpose {spec.purpose} allows {cap.day} ({place}.day): {cures}, "
            "or leave further tries to runs of later days",
        )
    most, period = min((cap.week, "week"), (cap.month, "month"), key=lambda limit: limit[0])
    if worst.total > most:
        yield Finding(
            Level.ERROR,
            key,
            f"{worst.sum_of_all()} dials in all; purpose {spec.purpose} allows {most} a {period} ({place}.{period}): "
            f"{worst.fewer}",
        )
    if worst.terms and not worst.ends and worst.a_day <= cap.day and worst.total <= most:
        yield Finding(
            Level.ERROR,
            key,
            "a task of this kind has no end: what is not answered shortly before the window closes is redialled on a "
            "later date, in hours and against caps that nobody has checked: switch the redials off and leave further "
            "tries to runs of later days",
        )


def _guards(spec: CampaignSpec, policy: Policy) -> Iterator[Finding]:
    key, connection = spec.vendor.unguarded_by, spec.vendor.conn_id
    if key is None or connection in policy.sandbox_connections:
        return
    known = ", ".join(policy.sandbox_connections) or "none"
    yield Finding(
        Level.ERROR,
        f"vendor.{key}",
        f"switches off every guard of the vendor, those of 230-ФЗ among them, and connection {connection} is not a "
        f"sandbox's ({policy.source}, sandbox_connections: {known}): take the key out, or name the sandbox's "
        "connection in the policy",
    )


def _caller_ids(spec: CampaignSpec, policy: Policy, rules: Rules) -> Iterator[Finding]:
    required = rules.caller_id == "required"
    level = Level.ERROR if required else Level.WARNING
    place = f"{policy.source} (caller_ids)"
    if required and not spec.caller_ids:
        yield Finding(
            Level.ERROR,
            "caller_ids",
            f"missing, and purpose {spec.purpose} needs labelled numbers: name the numbers that people see, each of "
            f"which {place} knows",
        )
    for number, phone in enumerate(spec.caller_ids):
        if phone not in policy.caller_ids:
            message = f"this number has no label, category and contract in {place}: add them there, or name another one"
            yield Finding(level, f"caller_ids.{number}", message)
    shown = spec.vendor.shown_number
    if shown and required and spec.caller_ids and shown[1] not in spec.caller_ids:
        message = "people would see a number that is none of `caller_ids`: name it there, or correct it here"
        yield Finding(level, f"vendor.{shown[0]}", message)


def _approval(spec: CampaignSpec, policy: Policy, rules: Rules) -> Iterator[Finding]:
    if rules.legal_approval_ref == "required" and spec.legal_approval_ref is None:
        yield Finding(
            Level.ERROR,
            "legal_approval_ref",
            f"missing, and {policy.source} (purposes.{spec.purpose}.legal_approval_ref) asks for it: say where a "
            "lawyer approved this campaign, e.g. a document's number",
        )


def _consent(spec: CampaignSpec, policy: Policy, rules: Rules) -> Iterator[Finding]:
    if spec.contacts.columns.consent_date is not None:
        return
    place = f"{policy.source} (purposes.{spec.purpose}.consent: {rules.consent})"
    if rules.consent == "required":
        yield Finding(
            Level.WARNING,
            "contacts.columns.consent_date",
            f"missing, and {place} asks for a consent of everybody: only those whom the register ops.consent knows "
            "will be called; name the list's columns `consent_date` and `consent_ref` if it has them",
        )
    elif rules.consent == "legal_review" and spec.legal_approval_ref is None:
        yield Finding(
            Level.ERROR,
            "legal_approval_ref",
            f"missing, and so are consents, of which {place} asks for one or the other: give `legal_approval_ref`, "
            "where a lawyer approved this campaign, or contacts.columns.consent_date and consent_ref",
        )


def _persons(spec: CampaignSpec, policy: Policy, cap: Cap | None) -> Iterator[Finding]:
    if cap is None or "person" not in cap.scope or spec.contacts.columns.contact_id is not None:
        return
    yield Finding(
        Level.ERROR if spec.purpose is Purpose.DEBT else Level.WARNING,
        "contacts.columns.contact_id",
        f"missing, and {policy.source} (purposes.{spec.purpose}.cap.scope) counts calls per person: without ids one "
        f"person with two phones may be called {2 * cap.day} times a day; name the list's column",
    )


def _canary(spec: CampaignSpec) -> Iterator[Finding]:
    needed = spec.limits.min_minutes_left
    if spec.canary is not None and spec.canary.minutes <= needed:
        yield Finding(
            Level.ERROR,
            "canary.minutes",
            f"{spec.canary.minutes} minutes, and a window of {needed} or less is hardly worth opening "
            f"(limits.min_minutes_left): give the canary at least {needed + 1}, or lower the limit",
        )
