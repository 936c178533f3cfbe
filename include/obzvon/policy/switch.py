"""The kill switch as one short text: `off`, `on`, or `only demo_dialog, demo_twin`.

Pure: where the text is kept (the Airflow Variable `obzvon_kill_switch`) is the caller's affair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from obzvon.errors import ConfigError

__all__ = ["VARIABLE", "KillSwitch"]

#: The Airflow Variable that holds the text; where there is none, nothing is stopped.
VARIABLE = "obzvon_kill_switch"
OFF = frozenset({"off", "false", "0", "no", ""})
_ONLY = re.compile(r"only\s+([a-z][a-z0-9_]*(?:\s*,\s*[a-z][a-z0-9_]*)*)\s*,?")


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """Who may not be called: everybody, or the people of `campaigns`."""

    everything: bool = False
    campaigns: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """A clear `off` stops nobody, `only …` these campaigns; whatever is not understood stops everything."""
        said = (text or "").strip().lower()
        if said in OFF:
            return cls()
        if named := _ONLY.fullmatch(said):
            return cls(campaigns=frozenset(name.strip() for name in named[1].split(",")))
        return cls(everything=True)

    @property
    def text(self) -> str:
        """The switch as it is stored and shown."""
        if self.everything:
            return "on"
        return f"only {', '.join(sorted(self.campaigns))}" if self.campaigns else "off"

    def stops(self, campaign: str) -> bool:
        """True when nobody of this campaign may be called."""
        return self.everything or campaign in self.campaigns

    def stops_all_of(self, campaign: str | None) -> bool:
        """As `stops`; None: whether everything is stopped."""
        return self.everything if campaign is None else self.stops(campaign)

    def with_stopped(self, campaign: str | None) -> KillSwitch:
        """Also this campaign; None: everything. What is stopped stays stopped."""
        if campaign is None or self.everything:
            return KillSwitch(everything=True)
        return KillSwitch(campaigns=self.campaigns | {campaign})

    def with_resumed(self, campaign: str | None) -> KillSwitch:
        """Without this campaign; None: nothing is stopped. ConfigError: of everything no single one can be let go."""
        if campaign is None:
            return KillSwitch()
        if self.everything:
            raise ConfigError(
                f"calling is switched off for every campaign, so {campaign} alone cannot go on: stop the others by"
                " name after `obzvon resume` without a name, while their DAGs are paused"
            )
        return KillSwitch(campaigns=self.campaigns - {campaign})
