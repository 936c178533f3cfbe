#!/bin/sh
# Fills the image's virtual environment. The Dockerfile runs it, and `make image-check` runs the same without Docker.
#
#   install.sh packages VENV   the two locks: every file's hash is checked, and only wheels are taken: nothing compiles
#   install.sh project VENV    this project, from the folder above
#
# uv installs, from a lock of its own and outside of VENV: pip before 23.3 refuses `celery[redis]` in a lock with hashes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
venv=$2
uv="$venv.uv/bin/uv"
case $1 in
packages)
    "${PYTHON:-python}" -m venv "$venv"
    "${PYTHON:-python}" -m venv "$venv.uv"
    "$venv.uv/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        --only-binary=:all: --require-hashes -r "$root/scripts/uv.txt"
    "$uv" pip install --quiet --no-cache --compile-bytecode --python "$venv/bin/python" \
        --only-binary=:all: --require-hashes -r "$root/requirements.txt" -r "$root/deploy/requirements.txt"
    ;;
project)
    # editable: campaigns, policy and code stay in one folder, as the commands expect
    "$uv" pip install --quiet --no-cache --python "$venv/bin/python" --no-deps --no-build-isolation --editable "$root"
    "$uv" pip check --python "$venv/bin/python"
    # the image's user may not write here, so bytecode that is not made now is made again by every process
    "$venv/bin/python" -m compileall -q "$root/include" "$root/plugins"
    ;;
*)
    echo "install.sh: packages or project, not $1" >&2
    exit 2
    ;;
esac
