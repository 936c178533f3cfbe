"""Which dialers exist. A third one is a module and a line here: docs/add-a-dialer.md."""

from __future__ import annotations

from functools import cache
from pkgutil import resolve_name

from obzvon.vendors.base import Dialer
from obzvon.vendors.settings import VendorSettings

__all__ = ["DIALERS", "dialer_class", "dialer_classes", "vendor_settings"]

#: Vendor code -> module and class, imported when the code is first asked for.
DIALERS = {
    "dialog": "obzvon.vendors.dialog:Dialog",
    "twin": "obzvon.vendors.twin:Twin",
}


def dialer_classes() -> dict[str, type[Dialer]]:
    """Every dialer by its vendor code."""
    return {code: dialer_class(code) for code in DIALERS}


@cache
def dialer_class(code: str) -> type[Dialer]:
    """The dialer for a vendor code, or a ValueError that lists the codes.

    TypeError: the line leads to a class that is no dialer, or to one that calls itself otherwise.
    """
    if code not in DIALERS:
        raise ValueError(f"unknown vendor {code!r}; known: {', '.join(sorted(DIALERS))}")
    found = resolve_name(DIALERS[code])
    if not (isinstance(found, type) and issubclass(found, Dialer) and found.code == code):
        raise TypeError(f"{DIALERS[code]} is no Dialer whose `code` is {code!r}; correct obzvon/vendors/registry.py")
    return found


def vendor_settings(value: object) -> VendorSettings:
    """The `vendor:` part of a campaign file, validated by the vendor's own model."""
    if isinstance(value, VendorSettings):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise ValueError("`vendor` needs a `type`: " + " or ".join(sorted(DIALERS)))
    return dialer_class(value["type"]).parse_settings(value)
