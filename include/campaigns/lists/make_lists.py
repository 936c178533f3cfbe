"""Makes the two demo lists: what a CRM exports, with everything that goes wrong in such exports.

    python include/campaigns/lists/make_lists.py

Deterministic: the same files every time, so they are committed and a test makes them again. People are invented. Most
numbers lie in codes of the Russian plan that are given to nobody (907, 935, 943-948, 956, 957, 972-976), so no list row
is anybody's phone; only the few rows that show how the numbering plan finds a zone lie in ranges that are in use.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent

#: Invented people, first name and surname drawn apart.
FIRST = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Инна", "Кирилл", "Лидия", "Марк", "Нина")
LAST = (
    "Пример",
    "Образец",
    "Выдумка",
    "Небыль",
    "Тестенко",
    "Макетных",
    "Условных",
    "Черновых",
    "Шаблон",
    "Безымянных",
)

#: How exports name the places: (region as written, rows). Every one of the eleven zones, Yakutia with its three.
REGIONS = (
    ("Калининградская обл.", 10),
    ("г. Москва", 59),
    ("Московская область", 14),
    ("Санкт-Петербург", 16),
    ("Респ. Татарстан", 8),
    ("Кировская обл", 5),
    ("Самарская обл.", 10),
    ("УДМУРТИЯ", 6),
    ("Свердловская область", 16),
    ("Челябинская обл.", 9),
    ("ХМАО-Югра", 6),
    ("Омская область", 11),
    ("Новосибирская область", 12),
    ("Красноярский край", 8),
    ("Иркутская обл.", 9),
    ("Забайкальский край", 6),
    ("Приморский край", 9),
    ("Саха /Якутия/ Респ", 4),
    ("Сахалинская обл.", 4),
    ("Магаданская область", 3),
    ("Камчатский край", 5),
)
#: Rows that name a zone instead of a region.
ZONES = ("МСК", "МСК+2", "Asia/Omsk", "+07:00", "UTC+5", "мск-1", "МСК +9", "Europe/Samara", "+3", "UTC+10")
#: Zone and region that contradict each other: both count.
CONTRADICTIONS = (("МСК", "Приморский край"), ("Asia/Omsk", "Новосибирская область"))
#: Places nobody can read: not replaced by the number's region.
UNREADABLE = (("", "Масква"), ("летнее", ""))
#: Ranges in use, for rows whose zone only the numbering plan knows.
ISSUED = ("9003451", "9000301", "9006701", "9008401", "9003361", "9004051", "90102890", "9000011", "9001761", "9006201")

#: What is in the phone column instead of a phone that may be called.
SPOILT = (
    "7,94312E+10",
    "7.9451234567E+10",
    "79461234567.0",
    "79461234568,00",
    "'79441234567",
    "8 943 123-45-11, 8 943 123-45-12",
    "89441234521 / 89441234522",
    "89451234531 89451234532",
    "+89461234541",
    "+8 (943) 123-45-42",
    "+7 700 000 00 01",
    "87770000002",
    "8 (800) 000-00-12",
    "8 804 000 00 13",
    "+7 840 000-00-14",
    "8 940 000 00 15",
    "+44 7700 900123",
    "+1 202-555-0143",
    "+375 29 000-00-01",
    "112",
    "2-12-34",
    "8 943 123 45",
    "8943123456789",
    "8 250 000 00 01",
    "",
    "-",
    "нет",
    "уточнить у жены",
    "8 943 абонент",
)

FORMATS = (
    "8{0}{1}{2}{3}",
    "+7{0}{1}{2}{3}",
    "7{0}{1}{2}{3}",
    "{0}{1}{2}{3}",
    "8 ({0}) {1}-{2}-{3}",
    "+7 ({0}) {1}-{2}-{3}",
    "+7 {0} {1} {2} {3}",
    "8-{0}-{1}-{2}-{3}",
    "8 {0} {1}{2}{3}",
    "8.{0}.{1}.{2}.{3}",
    "+7 ({0}) {1}-{2}-{3} доб. 12",
)


@dataclass
class Person:
    """One row before it is written under a list's own headers."""

    phone: str
    region: str = ""
    zone: str = ""
    amount: str = ""
    name: str = ""
    number: int = 0


@dataclass
class Numbers:
    """Phones of a list: each code's numbers one after the other, spread so that they do not look counted."""

    codes: tuple[str, ...]
    step: int
    made: list[str] = field(default_factory=list)

    def next(self, prefix: str = "") -> str:
        """A phone nobody else of the list has, in the next way of writing it."""
        count = len(self.made)
        start = prefix or self.codes[count % len(self.codes)]
        self.made.append(start + str((count + 1) * self.step)[-(10 - len(start)) :].zfill(10 - len(start)))
        return written(self.made[-1], count)

    def again(self, at: int) -> str:
        """An earlier phone in another way of writing it: a duplicate that only the canonical form shows."""
        return written(self.made[at], at + 1)


def written(national: str, way: int) -> str:
    """Ten digits in one of the ways people write them."""
    return FORMATS[way % len(FORMATS)].format(national[:3], national[3:6], national[6:8], national[8:])


def people(codes: tuple[str, ...], seed: int) -> list[Person]:
    """The rows of one list in their final order."""
    numbers, chance = Numbers(codes, step=seed), random.Random(seed)  # noqa: S311 - a repeatable shuffle
    rows = [*_placed(numbers), *_zoned(numbers), *_issued(numbers), *_spoilt(), *_repeated(numbers)]
    chance.shuffle(rows)
    for number, row in enumerate(rows, start=1):
        row.number = number
        row.name = row.name or f"{chance.choice(LAST)} {chance.choice(FIRST)}"
        row.amount = row.amount or f"{chance.randint(1, 90)} {chance.randint(100, 999)},{chance.randint(0, 99):02d}"
    return rows


def _placed(numbers: Numbers) -> Iterator[Person]:
    for region, count in REGIONS:
        yield from (Person(numbers.next(), region=region) for _ in range(count))


def _zoned(numbers: Numbers) -> Iterator[Person]:
    yield from (Person(numbers.next(), zone=zone) for zone in ZONES)
    yield from (Person(numbers.next(), zone=zone, region=region) for zone, region in (*CONTRADICTIONS, *UNREADABLE))


def _issued(numbers: Numbers) -> Iterator[Person]:
    yield from (Person(numbers.next(prefix)) for prefix in ISSUED)
    # no region, no zone, and a code that is given to nobody: only the safe window is left
    yield from (Person(numbers.next()) for _ in range(6))


def _spoilt() -> Iterator[Person]:
    yield from (Person(phone, region="Тверская обл.") for phone in SPOILT)


def _repeated(numbers: Numbers) -> Iterator[Person]:
    yield from (Person(numbers.again(at), region="г. Москва") for at in (10, 11, 12, 13, 14, 15, 60, 61))
    yield from (
        Person(numbers.next(), region="Тульская обл.", amount=amount) for amount in ("уточняется", "12 000 руб.")
    )


def consent(person: Person) -> tuple[str, str]:
    """When the person agreed to be called and where the proof is; a few never did."""
    if person.number % 75 == 0:
        return "", ""
    return f"{1 + person.number % 28:02d}.{1 + person.number % 9:02d}.2026", f"Анкета № {4000 + person.number}"


def dialog_rows() -> Iterator[list[str]]:
    """The list of the survey: shop customers after a delivery."""
    yield [
        *("ID клиента", "ФИО", "Телефон", "Регион", "Часовой пояс", "Сегмент", "Дата заказа", "Сумма заказа"),
        *("Согласие от", "Согласие"),
    ]
    for p in people(("907", "935", "943", "944", "945", "946"), seed=7919):
        segment = ("новый", "постоянный", "VIP")[p.number % 3]
        date = f"{1 + p.number % 28:02d}.10.2026"
        yield [f"C-{100000 + p.number}", p.name, p.phone, p.region, p.zone, segment, date, p.amount, *consent(p)]


def twin_rows() -> Iterator[list[str]]:
    """The list of the reminder: patients of a clinic before a visit."""
    yield [
        *("Код", "Пациент", "Моб. телефон", "Область", "Пояс", "Филиал", "Дата приёма", "Время", "К оплате"),
        *("Согласие от", "Согласие"),
    ]
    for p in people(("947", "948", "956", "957", "972", "973", "974", "975", "976"), seed=6133):
        branch = ("Центр", "Север", "Юг")[p.number % 3]
        time = f"{9 + p.number % 10:02d}:{15 * (p.number % 4):02d}"
        date = f"{1 + p.number % 28:02d}.12.2026"
        yield [f"{p.number:05d}", p.name, p.phone, p.region, p.zone, branch, date, time, p.amount, *consent(p)]


def write(name: str, rows: Iterator[list[str]], folder: Path = HERE) -> Path:
    """Write one list the way Russian Excel saves CSV: cp1251, semicolons, CRLF."""
    path = folder / name
    with path.open("w", encoding="cp1251", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows(rows)
    return path


def main() -> None:
    """Write both lists next to this script."""
    write("demo_dialog.csv", dialog_rows())
    write("demo_twin.csv", twin_rows())


if __name__ == "__main__":
    main()
