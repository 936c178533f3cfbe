"""Where the user's own files are. Environment only: this is read at parse."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["campaigns_folder", "policy_file", "project_root"]


def project_root() -> Path:
    """The project folder: `OBZVON_ROOT`, else the checkout this package was installed from."""
    return Path(os.environ.get("OBZVON_ROOT") or Path(__file__).resolve().parents[2])


def campaigns_folder() -> Path:
    """`include/campaigns` of the project, or `OBZVON_CAMPAIGNS`."""
    return Path(os.environ.get("OBZVON_CAMPAIGNS") or project_root() / "include" / "campaigns")


def policy_file() -> Path:
    """`include/policy/policy.yaml` of the project, or `OBZVON_POLICY`."""
    return Path(os.environ.get("OBZVON_POLICY") or project_root() / "include" / "policy" / "policy.yaml")
