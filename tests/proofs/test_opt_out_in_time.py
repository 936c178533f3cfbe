"""Whoever asks not to be called is not called, however late it is known before the request leaves.

A few people whose fates in the sandbox are known beforehand; the journal of its dials is the judge.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from faults.campaigns import PAGE, SECRET, VENDORS
from faults.world import Books

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import intent_id, marker, person_key, phone_key
from obzvon.sandbox.fates import Fate, draw
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.collect_batch import collect
from proofs.pipeline import Pipeline
from proofs.rival import campaign, people, policy

DAY = date(2031, 5, 20)
EVE = datetime(2031, 5, 19, 12, tzinfo=UTC)
#: Of the sandbox: what becomes of a phone in a named campaign hangs on it.
SEED = 7
pytestmark = pytest.mark.stack
_SUPPRESS = """
insert into ops.suppression (phone_key, person_key, reason, source, valid_from) values (%s, %s, 'asked', 'crm', now())
"""
_REASONS = "select contact_id, exclusion_reason from ops.plan_contact where exclusion_reason is not null"
_FORBID = """
create function forbid() returns trigger language plpgsql as $$ begin raise exception 'the register is full'; end $$;
create trigger forbid before insert on ops.suppression for each row execute function forbid()
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    options = {"speed": 0, "page_cap": PAGE, "seed": SEED, "dialog_token_seconds": 600, "twin_token_seconds": 600}
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), **options) as server:
        yield server


@pytest.fixture
def books(sandbox: Sandbox) -> Iterator[Books]:
    made = Books(sandbox)
    made.tell("reset")
    yield made
    made.close()


@pytest.fixture
def pipeline(warehouse_dsn: str, sandbox: Sandbox, books: Books, tmp_path: Path) -> Callable[..., Pipeline]:
    """A campaign of a vendor, two people in a vendor campaign; two calls a day are allowed."""

    def made(vendor: str, name: str = "reminder") -> Pipeline:
        spec = campaign(vendor, 1)
        limits = spec.limits.model_copy(update={"chunk_size": 2, "candidate_batch": 1, "max_batches": 2})
        spec = spec.model_copy(update={"name": name, "limits": limits})
        return Pipeline(warehouse_dsn, sandbox.base_url, books, tmp_path / name, spec, policy(2))

    return made


def _phone(spec: CampaignSpec, chunk: int, fate: Callable[[Fate], bool], *, skip: int = 0) -> str:
    """A phone that has this fate in the campaign's chunk."""
    key = marker(intent_id(spec.name, DAY, "+03:00", chunk))
    phones = (f"+7916{number:07d}" for number in itertools.count(1_000_000 * (chunk + 1)))
    return next(itertools.islice((phone for phone in phones if fate(draw(SEED, key, phone, 1))), skip, None))


def _says_no(fate: Fate) -> bool:
    return fate.result == "opt_out"


def _agrees(fate: Fate) -> bool:
    return fate.result == "agreed"


def _dialled(books: Books) -> set[str]:
    return {f"+{entry['phone'].removeprefix('+')}" for entry in books.look("dials") if entry["dialed"]}


def _suppress(conn: psycopg.Connection, phone: str, person: str | None = None) -> None:
    conn.execute(_SUPPRESS, (phone_key(SECRET, phone), person and person_key(SECRET, "crm", person)))
    conn.commit()


async def _call(of: Pipeline, batch: int) -> None:
    await of.launch(batch)
    await of.finish(batch)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_who_opts_out_between_plan_and_launch_is_not_dialled_on_any_phone(
    vendor: str, pipeline: Callable[..., Pipeline], books: Books, conn: psycopg.Connection
) -> None:
    of = pipeline(vendor)
    first, second, other = (_phone(of.spec, chunk, _agrees, skip=skip) for chunk, skip in ((1, 0), (2, 0), (1, 1)))
    foreign = "+79169999999"
    async with of:
        of.plan(DAY, EVE, [people([("anna", first), ("boris", other), ("anna", second)])])
        assert of.batches == (0, 1)
        _suppress(conn, foreign, "anna")  # said on a phone that this list does not have
        for batch in of.batches:
            await _call(of, batch)
    assert _dialled(books) == {other}
    assert conn.execute(_REASONS).fetchall() == [("anna", "suppressed_after_plan")] * 2


@pytest.mark.parametrize("vendor", VENDORS)
async def test_who_opts_out_in_the_first_chunk_is_not_dialled_on_the_other_phone_in_the_second(
    vendor: str, pipeline: Callable[..., Pipeline], books: Books, conn: psycopg.Connection
) -> None:
    of = pipeline(vendor)
    first, other = _phone(of.spec, 1, _says_no), _phone(of.spec, 1, _agrees)
    second, last = _phone(of.spec, 2, _agrees), _phone(of.spec, 2, _agrees, skip=1)
    async with of:
        of.plan(DAY, EVE, [people([("anna", first), ("boris", other), ("anna", second), ("vera", last)])])
        await _call(of, 0)
        assert _dialled(books) == {first, other}
        await _call(of, 1)
    assert _dialled(books) == {first, other, last}
    assert conn.execute(_REASONS).fetchall() == [("anna", "suppressed_after_plan")]
    assert conn.execute("select * from mart.v_compliance_breach").fetchall() == []


async def test_without_the_opt_out_the_second_phone_is_dialled(pipeline: Callable[..., Pipeline], books: Books) -> None:
    of = pipeline("dialog")
    first, other, second = (_phone(of.spec, chunk, _agrees, skip=skip) for chunk, skip in ((1, 0), (1, 1), (2, 0)))
    async with of:
        of.plan(DAY, EVE, [people([("anna", first), ("boris", other), ("anna", second)])])
        for batch in of.batches:
            await _call(of, batch)
    assert _dialled(books) == {first, other, second}


@pytest.mark.parametrize(("hears", "waits"), [("dialog", "twin"), ("twin", "dialog"), ("twin_beta", "dialog")])
async def test_an_opt_out_that_another_campaign_hears_counts_for_one_that_is_planned_already(
    hears: str, waits: str, pipeline: Callable[..., Pipeline], books: Books, conn: psycopg.Connection
) -> None:
    of, later = pipeline(hears), pipeline(waits, "later")
    said, second = _phone(of.spec, 1, _says_no), _phone(later.spec, 1, _agrees)
    other = _phone(later.spec, 1, _agrees, skip=1)
    async with of, later:
        of.plan(DAY, EVE, [people([("anna", said)])])
        later.plan(DAY, EVE, [people([("anna", second), ("boris", other)])])
        await _call(of, 0)
        await _call(later, 0)
    assert _dialled(books) == {said, other}
    assert conn.execute(_REASONS).fetchall() == [("anna", "suppressed_after_plan")]


async def test_a_candidate_who_opts_out_while_the_campaign_is_being_filled_stays_behind(
    pipeline: Callable[..., Pipeline], books: Books, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = pipeline("twin")
    first, second = _phone(of.spec, 1, _agrees), _phone(of.spec, 1, _agrees, skip=1)
    async with of:
        of.plan(DAY, EVE, [people([("anna", first), ("boris", second)])])
        add = of.dialer.add_contacts

        async def then_boris_opts_out(task_id: str, order: object, contacts: object) -> object:
            taken = await add(task_id, order, contacts)  # type: ignore[arg-type]
            _suppress(conn, second)
            return taken

        monkeypatch.setattr(of.dialer, "add_contacts", then_boris_opts_out)
        await _call(of, 0)
    assert _dialled(books) == {first}


async def test_the_attempt_and_its_opt_out_are_in_one_commit(
    pipeline: Callable[..., Pipeline], conn: psycopg.Connection
) -> None:
    of = pipeline("dialog")
    said, other = _phone(of.spec, 1, _says_no), _phone(of.spec, 1, _agrees)
    stored = "select (select count(*) from dwh.fact_call_attempt), (select count(*) from ops.suppression)"
    async with of:
        of.plan(DAY, EVE, [people([("anna", said), ("boris", other)])])
        await of.launch(0)
        conn.execute(_FORBID)
        conn.commit()
        with pytest.raises(psycopg.errors.RaiseException):
            await of.finish(0)
        assert conn.execute(stored).fetchone() == (0, 0)
        conn.execute("drop trigger forbid on ops.suppression")
        conn.commit()
        await collect(of.collector(), of.plan_id, 0)
    assert conn.execute(stored).fetchone() == (2, 1)
    together = (
        "select a.xmin = s.xmin from dwh.fact_call_attempt a, ops.suppression s where disposition_code = 'RPC_OPTOUT'"
    )
    assert conn.execute(together).fetchall() == [(True,)]
