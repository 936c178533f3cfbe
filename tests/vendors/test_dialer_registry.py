"""A dialer is a line of the registry: a vendor code, a module and a class."""

from __future__ import annotations

import pytest

from obzvon.vendors import registry
from obzvon.vendors.registry import DIALERS, dialer_class, dialer_classes


def test_every_line_leads_to_the_dialer_of_its_code() -> None:
    assert {code: dialer.code for code, dialer in dialer_classes().items()} == {code: code for code in DIALERS}


@pytest.mark.parametrize("target", ["obzvon.vendors.base:Task", "obzvon.vendors.dialog:Dialog"])
def test_a_line_that_leads_elsewhere_is_named(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.setitem(registry.DIALERS, "bell", target)
    with pytest.raises(TypeError, match=f"{target} is no Dialer whose `code` is 'bell'"):
        dialer_class("bell")


def test_an_unknown_code_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="unknown vendor 'bell'; known: dialog, twin"):
        dialer_class("bell")
