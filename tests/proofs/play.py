"""Plays one world: every campaign goes the whole way, and whatever differs from the oracle is a finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NoReturn

from faults.campaigns import SECRET
from faults.world import Books

from obzvon.campaigns.spec import Purpose
from obzvon.errors import ListError
from obzvon.ledger.keys import CANARY_BATCH, person_key, phone_key
from obzvon.warehouse.db import connect
from proofs import rules
from proofs.drawn import Drawn, World
from proofs.pipeline import Pipeline
from proofs.rules import Book, Opening, Row, Suppression, Use

_CONTACTS = """
select c.row_no, c.exclusion_code, c.exclusion_reason, i.batch_no
from ops.plan_contact c left join ops.campaign_intent i using (intent_id) where c.plan_id = %s order by c.row_no
"""
_TASKS = """
select vendor_task_id from ops.campaign_intent
where plan_id = %s and batch_no = %s and vendor_task_id is not null and state = 'final'
"""
_SUPPRESS = """
insert into ops.suppression (phone_key, person_key, purpose, reason, source, valid_from, valid_to,
    evidence_ref)
values (%s, %s, %s, 'asked', 'crm', %s, %s, %s)
"""
_CONSENT = """
insert into ops.consent (phone_key, purpose, given_on, valid_to, proof_ref, source)
values (%s, %s, %s, %s, %s, 'crm')
"""
_BREACHES = "select rule, vendor_call_id, campaign_id, detail from mart.v_compliance_breach order by 1, 2"
DROPPED = ("EXCL_DNC", "suppressed_after_plan")


class Differs(AssertionError):
    """Something is not as the oracle says."""


@dataclass(frozen=True, slots=True)
class Dial:
    """One dial of the sandbox's journal, with who was meant; `step` orders launches and loads."""

    call_id: str
    campaign: str
    purpose: str
    row: Row
    at: datetime
    step: int


@dataclass(slots=True)
class Going:
    """One campaign on its way: whom the oracle wants called, and what is known of its batches."""

    drawn: Drawn
    pipeline: Pipeline
    called: dict[int, Opening]
    excluded: dict[int, rules.Reason]
    batch_of: dict[int, int] = field(default_factory=dict)
    uses: dict[int, list[Use]] = field(default_factory=dict)
    sent_at: dict[int, int] = field(default_factory=dict)

    @property
    def rows(self) -> dict[int, Row]:
        return {row.number: row for row in self.drawn.ask.rows}

    def of_batch(self, batch: int) -> list[int]:
        return [number for number in self.called if self.batch_of[number] == batch]


class Play:
    """One world. `findings` are sentences; empty when everything holds."""

    def __init__(self, seed: int, dsn: str, base_url: str, books: Books, folder: Path) -> None:
        self.world, self.book = World(seed, folder), Book()
        self.dsn, self.base_url, self.books, self.folder = dsn, base_url, books, folder
        self.findings: list[str] = []
        self.figures: Counter[str] = Counter()
        self.reasons: Counter[rules.Reason] = Counter()
        self.dials: list[Dial] = []
        self.opt_outs: list[tuple[Suppression, int]] = []
        self.done: dict[str, Going] = {}
        self.step = 0
        self.rules_of: dict[str, rules.Rules] = {}

    async def run(self, campaigns: int) -> None:
        """Play so many campaigns, then look at the whole journal and at the breaches; the first finding ends it."""
        with suppress(Differs):
            await self._campaigns(campaigns)
            self._journal()
            self._breaches()

    async def _campaigns(self, campaigns: int) -> None:
        async with AsyncExitStack() as stack:
            opened: Going | None = None
            for _ in range(campaigns):
                drawn = self._drawn(after_open=opened is not None)
                going = await self._planned(drawn, stack)
                if opened is not None:
                    await self._finish(opened, opened.pipeline.batches)
                    opened = None
                if going is None:
                    continue
                if drawn.stays_open:
                    for batch in going.pipeline.batches:
                        await self._launch(going, batch)
                    opened = going
                else:
                    await self._whole_way(going)
            if opened is not None:
                await self._finish(opened, opened.pipeline.batches)

    # --- one campaign

    def _drawn(self, *, after_open: bool) -> Drawn:
        known = len(self.book.suppressions), len(self.book.consents)
        drawn = self.world.campaign(self.book, after_open=after_open)
        with connect(self.dsn) as conn:
            for number, s in enumerate(self.book.suppressions[known[0] :], known[0]):
                who, proof = s.person and person_key(SECRET, "crm", s.person), f"letter {number}"
                conn.execute(_SUPPRESS, (phone_key(SECRET, s.phone), who, s.purpose, s.since, s.until, proof))
            for number, c in enumerate(self.book.consents[known[1] :], known[1]):
                proof = f"form {number}"
                conn.execute(_CONSENT, (phone_key(SECRET, c.phone), c.purpose, c.given_on, c.until, proof))
        return drawn

    async def _planned(self, drawn: Drawn, stack: AsyncExitStack) -> Going | None:
        excluded, called = rules.decide(drawn.ask, drawn.rules, self.book)
        pipeline = Pipeline(self.dsn, self.base_url, self.books, drawn.folder, drawn.spec, self.world.policy)
        self.figures.update(campaigns=1, contacts=len(drawn.ask.rows), to_call=len(called))
        self.reasons.update(excluded.values())
        try:
            pipeline.plan(drawn.ask.call_date, drawn.ask.now, drawn.frames())
        except ListError:
            if called:
                self._find(drawn, f"nobody is planned, and the oracle calls rows {sorted(called)}")
            self.figures.update(nobody=1)
            return None
        going = Going(drawn, await stack.enter_async_context(pipeline), called, excluded)
        self.rules_of[drawn.ask.purpose] = drawn.rules
        self.done[drawn.spec.name] = going
        self._compare(going, "plan")
        self._use(going)
        return going

    def _use(self, going: Going) -> None:
        ask = going.drawn.ask
        for number, opening in going.called.items():
            row = going.rows[number]
            assert row.phone is not None
            first = Use(row.phone, row.person, ask.campaign, ask.purpose, opening.day, ask.dials_a_day, opening.ends_at)
            going.uses[number] = [first]
            if later := ask.dials - ask.dials_a_day:
                going.uses[number].append(replace(first, day=opening.day + timedelta(days=1), held=later))
            self.book.uses += going.uses[number]

    async def _whole_way(self, going: Going) -> None:
        if going.drawn.spec.canary:
            await self._launch(going, CANARY_BATCH)
            await self._finish(going, [CANARY_BATCH])
            if not going.pipeline.canary_passed():
                self.figures.update(canaries_stopped=1)
                return
        for batch in going.pipeline.batches:
            await self._launch(going, batch)
            await self._finish(going, [batch])

    async def _launch(self, going: Going, batch: int) -> None:
        """Whoever has opted out since the plan is not handed over."""
        ask, now = going.drawn.ask, datetime.now(UTC)
        for number in going.of_batch(batch):
            opening = going.called[number]
            if self.book.suppressed(going.rows[number], ask.purpose, now, opening.ends_at):
                del going.called[number]
                going.excluded[number] = DROPPED
                self.figures.update(dropped=1)
                for use in going.uses[number]:
                    use.held = 0
        self.step += 1
        await going.pipeline.launch(batch)
        self._compare(going, f"launch of batch {batch}")
        for number in going.of_batch(batch):
            going.sent_at[number] = self.step
            for use in going.uses[number]:
                use.sent = True

    async def _finish(self, going: Going, batches: Any) -> None:
        for batch in batches:
            await going.pipeline.finish(batch)
            self.step += 1
            with connect(self.dsn) as conn:
                tasks = [task for (task,) in conn.execute(_TASKS, (going.pipeline.plan_id, batch))]
            for number in going.of_batch(batch):
                for use in going.uses[number]:
                    use.held = 0
            for task in tasks:
                for entry in going.pipeline.dials(task):
                    self._heard(going, batch, entry)

    def _heard(self, going: Going, batch: int, entry: dict[str, Any]) -> None:
        """One entry of the journal: it counts, and it may be an opt-out."""
        ask, phone = going.drawn.ask, f"+{entry['phone'].removeprefix('+')}"
        number = next((n for n in going.of_batch(batch) if going.rows[n].phone == phone), None)
        if number is None:
            self._find(going.drawn, f"the vendor was given somebody who is not in batch {batch} for the oracle")
            return
        row, at = going.rows[number], datetime.fromisoformat(entry["dial_at"])
        # TWIN reports a call without a caller id as failed: nobody can tell that it was never dialled
        if not (entry["dialed"] or entry["status"] == "EMPTY_AON"):
            return
        days = {(at + timedelta(minutes=offset)).date() for offset in row.offsets}
        use = next((use for use in going.uses[number] if use.day in days), None)
        if use is None:
            self._find(going.drawn, f"row {number} was dialled on {days}, a date that was not planned")
            return
        use.dials += 1
        use.answered += entry["responder"] == "human"
        if entry["dialed"]:
            self.dials.append(Dial(entry["call_id"], ask.campaign, ask.purpose, row, at, going.sent_at[number]))
            self.figures.update(dials=1)
        if entry["result"] == "opt_out":
            whole = self.world.policy.rules(Purpose(ask.purpose)).opt_out == "all"
            said = Suppression(phone, row.person, "*" if whole else ask.purpose, at)
            self.book.suppressions.append(said)
            self.opt_outs.append((said, self.step))
            self.figures.update(opt_outs=1)

    def _compare(self, going: Going, when: str) -> None:
        """Every row has one decision, and it is the oracle's."""
        with connect(self.dsn) as conn:
            stored = conn.execute(_CONTACTS, (going.pipeline.plan_id,)).fetchall()
        if [row[0] for row in stored] != sorted(going.rows):
            self._find(going.drawn, f"{when}: not every row of the list has exactly one decision")
        for number, code, reason, batch in stored:
            wanted = going.excluded.get(number)
            if (code, reason) != (wanted or (None, None)) or (batch is None) != (code is not None):
                self._find(going.drawn, f"{when}: row {number} is {code}/{reason}, the oracle says {wanted}")
            if batch is not None:
                going.batch_of[number] = batch

    # --- in the end

    def _journal(self) -> None:
        """What the sandbox really dialled, judged without the ledger."""
        self.books.tell("clock", {"advance_seconds": 10 * 86_400})
        heard = {dial.call_id for dial in self.dials}
        for entry in self.books.look("dials"):
            if entry["dialed"] and entry["call_id"] not in heard:
                self.findings.append(f"{self._who()}: {entry['task_name']}: a dial that the oracle does not know")
        for dial in self.dials:
            going = self.done[dial.campaign]
            for hours in _hours(going, dial):
                if hours is None or not hours[0] <= hours[2] < hours[1]:
                    self._find(going.drawn, f"row {dial.row.number} was dialled at {hours}, outside the legal hours")
        for purpose, of in self.rules_of.items():
            uses = [use for use in self.book.uses if use.purpose == purpose]
            self.findings += [f"{self._who()}: {purpose}: {one}" for one in rules.too_many(uses, of)]
        if self.world.one_campaign:
            self.findings += [f"{self._who()}: {one}" for one in _two_campaigns(self.book.uses)]

    def _breaches(self) -> None:
        with connect(self.dsn) as conn:
            for rule, call, campaign, detail in conn.execute(_BREACHES):
                self.findings.append(f"{self._who()}: {campaign}: breach {rule} ({detail}) of call {call}")

    def _find(self, drawn: Drawn, what: str) -> NoReturn:
        """Note it and end the world: what comes after would only follow from it."""
        self.findings.append(f"{self._who()}: campaign {drawn.spec.name}, {drawn.ask.call_date}: {what}")
        raise Differs

    def _who(self) -> str:
        return f"world {self.world.seed}"


def _hours(going: Going, dial: Dial) -> Iterator[tuple[time, time, time] | None]:
    """(from, to, the local time of the dial) for every place where the person may be; None: nobody may be called."""
    for offset in dial.row.offsets:
        local = dial.at + timedelta(minutes=offset)
        off = rules.is_day_off(going.drawn.rules, local.date(), offset)
        hours = going.drawn.rules.day_off if off else going.drawn.rules.workday
        yield hours and (*hours, local.time())


def _two_campaigns(uses: list[Use]) -> Iterator[str]:
    seen: dict[tuple[str, date], str] = {}
    for use in uses:
        for who in (use.phone, use.person):
            if use.dials and who and seen.setdefault((who, use.day), use.campaign) != use.campaign:
                yield f"{seen[who, use.day]} and {use.campaign} both called somebody on {use.day}"
