"""Random people, policies, lists and campaigns of one world, all drawn from its seed."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from faults.campaigns import ROOT, SECRET
from policies import relaxed

from obzvon.campaigns.spec import CampaignSpec, Purpose
from obzvon.contacts.prepare import prepared
from obzvon.policy.model import Cap, DayHours, Policy, RegionDaysOff, Rules
from proofs import rules
from proofs.rules import Ask, Book, Consent, Row, Suppression

#: The first date that a world may begin with: its weeks hold ends of weeks, months and of a year, and eight holidays.
FIRST = date(2031, 11, 24)
#: Years whose calendar of days off the worlds ask for.
YEARS = (2031, 2032)
EVE = timedelta(days=1)
PURPOSES = ("service", "survey", "advertising", "debt")
ZONES = {120: "+02:00", 180: "+03:00", 300: "+05:00", 420: "+07:00", 720: "+12:00"}
#: Lies at +12:00, so that somebody who is said to live at another offset may be at either.
FAR_REGION, FAR = "Камчатский край", 720
BAD_PHONES = {"": "empty", "12345": "short_number", "7.9161234567E+10": "excel_exponent", "+89161234567": "plus_eight"}
COLUMNS = ("Телефон", "Код", "ФИО", "Пояс", "Область", "Согласие от", "Согласие")
_HOURS = {
    "debt": (8, 22, 9, 20),
    "advertising": (10, 20, 11, 18),
    "service": (9, 20, 10, 19),
    "survey": (10, 20, 11, 18),
}
#: Of two campaigns on one date, one calls before noon and the other after it: what one hears the other knows.
_HALVES = (((10, 13), (11, 13)), ((14, 18), (14, 17)))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a home and one phone or two; a second person of a household may share one."""

    code: str
    phones: tuple[str, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """One campaign: what the file says, what the oracle is told, and how the driver treats it."""

    spec: CampaignSpec
    ask: Ask
    rules: rules.Rules
    folder: Path
    stays_open: bool

    def frames(self) -> Sequence[pd.DataFrame]:
        """The list as the contacts stage hands it over."""
        return list(prepared(self.spec, self.folder, None, SECRET))  # type: ignore[arg-type]  # a file needs none


class World:
    """One policy and its people; `campaign` draws the next campaign."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random, self.folder = random.Random(f"world {seed}"), folder
        folder.mkdir(parents=True, exist_ok=True)
        self.seed, self.made = seed, 0
        self.people = self._people()
        self.one_campaign = self.random.random() < 0.5
        self.day = FIRST + timedelta(days=self.random.randrange(30))
        self.regional = frozenset((300, self.day + timedelta(days=self.random.randrange(9))) for _ in range(2))
        self.policy = self._policy()
        self.half, self.gap = 0, timedelta()

    def campaign(self, book: Book, *, after_open: bool) -> Drawn:
        """The next campaign. New entries of the registers come into `book`; the caller stores them.

        `after_open`: the one before is not over, so this one calls on a later date.
        """
        self.made += 1
        self._next_day(after_open)
        purpose = self.random.choice(PURPOSES)
        given = self.policy.rules(Purpose(purpose))
        vendor, (a_day, total) = self._vendor(given)
        late, next_day = (self.half == 0 and self.random.random() < share for share in (0.25, 0.3))
        now = datetime.combine(self.day, time(7), UTC) if late else datetime.combine(self.day, time(12, 30), UTC) - EVE
        # whoever is called on a later date than asked for is called before the next campaign
        self.gap = timedelta(days=rules.DAYS_AHEAD if late and next_day else 0)
        window = self._window()
        rows = self._rows()
        self._registers(book, now)
        folder = self.folder / f"campaign_{self.made}"
        self._write(folder, rows)
        spec = self._spec(purpose, vendor, window, next_day)
        ask = Ask(
            spec.name, purpose, self.day, now, a_day, total, spec.limits.min_minutes_left, next_day,
            tuple(row for row, _ in rows),
        )  # fmt: skip
        stays_open = self.half == 0 and not next_day and spec.canary is None and self.random.random() < 0.25
        return Drawn(spec, ask, self._rules(spec, given), folder, stays_open)

    # --- people and what is known of them

    def _people(self) -> list[Person]:
        made: list[Person] = []
        for number in range(14):
            offset = self.random.choice(list(ZONES))
            phones = [_phone(self.seed, number, 0)]
            if self.random.random() < 0.5:
                phones.append(_phone(self.seed, number, 1))
            if made and self.random.random() < 0.2:
                neighbour = self.random.choice(made)
                offset, phones = neighbour.offset, [*phones[:1], neighbour.phones[0]]
            made.append(Person(f"{number:04d}", tuple(phones), offset))
        return made

    def _registers(self, book: Book, now: datetime) -> None:
        for person in self.random.sample(self.people, 3):
            if self.half != 2 and self.random.random() < 0.4:
                whole = person.code if self.random.random() < 0.7 else None
                since, until = self.random.choice(_periods(self.day, now))
                purpose = self.random.choice(("*", "*", "*", *PURPOSES))
                book.suppressions.append(Suppression(person.phones[0], whole, purpose, since, until))
            if self.random.random() < 0.6:
                until_day = self.random.choice((None, self.day, self.day - timedelta(days=1)))
                given_on = self.day - timedelta(days=self.random.choice((-1, 0, 30)))
                if until_day is None or until_day >= given_on:
                    purpose = self.random.choice(("*", *PURPOSES))
                    book.consents.append(Consent(person.phones[-1], purpose, given_on, until_day))

    # --- the list

    def _rows(self) -> list[tuple[Row, tuple[str, ...]]]:
        people = self.random.sample(self.people, self.random.randrange(5, 12))
        cells = [self._cells(person, phone) for person in people for phone in person.phones]
        cells += [self.random.choice(cells) for _ in range(self.random.randrange(3))]
        cells += [self._bad() for _ in range(self.random.randrange(2))]
        self.random.shuffle(cells)
        return [(self._row(number, *row), row[0]) for number, row in enumerate(cells, 1)]

    def _cells(self, person: Person, phone: str) -> tuple[tuple[str, ...], frozenset[int], str | None]:
        zone, region, offsets = ZONES[person.offset], "", frozenset({person.offset})
        draw = self.random.random()
        if draw < 0.08:
            zone, offsets = "где-то", rules.EVERYWHERE
        elif draw < 0.16:
            region, offsets = FAR_REGION, frozenset({person.offset, FAR})
        elif draw < 0.3 and person.offset == 180:
            zone, region = "", "Москва"
        day = self.day + timedelta(days=self.random.choice((-90, -9, -2, -1, 0, 0, 0, 1)))
        given, proof = self.random.choice(
            ((f"{day:%d.%m.%Y}", "анкета"),) * 12 + ((f"{day}", ""), ("", "анкета"), ("", ""))
        )
        code = "" if self.random.random() < 0.1 else person.code
        return (_written(self.random, phone), code, "Имя", zone, region, given, proof), offsets, phone

    def _bad(self) -> tuple[tuple[str, ...], frozenset[int], str | None]:
        return (
            (self.random.choice(list(BAD_PHONES)), "9999", "Имя", "+03:00", "", "01.11.2031", "анкета"),
            frozenset(),
            None,
        )

    @staticmethod
    def _row(number: int, cells: tuple[str, ...], offsets: frozenset[int], phone: str | None) -> Row:
        given = cells[5] and datetime.strptime(cells[5], "%d.%m.%Y" if "." in cells[5] else "%Y-%m-%d").date()  # noqa: DTZ007
        bad = None if phone else BAD_PHONES[cells[0]]
        return Row(number, phone, cells[1] or None, offsets, bad, given or None, cells[6] or None)

    @staticmethod
    def _write(folder: Path, rows: Sequence[tuple[Row, tuple[str, ...]]]) -> None:
        folder.mkdir()
        with (folder / "list.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(COLUMNS)
            writer.writerows(cells for _, cells in rows)

    # --- the policy and the campaign file

    def _policy(self) -> Policy:
        regional = RegionDaysOff(region="Урал", offset="+05:00", days=frozenset(day for _, day in self.regional))
        return relaxed().model_copy(
            update={
                "purposes": {Purpose(name): self._purpose(name) for name in PURPOSES},
                "unknown_zone": self.random.choice(("safe_window", "exclude")),
                "one_campaign_a_day": self.one_campaign,
                "region_days_off": (regional,),
            }
        )

    def _purpose(self, name: str) -> Rules:
        a, b, c, d = (time(hour) for hour in _HOURS[name])
        day = self.random.choice((1, 1, 2, 3))
        week = day + self.random.randrange(3)
        return Rules(
            window=DayHours(workday=(a, b), dayoff=(c, d)),
            margin_min=self.random.choice((0, 10)),
            cap=Cap(
                day=day,
                week=week,
                month=week + self.random.randrange(4),
                week_kind=self.random.choice(("calendar", "rolling")),
                count=self.random.choice(("attempts", "answered")),
                scope=self.random.choice((("phone", "person"), ("phone", "person"), ("phone",), ("person",))),
            ),
            consent=self.random.choice(("required", "required", "not_required", "legal_review")),
            opt_out=self.random.choice(("all", "purpose")),
        )

    def _rules(self, spec: CampaignSpec, given: Rules) -> rules.Rules:
        """The policy's rules and the campaign's window as the oracle is told them."""
        cap = given.cap
        assert cap is not None
        asked = spec.window
        assert asked is not None
        off = None if asked.dayoff == "closed" else asked.dayoff
        return rules.Rules(
            workday=_both(given.window.workday, given.margin_min, (asked.start, asked.end)),
            day_off=off and _both(given.window.dayoff, given.margin_min, (off.start, off.end)),
            consent=given.consent == "required" or (given.consent == "legal_review" and not spec.legal_approval_ref),
            day=cap.day,
            week=cap.week,
            month=cap.month,
            rolling=cap.week_kind == "rolling",
            answered=cap.count == "answered",
            by_phone="phone" in cap.scope,
            by_person="person" in cap.scope,
            one_campaign=self.one_campaign,
            unknown_zone=self.policy.unknown_zone == "safe_window",
            regional=self.regional,
        )

    def _spec(self, purpose: str, vendor: dict[str, Any], window: dict[str, Any], next_day: bool) -> CampaignSpec:
        demo = _demo("demo_dialog" if vendor["type"] == "dialog" else "demo_twin")
        kept = {key: demo[key] for key in ("title", "owner", "caller_ids", "goal", "outcomes", "qolio")}
        limits = {
            "chunk_size": self.random.choice((2, 4, 50)),
            "candidate_batch": self.random.choice((2, 50)),
            "max_batches": self.random.choice((1, 2, 3)),
        }
        columns = zip(
            ("phone", "contact_id", "full_name", "timezone", "region", "consent_date", "consent_ref"),
            COLUMNS,
            strict=True,
        )
        given: dict[str, Any] = {
            **kept,
            "name": f"world{self.seed}_{self.made}",
            "purpose": purpose,
            "vendor": vendor,
            "window": window,
            "when_late": "next_day" if next_day else "refuse",
            "contacts": {
                "source": {"type": "csv", "path": "list.csv"},
                "columns": dict(columns),
                "registry": "crm",
                "max_reject_share": 1,
            },
            "variables": {"name": {"column": "ФИО"}},
            "approval": {"when": "never"},
            "legal_approval_ref": self.random.choice((None, "заключение 7")),
            "limits": limits,
            "wait": {"stable_minutes": 1, "stable_polls": 2, "margin_minutes": 0},
        }
        if self.random.random() < 0.3:
            shares = {f"max_{name}_share": 1 for name in ("optout", "invalid", "network", "refused", "silent")}
            given["canary"] = {"contacts": self.random.choice((1, 3)), "minutes": 40, **shares}
        return CampaignSpec.model_validate(given)

    def _vendor(self, given: Rules) -> tuple[dict[str, Any], tuple[int, int]]:
        """The vendor's part of the file, and the worst case of it on the day and in all."""
        assert given.cap is not None
        twice = min(given.cap.day, given.cap.week, given.cap.month) >= 2 and self.random.random() < 0.4
        later = not twice and min(given.cap.week, given.cap.month) >= 2 and self.random.random() < 0.2
        kind = "twin" if later else self.random.choice(("dialog", "twin", "twin_beta"))
        if kind == "dialog":
            dialog = {**_demo("demo_dialog")["vendor"], "attempts": 1 + twice, "interval_minutes": 5 * twice}
            return dialog, (1 + twice, 1 + twice)
        if kind == "twin":
            redial: dict[str, Any] = {"candidate_limit": 1 + (twice or later)}
            if twice or later:
                redial["no_answer"] = {"time": 86_400 if later else 600, "count": 1}
            return {**_demo("demo_twin")["vendor"], "redial": redial}, (1 + twice, 1 + (twice or later))
        return {**_BETA, "recall_rules": {}}, (1, 1)

    # --- time

    def _next_day(self, after_open: bool) -> None:
        """The date of the next campaign; sometimes that of the last one, whose people were called before noon."""
        if self.half == 1 and not after_open:
            self.half = 2
            return
        self.day += timedelta(days=self.random.choice((1, 1, 2, 3, 5))) + self.gap
        self.half = int(self.random.random() < 0.4)

    def _window(self) -> dict[str, Any]:
        if self.half:
            workday, dayoff = _HALVES[self.half - 1]
        else:
            workday, dayoff = (self.random.choice(((10, 20), (11, 17))), (11, 18))
        off: Any = {"from": f"{dayoff[0]}:00", "to": f"{dayoff[1]}:00"}
        closed = self.random.random() < 0.25
        return {"from": f"{workday[0]}:00", "to": f"{workday[1]}:00", "dayoff": "closed" if closed else off}


_BETA = {
    "type": "twin",
    "api": "beta",
    "bot_id": "44e62ac6-6c08-4ad1-923d-5ee3299dd737",
    "dialplan_id": "d71c9c44-e942-4c6c-9ccc-ea5a043efb75",
    "intensity": 5,
    "amd": {"enabled": True, "mode": "BACK"},
}


@cache
def _demo(name: str) -> dict[str, Any]:
    """A demo campaign's file."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "include/campaigns" / f"{name}.yaml").read_text("utf-8"))
    return found


def _phone(seed: int, person: int, number: int) -> str:
    return f"+7916{(1_000_003 * seed + 7919 * (2 * person + number) + 2_000_000) % 10_000_000:07d}"


def _written(rng: random.Random, phone: str) -> str:
    """The same number as people write it."""
    ten = phone[2:]
    return rng.choice((phone, f"8{ten}", ten, f"8 ({ten[:3]}) {ten[3:6]}-{ten[6:8]}-{ten[8:]}"))


def _periods(day: date, now: datetime) -> list[tuple[datetime, datetime | None]]:
    """From the evening on, when nobody is called anywhere; over; not yet; begun and over again around the plan.

    None of them is dated back: what was dialled before was right when it was dialled.
    """
    evening = datetime.combine(day - EVE, time(19), UTC)
    long_ago, moment = datetime(2020, 1, 1, tzinfo=UTC), timedelta(seconds=1)
    return [
        (evening, None),
        (evening, None),
        (evening, None),
        (long_ago, long_ago + timedelta(days=100)),
        (datetime(2040, 1, 1, tzinfo=UTC), None),
        (now - moment, now + moment),
    ]


def _both(hours: tuple[time, time], margin: int, asked: tuple[time, time]) -> tuple[time, time]:
    """The policy's hours less the margin, and the campaign's."""
    day = date(2000, 1, 1)
    start = (datetime.combine(day, hours[0]) + timedelta(minutes=margin)).time()
    end = (datetime.combine(day, hours[1]) - timedelta(minutes=margin)).time()
    return max(start, asked[0]), min(end, asked[1])
