"""The life of an intent as one table. Nothing else in the project decides which step follows which.

planned ──► sending ──► created ──► running ──► collecting ──► final | final_partial
   ▲           │  │         │           │            │
   │  not sent │  ├► refused└───────────┴────────────┴──► cancelled
   └───────────┘  └► in_doubt ──► created (adopted) | planned (proved absent) | cancelled
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["NOTHING_AT_VENDOR", "SUPPRESSED", "TOO_LATE", "TRANSITIONS", "IntentState"]


class IntentState(StrEnum):
    """State of an intent; `terminal` states are never left."""

    PLANNED = "planned"
    SENDING = "sending"
    CREATED = "created"
    IN_DOUBT = "in_doubt"
    REFUSED = "refused"
    RUNNING = "running"
    COLLECTING = "collecting"
    FINAL = "final"
    FINAL_PARTIAL = "final_partial"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return not TRANSITIONS[self]


S = IntentState

TRANSITIONS: dict[IntentState, frozenset[IntentState]] = {
    S.PLANNED: frozenset({S.SENDING, S.CANCELLED}),
    S.SENDING: frozenset({S.CREATED, S.IN_DOUBT, S.REFUSED, S.PLANNED}),
    S.CREATED: frozenset({S.RUNNING, S.IN_DOUBT, S.REFUSED, S.CANCELLED}),
    S.IN_DOUBT: frozenset({S.CREATED, S.PLANNED, S.CANCELLED}),
    S.REFUSED: frozenset({S.PLANNED, S.CANCELLED}),
    S.RUNNING: frozenset({S.COLLECTING, S.CANCELLED}),
    S.COLLECTING: frozenset({S.FINAL, S.FINAL_PARTIAL, S.CANCELLED}),
    S.FINAL: frozenset(),
    S.FINAL_PARTIAL: frozenset(),
    S.CANCELLED: frozenset(),
}

#: In these states nothing exists at the vendor: the plan may be made anew, the contacts may be called.
NOTHING_AT_VENDOR = frozenset({S.PLANNED, S.REFUSED})

#: Why an intent was cancelled, as its note says.
TOO_LATE = "the calling window was over before the launch"
SUPPRESSED = "every contact was suppressed after planning"
