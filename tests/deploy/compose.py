"""docker-compose.yaml as podman-compose resolves it: it interpolates and merges, and needs no engine for that."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import io
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from podman_compose import podman_compose

__all__ = ["FILE", "MANDATORY", "ROOT", "complete", "config"]

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yaml"
PROFILES = ("sandbox", "observability", "tools")
#: What has no default, with a value of the kind it takes.
MANDATORY = {
    "OBZVON_IMAGE": "obzvon:0.1.0",
    "OBZVON_SECRETS": "./deploy/secrets",
    "OBZVON_LISTS": "./lists",
    "OBZVON_BASE_URL": "https://obzvon.example.ru",
    "OBZVON_ADMIN": "anna",
}


def config(values: dict[str, str]) -> dict[str, Any]:
    """What `podman-compose config` prints with these variables and none of the caller's; its error where it refuses."""
    profiles = [word for name in PROFILES for word in ("--profile", name)]
    # a .env of the person who runs the tests fills nothing in
    command = ["--dry-run", "--env-file", os.devnull, "--file", str(FILE), *profiles, "config"]
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as environment, contextlib.redirect_stdout(printed):
        for name in os.environ:
            if name.startswith("OBZVON_"):
                environment.delenv(name)
        for name, value in values.items():
            environment.setenv(name, value)
        with contextlib.suppress(SystemExit):  # how the command ends, whatever came of it; nothing printed is no YAML
            asyncio.run(copy.copy(podman_compose).run(command))
    found: dict[str, Any] = yaml.load(printed.getvalue(), yaml.CSafeLoader)
    return found


@cache
def complete() -> dict[str, Any]:
    """The whole file with every mandatory variable set. Nobody changes it: all tests share one."""
    return config(MANDATORY)
