"""Tables of the warehouse, the single source of the schema. Alembic migrations are made from this metadata.

ops   what the pipeline must remember: plans, intents, deliveries, archive, audit
pii   the only place with a clear phone, name or transcript
dwh   facts and dimensions
mart  what analysts read: views, in `marts/*.sql`, over sums that are refreshed

All moments are timestamptz in UTC. `phone_key` is HMAC-SHA256(secret, E.164) in hex, and one
layer of HMAC more for each rotation of the secret.
"""

from obzvon.warehouse.tables import alerts, contracts, dwh, events, evidence, keys, mart, ops, pii, qa, recordings
from obzvon.warehouse.tables.base import DISPOSITION_GROUPS, INTENT_STATES, PURPOSES, metadata

__all__ = ["DISPOSITION_GROUPS", "INTENT_STATES", "PURPOSES"]
__all__ += [
    "alerts",
    "contracts",
    "dwh",
    "events",
    "evidence",
    "keys",
    "mart",
    "metadata",
    "ops",
    "pii",
    "qa",
    "recordings",
]
