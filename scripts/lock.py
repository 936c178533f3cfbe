"""Compiles the *.in files into locked files with hashes, for every supported Python.

    python scripts/lock.py [--upgrade]

Needs uv: the one on PATH, else the one the bootstrap put into the virtual environment.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: requirements-dev.in and deploy/requirements.in are constrained by requirements.txt, so the order matters.
LOCKS = {
    "requirements.in": "requirements.txt",
    "requirements-dev.in": "requirements-dev.txt",
    "deploy/requirements.in": "deploy/requirements.txt",
    "scripts/uv.in": "scripts/uv.txt",
    "bench/requirements.in": "bench/requirements.txt",
}


def main() -> int:
    own = Path(sys.executable).parent / "uv"
    uv = shutil.which("uv") or (str(own) if own.exists() else None)
    if uv is None:
        sys.stderr.write("Obzvon: locking needs uv: install it with `python3 -m pip install uv`\n")
        return 1
    for source, lock in LOCKS.items():
        options = ["--universal", "--python-version", "3.11", "--generate-hashes", "-q", *sys.argv[1:]]
        subprocess.run([uv, "pip", "compile", *options, source, "-o", lock], cwd=ROOT, check=True)  # noqa: S603
    return 0


if __name__ == "__main__":
    sys.exit(main())
