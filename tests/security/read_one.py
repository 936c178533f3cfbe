"""What the reading of every list in a folder comes to, a line each: `PYTHONPATH=tests python read_one.py <folder>`."""

from __future__ import annotations

import sys
from pathlib import Path

from vendors.vendor_world import spec

from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.read import read
from obzvon.errors import ObzvonError

VENDOR = """
type: dialog
project_id: 1
scenario_id: 951
start_block_id: 10
phone_id: 5
attempts: 3
report: {fields: {started_at: start, status: status}, statuses: {Разговор: RPC_NO_RESULT}}
"""


def campaign_of(kind: str, path: str, column: str = "phone") -> CampaignSpec:
    """A campaign whose list is this file."""
    return spec(VENDOR, contacts={"source": {"type": kind, "path": path}, "columns": {"phone": column}})


def told(file: Path) -> str:
    """How many rows there are, or the error with its type."""
    campaign = campaign_of(file.suffix[1:], file.name)
    try:
        return f"{sum(map(len, read(campaign, file.parent, None)))} rows"  # type: ignore[arg-type]
    except (ObzvonError, MemoryError, ValueError, LookupError, TypeError) as error:
        return f"{type(error).__name__} {error}".replace("\n", " ")


if __name__ == "__main__":
    for file in sorted(Path(sys.argv[1]).iterdir()):
        if file.suffix != ".plain":
            print(f"{file.name}\t{told(file)}")
