"""Whether TWIN may dial a contact again, by the recall rules of the campaign file."""

from __future__ import annotations

from collections.abc import Mapping

from obzvon.dispositions import HUMAN, Disposition
from obzvon.vendors.tally import Dials
from obzvon.vendors.twin_settings import TwinBetaSettings, TwinSettings
from obzvon.vendors.twin_v1_settings import TwinV1Settings

D = Disposition
#: Under which rules an outcome may be recalled. No page says where UNAVAILABLE belongs, so it may be either.
_RULES: Mapping[Disposition, tuple[str, ...]] = {
    D.BUSY: ("BUSY",),
    D.NO_ANSWER: ("NO_ANSWER",),
    D.UNAVAILABLE: ("NO_ANSWER", "CONGESTION"),
    D.NETWORK_ERROR: ("CONGESTION",),
    D.VOICEMAIL: ("MACHINE",),
    **dict.fromkeys(HUMAN, ("NOT_SUCCESSFUL",)),
}
_V1_NAMES = {
    "busy": "BUSY",
    "noAnswer": "NO_ANSWER",
    "answerMash": "MACHINE",
    "congestion": "CONGESTION",
    "answerNoList": "NOT_SUCCESSFUL",
}


def redials(settings: TwinSettings, dials: Dials) -> bool:
    """True while a rule for the newest outcome has tries left; pending and unknown outcomes leave it open."""
    last = dials.last.disposition
    if last in (D.PENDING, D.UNKNOWN):
        return True
    if dials.count >= settings.max_attempts:
        return False
    if last in HUMAN and (dials.last.talk_sec or 0) > _effective_seconds(settings):
        return False
    tries = _tries(settings)
    return any(dials.ended[last] <= tries.get(rule, 0) and tries.get(rule) for rule in _RULES.get(last, ()))


def _tries(settings: TwinSettings) -> dict[str, int]:
    if isinstance(settings, TwinV1Settings):
        return {_V1_NAMES[name]: rule.count for name, rule in settings.redial.rules.items() if rule}
    if isinstance(settings, TwinBetaSettings):
        rules = settings.recall_rules
        named = {name: getattr(rules, name) for name in type(rules).model_fields}
        return {name: rule.dials for name, rule in named.items() if rule.dials}
    return {}


def _effective_seconds(settings: TwinSettings) -> int:
    """Talk above this many seconds is a success, which nothing recalls."""
    if isinstance(settings, TwinV1Settings):
        return settings.effective_seconds
    return settings.recall_rules.NOT_SUCCESSFUL.duration or 0 if isinstance(settings, TwinBetaSettings) else 0
