"""A process that plans and launches one of two campaigns that share people, round after round."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import Any

import pandas as pd
from faults.campaigns import SECRET
from faults.campaigns import campaign as small
from faults.world import Books
from policies import relaxed

from obzvon.campaigns.spec import CampaignSpec, Purpose
from obzvon.errors import ListError
from obzvon.ledger.keys import person_key, phone_key
from obzvon.policy.model import Cap, Policy
from obzvon.sandbox.process import Sandbox
from proofs.pipeline import Pipeline

FIRST = date(2031, 1, 1)
#: Seconds that nobody waits for the other.
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Round:
    """Two campaigns call `shared` phones and `own` ones of each on one date; `dials` each, at most `cap` a day."""

    number: int
    shared: int
    own: int
    dials: int
    cap: int

    @property
    def day(self) -> date:
        return FIRST + timedelta(days=self.number)

    @property
    def winners(self) -> int:
        """How many of the two campaigns may have each shared phone."""
        return min(2, self.cap // self.dials)

    def phones(self, vendor: str) -> list[str]:
        """The list of one campaign: the two have the shared phones in opposite order."""
        shared = [f"+7916{1000 + self.number:04d}{place:03d}" for place in range(self.shared)]
        own = [
            f"+7916{1000 + self.number:04d}{100 + 100 * (vendor == 'twin') + place:03d}" for place in range(self.own)
        ]
        return [*own, *(reversed(shared) if vendor == "twin" else shared)]

    def people(self, vendor: str) -> pd.DataFrame:
        """The list of one campaign: each phone is one person's."""
        return people([(phone, phone) for phone in self.phones(vendor)])


def rounds(count: int) -> Iterator[Round]:
    """One phone and one call; one phone, two dials each; phones in swapped order; two calls a day for one each."""
    kinds = [(1, 0, 1, 1), (1, 0, 2, 2), (4, 1, 1, 1), (2, 0, 1, 2), (3, 0, 2, 3)]
    return (Round(number, *kinds[number % len(kinds)]) for number in range(count))


def policy(cap: int) -> Policy:
    """Nothing but the cap keeps two campaigns from calling one person on one day."""
    of = Cap(day=cap, week=cap, month=cap, scope=("phone", "person"))
    rules = {purpose: given.model_copy(update={"cap": of}) for purpose, given in relaxed().purposes.items()}
    return relaxed().model_copy(update={"purposes": rules, "one_campaign_a_day": False})


@cache
def campaign(vendor: str, dials: int) -> CampaignSpec:
    """A campaign of the vendor that may dial a person so often."""
    spec = small(vendor)
    changes: dict[str, Any] = {"attempts": dials, "interval_minutes": 5 * (dials - 1)}
    if vendor == "twin":
        changes = {"redial": {"candidate_limit": dials, "no_answer": {"time": 600, "count": 1}}}
    elif vendor == "twin_beta":
        changes = {"recall_rules": {"NO_ANSWER": {"enabled": dials > 1, "tries": dials - 1, "interval": 600}}}
    given = spec.model_dump(mode="json", by_alias=True)
    given |= {"name": f"race_{vendor}", "purpose": Purpose.SERVICE.value, "approval": {"when": "never"}}
    given["vendor"] |= changes
    given["contacts"] |= {"registry": "crm", "max_change_share": None, "max_reject_share": 1}
    given["limits"] |= {"chunk_size": 10, "max_batches": 1}
    return CampaignSpec.model_validate(given)


def people(phones: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """The prepared list, in the Moscow zone, of (person, phone)."""
    rows = [
        {
            "row_no": number, "contact_id": person, "phone_raw": phone, "phone_e164": phone,
            "phone_key": phone_key(SECRET, phone), "full_name": "Имя", "region": None, "segment": None,
            "tz_offsets": [180], "tz_source": "declared", "person_key": person_key(SECRET, "crm", person),
            "consent_date": None, "consent_ref": None, "exclusion_reason": None, "variables": "{}",
        }
        for number, (person, phone) in enumerate(phones, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@dataclass(frozen=True, slots=True)
class Rival:
    """What a process is told. It answers one (round, seconds, contacts planned) a round, or the error it died of."""

    vendor: str
    dsn: str
    sandbox: tuple[str, Path]
    folder: Path
    count: int


def run(rival: Rival, barrier: Barrier, answers: Any) -> None:
    """The process: every round begins when both are ready."""
    logging.getLogger("obzvon").setLevel(logging.ERROR)
    try:
        for number, seconds, planned in asyncio.run(_rounds(rival, barrier)):
            answers.put((rival.vendor, number, seconds, planned))
        answers.put((rival.vendor, None, None, None))
    except BaseException as error:
        barrier.abort()
        answers.put((rival.vendor, -1, 0.0, f"{type(error).__name__}: {error}"))
        raise


async def _rounds(rival: Rival, barrier: Barrier) -> list[tuple[int, float, int]]:
    base_url, state = rival.sandbox
    books = Books(Sandbox(base_url, state, None))  # type: ignore[arg-type]  # the process is its starter's
    first = Pipeline(rival.dsn, base_url, books, rival.folder, campaign(rival.vendor, 1), policy(1))
    done = []
    async with first:
        for of in rounds(rival.count):
            pipeline = replace(first, spec=campaign(rival.vendor, of.dials), policy=policy(of.cap))
            barrier.wait(PATIENCE)
            began = time.monotonic()
            planned = await _plan_and_launch(pipeline, of, rival.vendor)
            done.append((of.number, time.monotonic() - began, planned))
    return done


async def _plan_and_launch(pipeline: Pipeline, of: Round, vendor: str) -> int:
    eve = datetime(of.day.year, of.day.month, of.day.day, 9, tzinfo=UTC) - timedelta(days=1)
    try:
        made = pipeline.plan(of.day, eve, [of.people(vendor)])
    except ListError:
        return 0
    for batch in pipeline.batches:
        await pipeline.launch(batch)
    return made.contacts_to_call


def plan_once(rival: Rival, number: int) -> None:
    """The process that plans one round and nothing else."""
    logging.getLogger("obzvon").setLevel(logging.ERROR)
    of = Round(number, 1, 0, 1, 1)
    pipeline = Pipeline(rival.dsn, "", None, rival.folder, campaign(rival.vendor, 1), policy(1))  # type: ignore[arg-type]
    eve = datetime(of.day.year, of.day.month, of.day.day, 9, tzinfo=UTC) - timedelta(days=1)
    pipeline.plan(of.day, eve, [of.people(rival.vendor)])
