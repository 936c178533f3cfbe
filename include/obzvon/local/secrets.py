"""Secrets of the local stack: random, made once, kept in a file that only its owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from obzvon.errors import ConfigError

__all__ = ["Secrets", "write_private"]


def _token() -> str:
    return secrets.token_urlsafe(24)  # 32 characters; Airflow masks nothing shorter than 5 in logs


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True, slots=True)
class Secrets:
    """All secrets of one state folder. None of them shows in `repr`."""

    admin_password: str = field(default_factory=_token, repr=False)
    phone_secret: str = field(default_factory=_token, repr=False)
    fernet_key: str = field(default_factory=_fernet_key, repr=False)
    jwt_secret: str = field(default_factory=_token, repr=False)
    api_secret: str = field(default_factory=_token, repr=False)

    @classmethod
    def of(cls, folder: Path) -> Secrets:
        """The secrets of a state folder; made at the first call, the same ever after."""
        path = folder / "secrets.json"
        if not path.exists():
            cls().write(folder)
        try:
            return cls(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            keys = ", ".join(f.name for f in fields(cls))
            raise ConfigError(f"{path} must be a JSON object with {keys}; restore it or delete {folder}") from error

    def with_phone_secret(self, text: str) -> Secrets:
        """The same with another secret of the phones."""
        return replace(self, phone_secret=text)

    def write(self, folder: Path) -> None:
        """From now on the folder has these."""
        write_private(folder / "secrets.json", json.dumps(asdict(self)))


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: a reader sees the old text or the new, never half of it."""
    handle, new = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mkstemp gives it to nobody else
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(new).replace(path)
