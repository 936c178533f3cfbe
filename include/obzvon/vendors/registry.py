"""Which dialers exist. A third one is a module and a line here."""

from __future__ import annotations

from obzvon.vendors.base import Dialer
from obzvon.vendors.dialog import Dialog
from obzvon.vendors.settings import VendorSettings
from obzvon.vendors.twin import Twin


def dialer_classes() -> dict[str, type[Dialer]]:
    """Every dialer by its vendor code."""
    return {"dialog": Dialog, "twin": Twin}


def dialer_class(code: str) -> type[Dialer]:
    """The dialer for a vendor code, or a ValueError that lists the codes."""
    dialers = dialer_classes()
    if code not in dialers:
        raise ValueError(f"unknown vendor {code!r}; known: {', '.join(sorted(dialers))}")
    return dialers[code]


def vendor_settings(value: object) -> VendorSettings:
    """The `vendor:` part of a campaign file, validated by the vendor's own model."""
    if isinstance(value, VendorSettings):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise ValueError("`vendor` needs a `type`: " + " or ".join(sorted(dialer_classes())))
    return dialer_class(value["type"]).parse_settings(value)
