"""A campaign file is taken whole or refused with file, key and cure; a broken one costs no other anything."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from obzvon.campaigns.catalogue import Catalogue, files, load
from obzvon.errors import CampaignFileError

GOOD = """
name: spring_poll
title: Опрос
owner: marketing
purpose: survey
contacts:
  source: {type: csv, path: list.csv}
  columns: {phone: Телефон, full_name: ФИО}
vendor:
  type: dialog
  project_id: 1
  scenario_id: 951
  start_block_id: 10
  phone_id: 5
  attempts: 1
  report:
    fields: {started_at: call_start, status: status}
    statuses: {Разговор: RPC_NO_RESULT}
goal: {title: Да, field: goal, in: ["true"]}
qolio: {operator_id: "bot:1"}
"""


def written(folder: Path, text: str, name: str = "spring_poll.yaml") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text), "utf-8")
    return path


def faults(folder: Path, old: str, new: str) -> list[str]:
    """What is said about the good file after one change."""
    assert old in GOOD
    with pytest.raises(CampaignFileError) as caught:
        load(written(folder, GOOD.replace(old, new)))
    return str(caught.value).splitlines()


def test_a_good_file_is_a_campaign(tmp_path: Path) -> None:
    assert load(written(tmp_path, GOOD)).dag_id == "campaign__spring_poll"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "columns: {phone: Телефон, ",
            "columns: {fone: Телефон, phone: Телефон, ",
            "contacts.columns.fone: unknown key; did you mean `phone`?",
        ),
        (
            "path: list.csv",
            "path: x, encodng: cp1251",
            "contacts.source.encodng: unknown key; did you mean `encoding`?",
        ),
        ("purpose:", "recordings: copy\npurpose:", "recordings: write it as keys and values: {mode: copy}, not 'copy'"),
        ("purpose:", "purposes: x\npurpose:", "purposes: unknown key; did you mean `purpose`?"),
        ("  attempts: 1", "  attemps: 1", "vendor.attemps: unknown key; did you mean `attempts`?"),
        ("report:\n", "report:\n    statusses: {}\n", "vendor.report.statusses: unknown key; did you mean `statuses`?"),
        ("in: [", "on: 1, in: [", "goal: YAML reads one of these keys as True; write it in quotes"),
        ("owner: marketing\n", "", "owner: missing; add this key"),
        ("{phone: Телефон, full_name: ФИО}", "{full_name: ФИО}", "contacts.columns.phone: missing; add this key"),
        ("phone_id: 5", "", "vendor.phone_id: missing; add this key"),
        (
            "purpose: survey",
            "purpose: sale",
            "purpose: input should be 'advertising', 'service', 'debt' or 'survey', not 'sale'",
        ),
        (
            "type: csv",
            "type: xls",
            "contacts.source: unknown type 'xls'; use one of 'csv', 'xlsx', 'parquet', 'sql', 'http'",
        ),
        ("{type: csv, path", "{path", "contacts.source: missing its `type`; add one"),
        ("type: dialog", "type: dialogue", "vendor: unknown vendor 'dialogue'; known: dialog, twin"),
        ("type: dialog", "kind: dialog", "vendor: `vendor` needs a `type`: dialog or twin"),
        (
            "attempts: 1",
            "attempts: 6",
            "vendor: attempts is 6; Dialog's rule for schedule.attempts: 1 to 5",
        ),
        (
            "goal:",
            'window: {from: "20:00", to: "10:00"}\ngoal:',
            "window: reversed: from 20:00 is not before to 10:00; swap them",
        ),
        ("goal:", 'window: {from: 10:00, to: "20:00"}\ngoal:', 'window.from: write the time in quotes, as "10:00"'),
        (
            "goal:",
            "schedule: {timezone: Moscow}\ngoal:",
            "schedule.timezone: 'Moscow' is not an IANA time zone such as Europe/Moscow",
        ),
        (
            "goal:",
            "schedule: {cron: каждый день}\ngoal:",
            "schedule.cron: 'каждый день' is not a cron expression;"
            ' write five fields such as "0 1 * * *", or leave it out',
        ),
        (
            "goal:",
            "limits: {chunk_size: 0}\ngoal:",
            "limits.chunk_size: input should be greater than or equal to 1, not 0",
        ),
        (
            "goal:",
            "variables: {debt: {column: Долг, value: 5}}\ngoal:",
            "variables.debt: give either `column` or `value`",
        ),
        (
            "goal:",
            "variables: {debt: {value: много, type: number}}\ngoal:",
            "variables.debt.value: 'много' is not of type number; correct one of the two",
        ),
        (
            "phone: Телефон,",
            "phone: Телефон, contact_id: Телефон,",
            "contacts.columns.contact_id: 'Телефон' holds phones or names,"
            " which analysts must not see; name another column",
        ),
        ("goal:", f"tags: [{'я' * 101}]\ngoal:", f"tags: {'я' * 20}… is longer than 100 characters; shorten it"),
        (
            "goal:",
            'caller_ids: ["+79430000000"]\ngoal:',
            'caller_ids.0: a caller id is 11 digits in quotes, the first one 7, without + and blanks: "79430000000"',
        ),
        (
            "goal:",
            "caller_ids: [79430000000]\ngoal:",
            'caller_ids.0: a caller id is 11 digits in quotes, the first one 7, without + and blanks: "79430000000"',
        ),
        (
            "name: spring_poll",
            "name: autumn_poll",
            "name: 'autumn_poll' is not the file's name; call the file autumn_poll.yaml or correct the name",
        ),
        (
            "name: spring_poll",
            "name: Опрос",
            "name: use small Latin letters, digits and _, beginning with a letter, at most 61 characters",
        ),
    ],
)
def test_each_fault_is_one_line_with_file_key_and_cure(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert faults(tmp_path, old, new) == [f"spring_poll.yaml: {said}"]


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, "owner: marketing\npurpose: survey", "ownr: marketing\npurpose: sale")) == 3


def test_a_key_that_stands_twice_is_refused_with_its_place(tmp_path: Path) -> None:
    assert faults(tmp_path, "  attempts: 1\n", "  attempts: 1\n  attempts: 3\n") == [
        "spring_poll.yaml: line 16, column 3: the key `attempts` stands here twice; correct the YAML there"
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: [", "line 1, column 8: expected the node content, but found '<stream end>'; correct the YAML there"),
        (b"\tname: x", "line 1, column 1: found character '\\t' that cannot start any token; correct the YAML there"),
        ("name: Опрос".encode("cp1251"), "not UTF-8 text; save it as UTF-8"),
        (b"name: x\x00", "not valid YAML; check the characters of the file"),
        (b"", "not a campaign: the file must be a list of `key: value` lines; see docs/campaign-file.md"),
        (b"- name", "not a campaign: the file must be a list of `key: value` lines; see docs/campaign-file.md"),
        (b"!!python/object/apply:os.getcwd []", "line 1, column 1: could not determine a constructor"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "spring_poll.yaml"
    path.write_bytes(content)
    with pytest.raises(CampaignFileError) as caught:
        load(path)
    assert str(caught.value).startswith(f"spring_poll.yaml: {said}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CampaignFileError, match=r"absent\.yaml: cannot be read"):
        load(tmp_path / "absent.yaml")


def test_a_broken_file_leaves_the_others_alone(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("spring_poll", "autumn_poll"), "autumn_poll.yaml")
    written(tmp_path, "name: broken", "broken.yaml")
    written(tmp_path, GOOD, "winter_poll.yml")
    written(tmp_path, "no campaign", "README.md")
    (tmp_path / "lists").mkdir()
    catalogue = Catalogue(tmp_path)
    assert [spec.name for spec in catalogue.specs] == ["autumn_poll", "spring_poll"]
    assert [str(error).split(":", 1)[0] for error in catalogue.broken] == ["broken.yaml", "winter_poll.yml"]


def test_files_are_the_yaml_files_of_the_folder_by_name(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml", "c.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in files(tmp_path)] == ["a.yaml", "b.yaml"]


def test_a_folder_that_is_not_there_names_itself(tmp_path: Path) -> None:
    with pytest.raises(CampaignFileError, match="no such folder"):
        files(tmp_path / "absent")
