"""Identities that come from the business, not from a run: the same facts always give the same key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from obzvon.errors import ConfigError

if TYPE_CHECKING:
    from hashlib import _Hash

#: Offsets of the Russian zones in minutes east of UTC (no daylight saving), +2 … +12.
ALL_OFFSETS = tuple(hours * 60 for hours in range(2, 13))

#: `batch_no` of the contacts who are called first and alone; doubts are numbered from 1000 on.
CANARY_BATCH = 900


def _sha(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def plan_id(campaign: str, call_date: date) -> str:
    """Key of the one plan of a campaign for a call date."""
    return _sha(campaign, call_date.isoformat())


def intent_id(campaign: str, call_date: date, zone: str, chunk_no: int) -> str:
    """Key of one vendor campaign to be. Clearing a task, a backfill and two parallel runs all find the same one."""
    return _sha(campaign, call_date.isoformat(), zone, chunk_no)


def marker(intent: str) -> str:
    """What a vendor campaign's name carries so that it can be found again and never be mistaken for another's."""
    return f"[af:{intent[:8]}]"


def zone_label(offsets: Iterable[int]) -> str:
    """`+03:00`, or several joined with `/` where the zone is not certain."""
    return "/".join(f"{'+' if m >= 0 else '-'}{abs(m) // 60:02d}:{abs(m) % 60:02d}" for m in sorted(offsets))


def external_id(plan: str, row_no: int) -> str:
    """Our id of a contact at the vendor; the same on every retry."""
    return f"{plan[:12]}-{row_no}"


def person_key(secret: bytes, registry: str, contact_id: str) -> str:
    """HMAC-SHA256 of a person's id in the system that `registry` names: one person, whatever the phone."""
    return _through(_taken_in(secret), f"person|{registry}|{contact_id}".encode())


def phone_key(secret: bytes, e164: str) -> str:
    """HMAC-SHA256 of the number: stands for the phone everywhere outside `pii` and request bodies."""
    return _through(_taken_in(secret), e164.encode())


def call_key(secret: bytes, call: str) -> str:
    """The name of a call that its vendor gave none. By the first secret for ever: others know the call by this name."""
    return _through(_taken_in(secret)[:1], call.encode())


def rekeyed(secret: bytes, key: str) -> str:
    """What a key becomes when the newest layer of `secret` is put around it."""
    return _through(_taken_in(secret)[-1:], key.encode())


#: How a ring of secrets begins: a rotation puts a layer around every key, and a new key goes through all of them.
RING = b"obzvon-keys:"
#: Bytes that SHA-256 takes at a time.
_BLOCK = 64


def ring(layers: Sequence[bytes]) -> bytes:
    """Several secrets as one, oldest first; a single one is its own ring."""
    return layers[0] if len(layers) == 1 else RING + b".".join(base64.urlsafe_b64encode(one) for one in layers)


def layers_of(secret: bytes) -> tuple[bytes, ...]:
    """The secrets of a ring, oldest first. ConfigError when it is cut off or mistyped."""
    if not secret.startswith(RING):
        return (secret,)
    try:
        layers = tuple(base64.b64decode(one, b"-_", validate=True) for one in secret[len(RING) :].split(b"."))
    except binascii.Error:
        layers = ()
    if len(layers) < 2 or not all(layers):
        raise ConfigError("the phone secret begins as a ring of keys and is none: copy it whole, in one line") from None
    return layers


def _through(layers: Sequence[tuple[_Hash, _Hash]], text: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) as hex, of the HMAC before it where there are several layers.

    A list asks twice a contact: `hmac.digest` takes the secret in anew each time.
    """
    for begun, closing in layers:
        inner, outer = begun.copy(), closing.copy()
        inner.update(text)
        outer.update(inner.digest())
        key = outer.hexdigest()
        text = key.encode()
    return key


@lru_cache(maxsize=8)
def _taken_in(secret: bytes) -> tuple[tuple[_Hash, _Hash], ...]:
    """For each layer the inner and the outer hash with the secret's block in them."""
    return tuple(_begun(layer) for layer in layers_of(secret))


def _begun(secret: bytes) -> tuple[_Hash, _Hash]:
    short = secret if len(secret) <= _BLOCK else hashlib.sha256(secret).digest()
    block = short.ljust(_BLOCK, b"\0")
    return hashlib.sha256(block.translate(hmac.trans_36)), hashlib.sha256(block.translate(hmac.trans_5C))
