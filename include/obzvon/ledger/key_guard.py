"""Is this the secret that the warehouse's keys were made with? With another one no suppression would be found."""

from __future__ import annotations

import psycopg

from obzvon.errors import ConfigError
from obzvon.ledger.keys import layers_of, phone_key

__all__ = ["check_secret", "demand_in_force", "fingerprint"]

COMMAND = "obzvon rotate-phone-key"
#: Shared by whoever uses the secret, until the transaction ends; a rotation begins and ends when nobody does.
SHARED = "select pg_advisory_xact_lock_shared(hashtextextended('obzvon.phone_keys', 0))"
_IN_FORCE = "select version, fingerprint, done_at from ops.key_rotation order by version desc limit 1"


def fingerprint(secret: bytes) -> str:
    """What the warehouse keeps of a secret: of no use to find it, or any key."""
    return phone_key(secret, "obzvon fingerprint of the phone secret")


def demand_in_force(conn: psycopg.Connection, secret: bytes) -> None:
    """ConfigError while keys are being rotated, or when another secret is in force since a rotation.

    What follows in the caller's transaction is safe from a rotation that begins meanwhile.
    """
    conn.execute(SHARED)
    row = conn.execute(_IN_FORCE).fetchone()
    layers = len(layers_of(secret))
    if row is None:
        if layers > 1:
            raise ConfigError(
                f"the phone secret has {layers} layers, but this warehouse's keys were never rotated: it is older than"
                " the secret (a restored backup?). Give it the secret of its time"
            )
        return
    version, known, done_at = row
    if done_at is None:
        raise ConfigError(f"the phone keys are being rotated: finish that with `{COMMAND}`, then run this again")
    if fingerprint(secret) != known:
        raise ConfigError(
            f"the phone secret is not the one in force since {done_at:%Y-%m-%d} (version {version}, this one has"
            f" {layers}): give this process the value that `{COMMAND}` wrote; with another one nobody who said no is"
            " recognised"
        )


def check_secret(conn: psycopg.Connection, secret: bytes) -> None:
    """As `demand_in_force`; ConfigError too when the stored phones have their keys from another secret."""
    demand_in_force(conn, secret)
    for key, phone in conn.execute("select phone_key, phone_e164 from pii.phone limit 1"):
        if phone_key(secret, phone) != key:
            raise ConfigError("the secret of the phone keys is not the one that the stored phones were loaded with")
