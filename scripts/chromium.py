"""Prints the path of a Chromium for the tests of the pages; installs Debian's where there is none.

    python scripts/chromium.py

A browser that is there is taken as it is. Installing needs apt-get and root; where that cannot be, one sentence says
what to install, and the exit code is 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

#: `CHROMIUM` in the environment names another one.
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-dejavu-core")


def found() -> str | None:
    """Path of the browser; None where there is none."""
    names = (os.environ.get("CHROMIUM"), *NAMES)
    return next((path for name in names if name and (path := shutil.which(name))), None)


def install() -> None:
    """Debian's Chromium, with a font that has Cyrillic. SystemExit with the cure where it cannot be installed."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        sys.exit(
            "Obzvon: the tests of the pages need a Chromium and none was found: install it"
            " (Debian: sudo apt-get install chromium) or name one in CHROMIUM"
        )
    sys.stderr.write(f"Obzvon: no Chromium found, installing {' and '.join(PACKAGES)} from Debian\n")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run([apt, *arguments], env=quiet, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            sys.exit(f"Obzvon: apt-get {arguments[0]} failed:\n{done.stderr[-800:]}")


def main() -> None:
    """Find it or install it, and print where it is."""
    if found() is None:
        install()
    path = found()
    if path is None:
        sys.exit("Obzvon: Chromium was installed but is not on PATH; name it in CHROMIUM")
    print(path)  # noqa: T201


if __name__ == "__main__":
    main()
