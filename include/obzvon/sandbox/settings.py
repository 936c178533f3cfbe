"""What the sandbox can be told, and the accounts it knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DialogAccount:
    """The one account of the sandbox's Dialog. `timezone` is what its schedules mean (the documents name none)."""

    login: str = "robot@obzvon.example"
    password: str = "sandbox-dialog-password"  # noqa: S105 - the sandbox's public demo account
    timezone: str = "Asia/Yekaterinburg"
    project_id: int = 1
    scenario_id: int = 951
    start_block_id: int = 10
    phone_id: int = 5
    #: dials a second; the documents name no pace
    pace: float = 2.0


@dataclass(frozen=True, slots=True)
class TwinAccount:
    """The one account of the sandbox's TWIN. `timezone` is the company's: `startMoment` is in it."""

    email: str = "robot@obzvon.example"
    password: str = "sandbox-twin-password"  # noqa: S105
    timezone: str = "Europe/Moscow"
    bot_id: str = "44e62ac6-6c08-4ad1-923d-5ee3299dd737"
    dialplan_id: str = "d71c9c44-e942-4c6c-9ccc-ea5a043efb75"
    user_id: int = 17
    company_id: int = 4242


@dataclass(frozen=True, slots=True)
class QolioAccount:
    """The one integration of the sandbox's Qolio, its employees, and the user of its account API.

    `bound_elsewhere` have no `integration-uid` of their own: only the integration's bindings name them.
    """

    integration_id: str = "c34f637a-0000-4000-8000-000000000001"
    token: str = "sandbox-qolio-integration-token"  # noqa: S105
    operators: frozenset[str] = frozenset({"bot:dialog:10", "bot:twin:44e62ac6", "operator@email.com"})
    inactive: frozenset[str] = frozenset({"bot:inactive"})
    bound_elsewhere: frozenset[str] = frozenset({"operator@email.com"})
    email: str = "robot@obzvon.example"
    password: str = "sandbox-qolio-password"  # noqa: S105
    page_size: int = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """One sandbox. Token lifetimes are real seconds; `speed` is virtual seconds per real second."""

    state: Path
    seed: int = 7
    speed: float = 3600.0
    dialog_token_seconds: float = 30.0
    twin_token_seconds: float = 30.0
    record_cap: int = 50_000
    page_cap: int = 1000
    dialog: DialogAccount = field(default_factory=DialogAccount)
    twin: TwinAccount = field(default_factory=TwinAccount)
    qolio: QolioAccount = field(default_factory=QolioAccount)
