"""Every error Obzvon raises on purpose, as one tree.

    ObzvonError
      ConfigError              a file, setting or connection is wrong; the message names file, key and cure
        CampaignFileError      a campaign file breaks a rule
        PolicyError            the policy file does not allow what the campaign asks
      ListError                the contact list cannot be used; nobody was called
      LedgerError              the ledger refuses a step
        InDoubtError           an intent needs a person: the message names it and what to check
        KillSwitchOpen         calling is switched off
          TryEnds              the worker is told to end; nothing at a vendor is stopped for it
        CanaryNotPassed        the first contacts' results do not allow to call the others
        PlanChanged            the plan is no longer the one that a person was asked about
        NotApproved            nobody said yes to what is about to be sent
          NobodyApproved       nor to anything else of the plan
      VendorError              a vendor request did not give a usable answer
        NotSent                the request never left: sending again is safe
        Refused                the vendor understood and said no (4xx with a body): nothing was created
          AuthRefused          401/403 after one renewal: login, password or token is wrong
          RateLimited          429: nothing was done, try after `retry_after`
        InDoubt                anything else: the vendor may or may not have done it
      RecordingError           a recording cannot be copied now
        RecordingAbsent        it is not there yet, or could not be fetched: another time it may be
        RecordingRefused       what stands or comes at its link is not taken
      ContractBreak            an answer does not have the documented shape
      AuditError               numbers differ and nothing explains the difference

`VendorError.delivery` says what the error proves about the request. The ledger and the retry rule read
that attribute and nothing else; no code looks at message text. Messages never hold a body, a phone or a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "AuditError",
    "AuthRefused",
    "CampaignFileError",
    "CanaryNotPassed",
    "ConfigError",
    "ContractBreak",
    "Delivery",
    "Fault",
    "InDoubt",
    "InDoubtError",
    "KillSwitchOpen",
    "LedgerError",
    "ListError",
    "NobodyApproved",
    "NotApproved",
    "NotSent",
    "ObzvonError",
    "PlanChanged",
    "PolicyError",
    "RateLimited",
    "RecordingAbsent",
    "RecordingError",
    "RecordingRefused",
    "Refused",
    "TryEnds",
    "VendorError",
]


class Delivery(StrEnum):
    """What a failed request proves."""

    NOT_SENT = "not_sent"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


class ObzvonError(Exception):
    """Root of the tree. `str(error)` is one sentence a person can act on."""


class ConfigError(ObzvonError):
    """A file, setting or connection is wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a campaign file: the dotted key (empty: none in particular), and cause with cure.

    `line` only where the text is no YAML, so that there are no keys.
    """

    key: str
    sentence: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.key}: {self.sentence}" if self.key else self.sentence


class CampaignFileError(ConfigError):
    """A campaign file breaks a rule. `faults` has one entry for each line of the message where a file was read."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class PolicyError(ConfigError):
    """The policy does not allow what the campaign asks."""


class ListError(ObzvonError):
    """The contact list cannot be used; nobody was called."""


class LedgerError(ObzvonError):
    """The ledger refuses a step."""


class InDoubtError(LedgerError):
    """An intent needs a person."""


class KillSwitchOpen(LedgerError):
    """Calling is switched off."""


class TryEnds(KillSwitchOpen):
    """The worker is told to end: no further request leaves, and nothing that was sent is stopped."""


class PlanChanged(LedgerError):
    """The plan is no longer the one that a person was asked about."""


class NotApproved(LedgerError):
    """Nobody said yes to what is about to be sent; it was not sent."""


class NobodyApproved(NotApproved):
    """Nobody said yes to the plan at all: none of its intents can be sent."""


class CanaryNotPassed(LedgerError):
    """The first contacts' results do not allow to call the others."""


class VendorError(ObzvonError):
    """A vendor request did not give a usable answer.

    Attributes: `vendor` (dialog, twin, qolio), `action` (what we asked for, in words), `status` (HTTP code or None),
    `retry_after` (seconds the vendor asks us to wait, None when it named no time).
    """

    delivery: Delivery = Delivery.IN_DOUBT
    retry_after: float | None = None

    def __init__(self, vendor: str, action: str, cause: str, *, status: int | None = None) -> None:
        self.vendor, self.action, self.status = vendor, action, status
        super().__init__(f"{vendor}: {action}: {cause}" + (f" (HTTP {status})" if status else ""))


class NotSent(VendorError):
    """The request never left this machine; sending it again is safe."""

    delivery = Delivery.NOT_SENT


class Refused(VendorError):
    """The vendor said no. `fields` names what it objected to, without the values."""

    delivery = Delivery.REFUSED

    def __init__(
        self, vendor: str, action: str, cause: str, *, status: int | None = None, fields: tuple[str, ...] = ()
    ) -> None:
        self.fields = fields
        super().__init__(vendor, action, cause, status=status)


class AuthRefused(Refused):
    """The credentials do not work."""


class RateLimited(Refused):
    """Too many requests. `retry_after` in seconds, None when the vendor named no time."""

    def __init__(self, vendor: str, action: str, retry_after: float | None) -> None:
        self.retry_after = retry_after
        super().__init__(vendor, action, "too many requests", status=429)


class InDoubt(VendorError):
    """The vendor may or may not have done what was asked."""


class RecordingError(ObzvonError):
    """A recording cannot be copied now. The message names a host at most, never the rest of a link."""


class RecordingAbsent(RecordingError):
    """It is not there yet, or could not be fetched. `passing`: asking again at once may help."""

    def __init__(self, cause: str, *, passing: bool = False) -> None:
        self.passing = passing
        super().__init__(cause)


class RecordingRefused(RecordingError):
    """What stands or comes at its link is not taken."""


class ContractBreak(ObzvonError):
    """An answer does not have the documented shape. `rule` is a stable id, `field` the place."""

    def __init__(self, rule: str, field: str, cause: str) -> None:
        self.rule, self.field = rule, field
        super().__init__(f"{rule}: {field}: {cause}")


class AuditError(ObzvonError):
    """Numbers differ and nothing explains the difference."""
