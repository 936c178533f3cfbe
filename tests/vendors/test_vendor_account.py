"""An account's options say what is wrong with them: connection, key and cure; every one of them is in the UI's form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import obzvon.vendors
from obzvon.errors import ConfigError
from obzvon.vendors.http import Account
from obzvon.vendors.registry import dialer_classes


def account(**options: Any) -> Account:
    return Account("https://vendor.example/api/", options=options, conn_id="twin_default")


def test_options_come_as_json_or_as_the_text_of_a_form() -> None:
    given = account(poll="1.5", ttl=60, state="no", on=True, done="A, B", list=["A"], zone="Asia/Omsk", empty="")
    assert (given.number("poll"), given.number("ttl"), given.number("empty", 7)) == (1.5, 60.0, 7.0)
    assert (given.flag("state"), given.flag("on"), given.flag("absent", True)) == (False, True, True)
    assert (given.names("done"), given.names("list"), given.names("absent", ())) == (("A", "B"), ("A",), ())
    assert given.zone("zone", cure="") == ZoneInfo("Asia/Omsk")
    assert given.text("empty", "/login/") == "/login/"


@pytest.mark.parametrize(
    ("getter", "value", "words"),
    [
        ("text", None, "is missing"),
        ("text", "", "is missing"),
        ("text", 5, "is not a text"),
        ("number", "soon", "is not a number"),
        ("number", True, "is not a number"),
        ("number", -1, "of 0 or more"),
        ("number", "inf", "of 0 or more"),
        ("flag", "perhaps", "neither true nor false"),
        ("names", 5, "is not a list of texts"),
        ("names", [5], "is not a list of texts"),
    ],
)
def test_a_wrong_option_names_connection_key_and_cure(getter: str, value: Any, words: str) -> None:
    with pytest.raises(ConfigError) as failure:
        getattr(account(key=value), getter)("key", cure="ask the manager")
    assert str(failure.value).startswith("connection twin_default: extra key `key` ")
    assert words in str(failure.value)
    assert str(failure.value).endswith("; ask the manager")


def test_paths_go_under_the_address_and_whole_addresses_stay() -> None:
    assert account().url("/campaigns") == "https://vendor.example/api/campaigns"
    assert account().url("https://iam.example/x") == "https://iam.example/x"
    with pytest.raises(ConfigError, match="give the address as https://"):
        Account("vendor.example", conn_id="twin_default").url("/x")


def test_every_option_that_a_client_reads_is_in_the_connections_form() -> None:
    known = {field for dialer in dialer_classes().values() for field in dialer.connection_form()["conn-fields"]}
    folder = Path(obzvon.vendors.__file__).parent
    read: set[str] = set()
    for module in folder.glob("*.py"):
        text = module.read_text()
        read |= set(re.findall(r'(?:account|_account)\.(?:text|number|flag|names|zone)\(\s*"(\w+)"', text))
        read |= set(re.findall(r'\boption\("(\w+)"', text))
    assert len(read) > 12
    assert read <= known
