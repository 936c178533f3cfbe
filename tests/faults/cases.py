"""The cases as data: what goes wrong, at which point, with which vendor, and what it may cost.

Points are places in the life of a campaign. `create`, `candidates`, `look`, `report` and `deliver` are requests. A kill
at one of them comes `…_asked` before the vendor has it, `…_accepted` after it took it but before its answer, or
`…_answered` after the answer but before our commit; the page's legend (page.py) explains every word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from faults.campaigns import PAGE, VENDORS
from faults.strikes import Blow, Strike

__all__ = ["Case", "every"]

Script = Mapping[str, Any]
HTML = "<html><head><title>503 Service Temporarily Unavailable</title></head><body>nginx</body></html>"
#: Timeouts in seconds where a case is about them, and what comes too late for them.
HASTY, LATE = {"read_timeout": 1.5, "total_timeout": 2.0}, 4.0
INTENTS, BATCHES, FACTS = "ops.campaign_intent", "ops.candidate_batch", "dwh.fact_call_attempt"


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table. `scripts` are the sandbox's faults.

    `person`, `orphans`, `silent` and `ended` are what it may cost: questions to a person, vendor campaigns that dial
    nobody, people whom the audit names as never called, an audit that fails. Contacts dialled twice, losses and doubled
    records never are.
    """

    vendor: str
    fault: str
    point: str
    scripts: tuple[Script, ...] = ()
    strike: Strike | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    person: int = 0
    orphans: int = 0
    silent: int = 0
    ended: str = "success"

    @property
    def id(self) -> str:
        """Its name in the table."""
        return f"{self.vendor}-{self.fault}-{self.point}"

    @property
    def costs(self) -> dict[str, object]:
        """What the line of this case must say."""
        never = dict.fromkeys(("twice", "lost", "invented", "qolio_doubled", "orphaned_dials"), 0)
        return {**never, "orphaned": self.orphans, "person": self.person, "silent": self.silent, "ended": self.ended}


# --- requests, as the sandbox sees them -------------------------------------------------------------------------------


def _twin(method: str, path: str, says: str = "") -> Script:
    return {"vendor": "twin", "method": method, "path": path, "says": says}


_DIALOG = {"vendor": "dialog", "method": "POST"}
_QOLIO = {"vendor": "qolio", "method": "POST", "path": "/phone_calls$"}
CREATE: Mapping[str, Script] = {
    "dialog": {**_DIALOG, "path": "/campaigns$"},
    "twin": _twin("POST", "/autoCall$"),
    "twin_beta": _twin("POST", "/beta/tasks$"),
}
LOGIN: Mapping[str, Script] = {
    "dialog": {**_DIALOG, "path": "/login/$"},
    "twin": _twin("POST", "/auth/login$"),
    "twin_beta": _twin("POST", "/auth/login$"),
}
CANDIDATES: Mapping[str, Script] = {
    "twin": _twin("POST", "/autoCallCandidate/batch$"),
    "twin_beta": _twin("POST", "/candidates$"),
}
#: Reports while they are looked at: they come first, so the first ones struck are looks.
LOOK: Mapping[str, Script] = {
    "dialog": {**_DIALOG, "path": "/report$"},
    "twin": _twin("GET", "/cis/calls$"),
    "twin_beta": _twin("GET", "/cis/calls$"),
}
#: Reports as they are collected: only they have what was said.
REPORT: Mapping[str, Script] = {
    "dialog": {**_DIALOG, "path": "/report$", "says": '"data_type":"dialog"'},
    "twin": _twin("GET", "/cis/sessions$"),
    "twin_beta": _twin("GET", "/cis/calls$", "messages"),
}
LIST = _twin("GET", "/autoCall$")


def _fault(request: Script, do: str, **more: Any) -> Script:
    return {**request, "do": do, **more}


# --- the cases --------------------------------------------------------------------------------------------------------


def every() -> list[Case]:
    """All cases, in the order of the table."""
    return [case for vendor in VENDORS for case in (*_plain(vendor), *_blows(vendor), *_network(vendor))]


def _plain(vendor: str) -> Iterator[Case]:
    yield Case(vendor, "none", "none")
    yield Case(vendor, "two_workers", "at_once", workers=2)


def _blows(vendor: str) -> Iterator[Case]:
    for fault in Blow:
        cases = [*_launch_blows(vendor), *_later_blows(vendor)]
        for case in cases if fault is Blow.KILL else [c for c in cases if c.point in _OTHER_BLOWS[fault]]:
            assert case.strike is not None
            struck = replace(case, fault=str(fault), strike=replace(case.strike, blow=fault))
            # a worker that only loses its database sends what it was about to send
            sends = fault is Blow.PG_GONE and case.point == "create_asked" and vendor == "twin_beta"
            yield replace(struck, orphans=1) if sends else struck


#: Losing the database is like a kill for most points; these are where it could differ.
_OTHER_BLOWS = {
    Blow.PG_GONE: {
        "create_asked", "create_accepted", "candidates_accepted", "wait", "report", "load", "load_committed", "deliver",
    },
    Blow.PG_CRASH: {"create_accepted", "candidates_accepted", "load", "deliver"},
}  # fmt: skip


def _launch_blows(vendor: str) -> Iterator[Case]:
    new, asks = CREATE[vendor], int(vendor == "dialog")
    leaves = int(vendor == "twin_beta")
    yield _held(vendor, "login", _fault(LOGIN[vendor], "hold_before"), person=asks)
    yield _held(vendor, "create_asked", _fault(new, "hold_before"), person=asks)
    yield _held(vendor, "create_accepted", _fault(new, "hold"), person=asks, orphans=leaves)
    yield _held(vendor, "create_answered", _fault(new, "hold"), INTENTS, person=asks, orphans=leaves)
    yield _held(vendor, "batch_asked", _fault(new, "hold_before", skip=1), person=asks)
    yield _held(vendor, "batch_accepted", _fault(new, "hold", skip=1), person=asks, orphans=leaves)
    if vendor == "dialog":
        return
    add, halted = CANDIDATES[vendor], int(vendor == "twin")
    yield _held(vendor, "candidates_asked", _fault(add, "hold_before"), person=leaves, orphans=halted)
    yield _held(vendor, "candidates_accepted", _fault(add, "hold"))
    yield _held(vendor, "candidates_answered", _fault(add, "hold"), BATCHES)
    yield _held(vendor, "second_candidates_asked", _fault(add, "hold_before", skip=1), person=leaves, orphans=halted)
    yield _held(vendor, "second_candidates_accepted", _fault(add, "hold", skip=1))
    if vendor == "twin":
        yield _held(vendor, "created", _fault(_twin("GET", "/autoCall/[^/]+$"), "hold_before"), orphans=1)


def _later_blows(vendor: str) -> Iterator[Case]:
    report = REPORT[vendor]
    yield _held(vendor, "wait", _fault(LOOK[vendor], "hold_before", skip=2))
    yield _held(vendor, "report", _fault(report, "hold_before", skip=1))
    yield _held(vendor, "report_half", _fault(report, "hold", half=True))
    yield Case(vendor, "", "load", strike=Strike(table=FACTS, held=False))
    yield _held(vendor, "load_committed", _fault(report, "hold"), INTENTS)
    yield _held(vendor, "deliver_asked", _fault(_QOLIO, "hold_before", skip=1))
    yield _held(vendor, "deliver", _fault(_QOLIO, "hold", skip=1))
    yield _held(vendor, "deliver_answered", _fault(_QOLIO, "hold", skip=1), "ops.qa_delivery")


def _held(vendor: str, point: str, script: Script, table: str | None = None, **costs: int) -> Case:
    return Case(vendor, "", point, (script,), Strike(table=table), **costs)  # type: ignore[arg-type]


def _network(vendor: str) -> Iterator[Case]:
    asks, leaves = int(vendor == "dialog"), int(vendor == "twin_beta")
    for case in _broken(vendor, "create", CREATE[vendor]):
        # a task that arrives after the last look at TWIN's list is empty, and another is there already
        left = vendor == "twin" if case.fault == "timeout" else False
        orphans = int(left or (vendor == "twin_beta" and case.fault in _DONE))
        yield replace(case, person=asks if case.fault in _DOUBTFUL else 0, orphans=orphans)
    if vendor in CANDIDATES:
        for case in _broken(vendor, "candidates", CANDIDATES[vendor]):
            unseen = case.fault in _DOUBTFUL - _DONE - {"wrong_shape"} | {"timeout"}
            yield replace(case, person=leaves if unseen else 0, orphans=1 - leaves if unseen else 0)
        yield Case(
            vendor, "lose_items", "candidates", (_fault(CANDIDATES[vendor], "lose_items", items=3),), silent=3 * leaves
        )
    yield from _broken(vendor, "wait", LOOK[vendor])
    yield from _broken(vendor, "report", REPORT[vendor])
    yield from _broken(vendor, "deliver", _QOLIO)
    yield from _rows(vendor)
    if vendor == "twin":
        doubt = _fault(CREATE[vendor], "drop_after")
        down = _fault(LIST, "answer", status=500, body=HTML)
        yield Case(vendor, "list_500", "create", (doubt, {**down, "times": 20}))
        # the creation, and each batch of each campaign, because nobody counts it for us
        yield Case(vendor, "list_down", "create", (doubt, {**down, "times": 100_000}), person=1 + 3 * 2)


#: Faults after which nobody can know whether the vendor did it, and those after which it did.
_DOUBTFUL = {
    "drop_before", "drop_after", "html_502_after", "reset", "slow_headers", "timeout", "html_503", "html_200",
    "wrong_json", "wrong_shape", "truncate", "truncated_gzip",
}  # fmt: skip
_DONE = {"drop_after", "html_502_after", "reset", "slow_headers", "timeout", "truncate", "truncated_gzip"}


def _broken(vendor: str, point: str, request: Script) -> Iterator[Case]:
    """What can happen to a request on its way."""

    def case(fault: str, do: str, options: Mapping[str, Any] | None = None, **more: Any) -> Case:
        return Case(vendor, fault, point, (_fault(request, do, **more),), options=options or {})

    yield case("drop_before", "drop_before")
    yield case("drop_after", "drop_after")
    yield case("html_502_after", "answer", status=502, body=HTML, handled=True)
    yield case("html_503", "answer", status=503, body=HTML)
    yield case("too_many", "too_many", retry_after=1)
    yield case("too_many_date", "too_many", retry_after=2, as_date=True)
    yield case("html_200", "answer", status=200, body=HTML)
    yield case("wrong_json", "answer", status=200, body='{"items": [{"id": ', content_type="application/json")
    yield case("truncate", "truncate")
    yield case("truncated_gzip", "truncated_gzip")
    yield case("reset", "reset")
    yield case("slow_headers", "slow_headers", HASTY, seconds=LATE)
    yield case("timeout", "delay", HASTY, delay=LATE)
    if request["vendor"] != "qolio":  # its token is no session
        yield case("token_death", "token_death")
    if request not in (_QOLIO, CANDIDATES["twin_beta"]):  # nothing says which shape their answers have
        yield case("wrong_shape", "answer", status=200, body={"status": "ok"})


def _rows(vendor: str) -> Iterator[Case]:
    """What can happen to the rows of a report."""

    def case(fault: str, do: str, **more: Any) -> Case:
        return Case(vendor, fault, "report", (_fault(LOOK[vendor], do, **more),))

    yield case("late_rows", "late_rows", rows=4, times=8)
    # the first row of each report: more than the share that the audit allows, so somebody must map the status
    yield replace(case("unknown_status", "unknown_status", rows=1, times=100_000), ended="failed")
    if vendor != "dialog":  # Dialog's report has no pages
        yield case("page_twice", "repeat_page", rows=PAGE, skip=1)
        # the vendor counts one row more than it shows: the audit fails until a later pull has it
        yield replace(case("rows_shift", "shift_rows", rows=1, times=100_000), ended="failed")
