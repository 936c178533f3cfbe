#!/bin/sh
# Runs a command with the variables that `obzvon` reads, taken from the files of secrets: with-secrets.sh obzvon stop
set -eu
from=${OBZVON_SECRET_FILES:-/run/secrets}
read_secret() {
    test -s "$from/$1" || { echo "with-secrets.sh: $from/$1 is missing or empty; make it with deploy/make_secrets.py" >&2; exit 1; }
    cat "$from/$1"
}
OBZVON_WAREHOUSE=$(read_secret warehouse_dsn)
OBZVON_PHONE_SECRET=$(read_secret phone_secret)
OBZVON_ARCHIVE=${OBZVON_ARCHIVE:?name the archive, s3://bucket/prefix}
export OBZVON_WAREHOUSE OBZVON_PHONE_SECRET OBZVON_ARCHIVE
exec "$@"
