"""Addresses under which a copy is shown to people without a login, Qolio's reviewers among them.

page       our own address, signed: <recordings_url>/<path>?expires=<unix time>&signature=<HMAC-SHA256>
presigned  the object store signs; stores limit how long that lasts, S3 to seven days
template   the object's plain address, for a Qolio that was given the bucket's keys (its S3 set-up)
"""

from __future__ import annotations

import hashlib
import hmac
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from obzvon.errors import ConfigError
from obzvon.recordings.store import PREFIX, is_path
from obzvon.reports.archive import Archive
from obzvon.vendors.account import Account

__all__ = ["Links", "Verdict", "links_of", "page_link", "signing_key", "verify"]

DAY = 86_400
#: What S3 allows.
PRESIGNED_DAYS = 7


@dataclass(frozen=True, slots=True)
class Links:
    """How copies are shown: `address` of a path. `name` changes when links of another kind, place or key are made."""

    name: str
    address: Callable[[str], str]


class Verdict(Enum):
    """What a signed link is worth."""

    GOOD = "good"
    EXPIRED = "expired"
    FORGED = "forged"


def signing_key(secret: bytes) -> bytes:
    """The key of links, derived so that it is of no use for anything else the secret is for."""
    return hmac.new(secret, b"obzvon recordings link", hashlib.sha256).digest()


def page_link(base: str, key: bytes, path: str, expires: int) -> str:
    """The signed address of a copy; `expires` in seconds since 1970."""
    shown = quote(path.removeprefix(PREFIX), safe="/=")
    return f"{base.rstrip('/')}/{shown}?expires={expires}&signature={_signature(key, path, expires)}"


def verify(key: bytes, path: str, expires: str, signature: str, now: float) -> Verdict:
    """Judge a request for a copy. The signature first: nothing is said about a link that is not ours."""
    if not is_path(path) or not (expires.isascii() and expires.isdecimal() and len(expires) <= 12):
        return Verdict.FORGED
    right = _signature(key, path, int(expires))
    if not hmac.compare_digest(signature.encode(), right.encode()):
        return Verdict.FORGED
    return Verdict.GOOD if now < int(expires) else Verdict.EXPIRED


def links_of(account: Account, archive: Archive, key: bytes, base: str | None) -> Links:
    """How a Qolio connection wants copies shown: its extra keys `recordings_link`, `recordings_url` and

    `recordings_link_days` (365; presigned 7). `base`: our own address where the connection names none.
    """
    kind = account.text("recordings_link", "page")
    if kind == "page":
        address = account.text("recordings_url", base, cure="set it to the address of Airflow as Qolio reaches it")
        seconds = _days(account, 365)
        name = f"page {address} {hashlib.sha256(key).hexdigest()[:16]}"
        return Links(name, lambda path: page_link(address, key, path, int(time.time()) + seconds))
    if kind == "presigned":
        return _presigned(account, archive, _days(account, PRESIGNED_DAYS))
    if kind == "template":
        return _template(account)
    raise ConfigError(
        f"connection {account.conn_id}: extra key `recordings_link` is none of page, presigned and template"
    )


def _days(account: Account, default: float) -> int:
    return int(account.number("recordings_link_days", default) * DAY)


def _presigned(account: Account, archive: Archive, seconds: int) -> Links:
    if archive.root.protocol in ("", "file", "local"):
        raise ConfigError(
            f"connection {account.conn_id}: `recordings_link` is presigned, and the archive is a folder, which signs"
            " nothing; set it to page, or Variable obzvon_archive to an s3:// address"
        )
    root = archive.root
    return Links(f"presigned {root}", lambda path: str(root.fs.sign((root / path).path, expiration=seconds)))


def _template(account: Account) -> Links:
    text = account.text("recordings_url", cure="set it to the bucket's address with {path} in it")
    if [name for _, name, _, _ in string.Formatter().parse(text) if name is not None] != ["path"]:
        raise ConfigError(f"connection {account.conn_id}: extra key `recordings_url` needs {{path}} in it, once")
    return Links(f"template {text}", lambda path: text.replace("{path}", quote(path, safe="/=")))


def _signature(key: bytes, path: str, expires: int) -> str:
    return hmac.new(key, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()
