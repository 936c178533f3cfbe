"""docs/campaign-file.md says every key of the campaign file, and nothing that is none."""

from __future__ import annotations

import copy
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from obzvon.campaigns.catalogue import load
from obzvon.campaigns.spec import CampaignSpec, Contacts
from obzvon.contacts.phones import Reason
from obzvon.contacts.prepare import BAD_VARIABLE
from obzvon.contacts.sources.base import Source
from obzvon.contacts.sources.registry import source_classes
from obzvon.dispositions import HUMAN, PRECEDENCE, Disposition
from obzvon.stages.planning.document_text import WORDS
from obzvon.vendors.registry import dialer_classes
from obzvon.vendors.settings import VendorSettings
from obzvon.warehouse import seeds as warehouse_seeds

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "campaign-file.md").read_text("utf-8")
DISPOSITIONS = Path(warehouse_seeds.__file__).with_name("seeds") / "dispositions.csv"
BLOCKS = re.findall(r"^```yaml *(\S*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
WHOLE = [text for place, text in BLOCKS if not place]
PARTS = [(place, text) for place, text in BLOCKS if place]


def data_of(place: str, text: str) -> dict[str, Any]:
    """The page's whole file, with one part replaced by a block of the page."""
    data = copy.deepcopy(yaml.safe_load(WHOLE[0]))
    *above, last = place.split(".")
    part = data
    for key in above:
        part = part[key]
    part[last] = yaml.safe_load(text)
    return data


def specs() -> list[CampaignSpec]:
    parts = [CampaignSpec.model_validate(data_of(place, text)) for place, text in PARTS]
    return [CampaignSpec.model_validate(yaml.safe_load(WHOLE[0])), *parts]


def test_the_page_shows_one_whole_file_that_is_valid(tmp_path: Path) -> None:
    assert len(WHOLE) == 1
    (tmp_path / "spring_poll.yaml").write_text(WHOLE[0], "utf-8")
    assert load(tmp_path / "spring_poll.yaml").name == "spring_poll"


@pytest.mark.parametrize(("place", "text"), PARTS, ids=lambda value: value.split("\n")[0])
def test_each_part_of_the_page_is_valid_in_its_place(tmp_path: Path, place: str, text: str) -> None:
    (tmp_path / "spring_poll.yaml").write_text(yaml.safe_dump(data_of(place, text), allow_unicode=True), "utf-8")
    assert load(tmp_path / "spring_poll.yaml")


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model that an annotation mentions; of what is found through a registry, those that a file can have."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        heirs = annotation.__subclasses__() if issubclass(annotation, VendorSettings | Source) else []
        heirs = [heir for heir in heirs if heir.__module__.startswith("obzvon.")]  # other tests have their own
        for model in heirs:
            yield from models(model)
        if not heirs:
            yield annotation
    for part in get_args(annotation):
        yield from models(part)


def all_keys() -> set[tuple[str, str]]:
    """(model, key) for every key that the models below the campaign file have."""
    assert dialer_classes()
    assert source_classes()  # loaded: a model that no campaign has asked for yet has keys too
    waiting, seen = [CampaignSpec], set[type[BaseModel]]()
    while waiting:
        model = waiting.pop()
        if model not in seen:
            seen.add(model)
            waiting += [found for field in model.model_fields.values() for found in models(field.annotation)]
    return {(model.__name__, key) for model in seen for key in model.model_fields}


def shown(value: object) -> Iterator[tuple[str, str]]:
    """(model, key) for every key that a validated file sets."""
    if isinstance(value, BaseModel):
        for key in value.model_fields_set:
            yield type(value).__name__, key
            yield from shown(getattr(value, key))
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ():
        yield from shown(item)


def test_every_key_of_the_models_stands_on_the_page() -> None:
    on_page = {key for spec in specs() for key in shown(spec)}
    assert all_keys() - on_page == set()


def test_optional_keys_show_their_defaults() -> None:
    whole = specs()[0]
    for part in (whole.limits, whole.wait, whole.settle, whole.approval, whole.canary, whole.recordings):
        assert part == type(part)()
        assert part.model_fields_set == set(type(part).model_fields)
    assert whole.when_late == CampaignSpec.model_fields["when_late"].default
    for key in ("registry", "max_reject_share", "max_contacts", "max_change_share", "max_age_hours"):
        assert getattr(whole.contacts, key) == Contacts.model_fields[key].default
        assert key in whole.contacts.model_fields_set


def test_every_outcome_stands_on_the_page_as_it_is_stored() -> None:
    section = PAGE.split("## Outcomes")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \| (yes|no) \|$", section, re.MULTILINE)
    shown = [(code, group, {"yes": "true", "no": "false"}[counts]) for code, group, _, counts in rows]
    with DISPOSITIONS.open(encoding="utf-8", newline="") as file:
        seeds = list(csv.DictReader(file))
    stored = [(row["disposition_code"], row["disposition_group"], row["counts_towards_cap"]) for row in seeds]
    assert sorted(shown) == sorted(stored)
    assert {code for code, _, _ in shown} == set(Disposition)
    assert {code for code, group, _ in shown if group == "HUMAN"} == HUMAN
    assert {code for code, _, said, _ in rows if said.startswith("the plan: ")} == set(WORDS)


def test_the_order_of_the_outcomes_is_that_of_the_page() -> None:
    order = ", ".join("the goal" if code is Disposition.GOAL else code for code in PRECEDENCE)
    assert f"# {order}\n" in WHOLE[0]


def test_every_reason_of_an_unusable_row_stands_on_the_page() -> None:
    table = set(re.findall(r"`(\w+)`", PAGE.split("### What becomes of a phone")[1].split("###")[0]))
    assert {reason.value for reason in Reason} | {BAD_VARIABLE} <= table
