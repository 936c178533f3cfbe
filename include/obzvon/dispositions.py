"""The unified outcome of a contact or an attempt, the same for every vendor.

Titles and flags are rows of `dwh.dim_disposition`, seeded from `warehouse/seeds/dispositions.csv`.
Source: warehouse model, section 3.3 (27 codes).
"""

from __future__ import annotations

from enum import StrEnum


class Disposition(StrEnum):
    """Code of `dwh.dim_disposition`."""

    __hash__ = str.__hash__  # the enum's own is Python code, and every row looks its code up several times

    EXCL_DNC = "EXCL_DNC"
    EXCL_NO_CONSENT = "EXCL_NO_CONSENT"
    EXCL_CAP = "EXCL_CAP"
    EXCL_WINDOW = "EXCL_WINDOW"
    EXCL_INVALID = "EXCL_INVALID"
    EXCL_DUPLICATE = "EXCL_DUPLICATE"
    VENDOR_LAW_BLOCK = "VENDOR_LAW_BLOCK"
    VENDOR_BLACKLIST = "VENDOR_BLACKLIST"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    BUSY = "BUSY"
    NO_ANSWER = "NO_ANSWER"
    UNAVAILABLE = "UNAVAILABLE"
    NETWORK_ERROR = "NETWORK_ERROR"
    CARRIER_BLOCK = "CARRIER_BLOCK"
    INVALID_NUMBER = "INVALID_NUMBER"
    VOICEMAIL = "VOICEMAIL"
    HUMAN_SHORT = "HUMAN_SHORT"
    WRONG_PARTY = "WRONG_PARTY"
    RPC_NO_RESULT = "RPC_NO_RESULT"
    RPC_CALLBACK = "RPC_CALLBACK"
    RPC_REFUSED = "RPC_REFUSED"
    RPC_OPTOUT = "RPC_OPTOUT"
    TRANSFERRED = "TRANSFERRED"
    GOAL = "GOAL"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"


#: Outcomes of a conversation with a person.
HUMAN = frozenset(
    {
        Disposition.HUMAN_SHORT,
        Disposition.WRONG_PARTY,
        Disposition.RPC_NO_RESULT,
        Disposition.RPC_CALLBACK,
        Disposition.RPC_REFUSED,
        Disposition.RPC_OPTOUT,
        Disposition.TRANSFERRED,
        Disposition.GOAL,
    }
)

#: When several rules match one conversation, the first of these wins (warehouse model 3.3).
PRECEDENCE = (
    Disposition.RPC_OPTOUT,
    Disposition.WRONG_PARTY,
    Disposition.GOAL,
    Disposition.RPC_CALLBACK,
    Disposition.RPC_REFUSED,
)
