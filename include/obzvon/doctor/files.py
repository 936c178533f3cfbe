"""What lies on disks: the archive, room, policy, calendar, campaign files and Airflow's settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from obzvon.campaigns import catalogue
from obzvon.doctor.deployment import Deployment, Finding
from obzvon.errors import CampaignFileError, ObzvonError
from obzvon.policy.calendar import knows
from obzvon.policy.lint import Level
from obzvon.policy.lint import lint as findings
from obzvon.policy.model import load_policy

__all__ = ["archive", "calendar", "campaigns", "disk", "policy", "settings"]

LEAST_FREE = 0.10
#: How long before the new year its decree must be known: plans are made on the eve, and packages need time.
DAYS_AHEAD = 31
#: Settings without which Airflow keeps passwords in clear, or lets anybody sign tokens; a command may give each.
SECRETS = {
    "AIRFLOW__CORE__FERNET_KEY": "passwords of connections are stored in clear",
    "AIRFLOW__API_AUTH__JWT_SECRET": "each process signs with a key of its own, so tasks are refused",
}
GIVEN_BY = ("", "_CMD", "_SECRET")


def archive(at: Deployment) -> Iterator[Finding]:
    """The archive is there and may be written. An object store is listed only: nothing is written to try it."""
    root = at.archive.root
    if root.protocol not in ("", "file", "local"):
        try:
            root.exists()
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            yield Finding(
                "archive", f"{root} does not answer: {type(error).__name__}",
                "correct address, bucket and credentials of the archive (Variable obzvon_archive, AWS_…)",
            )  # fmt: skip
        return
    folder = Path(root.path)
    if not folder.is_dir():
        yield Finding(
            "archive", f"the folder {folder} does not exist",
            "create it for the user of the workers, or correct Variable obzvon_archive (--archive here)",
        )  # fmt: skip
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(
            "archive", f"the folder {folder} may not be written by this user",
            "give it to the user of the workers (chown), and mount it writable",
        )  # fmt: skip


def disk(at: Deployment) -> Iterator[Finding]:
    """Room where files of ours are written."""
    root = at.archive.root
    folder = Path(root.path)
    if root.protocol in ("", "file", "local") and folder.is_dir() and (free := at.free_share(folder)) < LEAST_FREE:
        yield Finding(
            "disk", f"only {free:.0%} of the archive's disk is free",
            "enlarge the disk, or move the archive; what may go is decided by retention_days of the policy",
        )  # fmt: skip


def policy(at: Deployment) -> Iterator[Finding]:
    """The policy file can be read. Its own error says what is wrong with it."""
    load_policy(at.policy)
    yield from ()


def calendar(at: Deployment) -> Iterator[Finding]:
    """The days off of the years that are planned for."""
    today = at.today
    for year in sorted({today.year, (today + timedelta(days=DAYS_AHEAD)).year}):
        if not knows(year):
            yield Finding(
                "calendar", f"the calendar of days off does not know {year}: its transfers of working days are missing",
                "update the package holidays (in production the image) once the decree is out",
            )  # fmt: skip


def campaigns(at: Deployment) -> Iterator[Finding]:
    """Every campaign file is valid and within the policy."""
    try:
        rules = load_policy(at.policy)
    except ObzvonError:
        return  # is told by `policy`
    for file in catalogue.files(at.campaigns):
        try:
            spec = catalogue.load(file)
        except CampaignFileError as error:
            yield Finding(
                "campaigns", f"{file.name}: {error.faults[0]}", f"correct the file; `obzvon lint {file.stem}`"
            )
            continue
        errors = [finding for finding in findings(spec, rules) if finding.level is Level.ERROR]
        if errors:
            yield Finding(
                "campaigns", f"{file.name}: {errors[0].key}: {errors[0].message}",
                f"correct the file; `obzvon lint {file.stem}` shows all {len(errors)} errors with their lines",
            )  # fmt: skip


def settings(at: Deployment) -> Iterator[Finding]:
    """Airflow's own secrets, where its settings are in sight."""
    if not any(name.startswith("AIRFLOW__") for name in at.environment):
        return
    for name, without in SECRETS.items():
        if not any(at.environment.get(name + by) for by in GIVEN_BY):
            yield Finding(
                "settings", f"{name} is not set: {without}",
                f"set it, or {name}_CMD, to the same random value for all processes",
            )  # fmt: skip
