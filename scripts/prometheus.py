"""Prints the path of a Prometheus for `make dashboards`; fetches Debian's where there is none. Needs no root.

    python scripts/prometheus.py

One on PATH, or named in PROMETHEUS, is taken as it is. Else `apt-get download` brings Debian's package, which is
unpacked into .obzvon/prometheus, unless its SHA-256 is not the one below.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".obzvon" / "prometheus"
PACKAGE = "prometheus=2.42.0+ds-5+deb12u1"
SHA256 = {"amd64": "81d59a24fce84f7fbe97a45a4f2914b6a5881b5cd1db2a6a0e129e515e1a5f55"}


def found() -> Path | None:
    """The program; None where there is none."""
    named = os.environ.get("PROMETHEUS") or shutil.which("prometheus")
    own = FOLDER / "usr" / "bin" / "prometheus"
    return Path(named) if named else own if own.exists() else None


def fetch() -> None:
    """Debian's package, unpacked. SystemExit with the cure where it cannot be had."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        sys.exit("Obzvon: no Prometheus found: install one, or name one in PROMETHEUS")
    FOLDER.mkdir(parents=True, exist_ok=True)
    kind = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
    if kind not in SHA256:
        sys.exit(f"Obzvon: no package for {kind} is known here: install Prometheus, or name one in PROMETHEUS")
    done = subprocess.run(["apt-get", "download", PACKAGE], cwd=FOLDER, capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        sys.exit(f"Obzvon: apt-get download failed:\n{done.stderr[-800:]}")
    (package,) = FOLDER.glob("prometheus_*.deb")
    if hashlib.sha256(package.read_bytes()).hexdigest() != SHA256[kind]:
        package.unlink()
        sys.exit("Obzvon: the package is not the one that is known here; nothing of it was run")
    subprocess.run(["dpkg-deb", "-x", package.name, "."], cwd=FOLDER, check=True)  # noqa: S603, S607
    package.unlink()


def main() -> None:
    """Find it or fetch it, and print where it is."""
    if found() is None:
        fetch()
    print(found())  # noqa: T201


if __name__ == "__main__":
    main()
