"""What stops a plan before anybody is called: the sentences name the numbers, the reasons and the cure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from obzvon.campaigns.spec import CampaignSpec
from obzvon.dispositions import Disposition
from obzvon.errors import ListError

#: (code, reason) -> contacts; excluded contacts only.
Excluded = Mapping[tuple[str, str], int]

_CURES = {
    "window_over": "start earlier in the day or choose a later call date",
    "window_empty": "choose another call date or widen `window` in the campaign file",
    "day_off_closed": "choose a working day, or give hours for days off (window.dayoff in the campaign file)",
    "unknown_zone": "give the list a time zone or region column (contacts.columns)",
    "no_consent": "name the list's consent columns (contacts.columns), or bring the consents into the register",
    "consent_without_proof": "say where the proof of each consent is (contacts.columns.consent_ref)",
    "consent_after_call_date": "choose a call date after the consents",
    "other_campaign_phone": "another campaign calls these people on that day: choose another call date",
    "other_campaign_person": "another campaign calls these people on that day: choose another call date",
    "not_final_yet": "an earlier campaign may still redial these people: start again when it is final",
    "suppressed": "these people asked not to be called, so take another list",
    "duplicate_phone": "take a list with one row a phone",
    "bad_variable": "correct the columns that `variables` names, or their types",
}
_PHONES = "correct the phones of the export (the column that contacts.columns.phone names)"


def stop_if_unfit(spec: CampaignSpec, call_date: date, total: int, excluded: Excluded) -> None:
    """Raise ListError when too many contacts are unusable, or when nobody is left to call."""
    rejected = {key: n for key, n in excluded.items() if key[0] == Disposition.EXCL_INVALID}
    share, limit = sum(rejected.values()) / total, spec.contacts.max_reject_share
    if share > limit:
        raise ListError(
            f"campaign {spec.name}: {sum(rejected.values())} of {total} contacts ({share:.2%}) are unusable, "
            f"more than contacts.max_reject_share allows ({limit:.2%}): {_biggest(rejected)}: "
            f"{_cure(rejected)}, or raise the limit; nobody was called"
        )
    if sum(excluded.values()) == total:
        raise ListError(
            f"campaign {spec.name}: none of the {total} contacts may be called on {call_date}: {_biggest(excluded)}: "
            f"{_cure(excluded)}; nobody was called"
        )


def _ranked(excluded: Excluded) -> list[tuple[tuple[str, str], int]]:
    return sorted(excluded.items(), key=lambda item: (-item[1], item[0]))


def _biggest(excluded: Excluded) -> str:
    return ", ".join(f"{code}/{reason} {contacts}" for (code, reason), contacts in _ranked(excluded)[:5])


def _cure(excluded: Excluded) -> str:
    (_, reason), _ = _ranked(excluded)[0]
    if reason.startswith("cap_"):
        return "these people were called as often as the policy allows: choose a later call date"
    return _CURES.get(reason, _PHONES)
