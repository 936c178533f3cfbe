"""What every outcome means: written down here, so that a wrong flag in the pipeline's own file is seen."""

from __future__ import annotations

GROUPS = {
    "NOT_DIALED": {
        "EXCL_DNC", "EXCL_NO_CONSENT", "EXCL_CAP", "EXCL_WINDOW", "EXCL_INVALID", "EXCL_DUPLICATE",
        "VENDOR_LAW_BLOCK", "VENDOR_BLACKLIST", "CANCELLED", "EXPIRED",
    },
    "NOT_CONNECTED": {"BUSY", "NO_ANSWER", "UNAVAILABLE", "NETWORK_ERROR", "CARRIER_BLOCK", "INVALID_NUMBER"},
    "MACHINE": {"VOICEMAIL"},
    "HUMAN": {
        "HUMAN_SHORT", "WRONG_PARTY", "RPC_NO_RESULT", "RPC_CALLBACK", "RPC_REFUSED", "RPC_OPTOUT", "TRANSFERRED",
        "GOAL",
    },
    "PENDING": {"PENDING"},
    "UNKNOWN": {"UNKNOWN"},
}  # fmt: skip
GROUP = {code: group for group, codes in GROUPS.items() for code in codes}
#: The right person was spoken to: not who hung up at once, nor somebody else.
RPC = {"RPC_NO_RESULT", "RPC_CALLBACK", "RPC_REFUSED", "RPC_OPTOUT", "TRANSFERRED", "GOAL"}
GOAL = {"GOAL"}
#: Worth another dial, now or later.
NOT_TERMINAL = {
    "EXCL_CAP", "EXCL_WINDOW", "VENDOR_LAW_BLOCK", "BUSY", "NO_ANSWER", "UNAVAILABLE", "NETWORK_ERROR", "VOICEMAIL",
    "HUMAN_SHORT", "RPC_CALLBACK", "PENDING", "UNKNOWN",
}  # fmt: skip
TERMINAL = set(GROUP) - NOT_TERMINAL
#: The line was taken, or may have been: a dial that ran out of time reached the line before that.
IN_CAP = {code for code, group in GROUP.items() if group != "NOT_DIALED"} | {"EXPIRED"}
