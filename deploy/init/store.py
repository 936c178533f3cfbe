"""Makes buckets in the object store where they are missing: store.py BUCKET… May be run again at any time."""

from __future__ import annotations

import sys

import s3fs


def main(buckets: list[str]) -> None:
    """Address and credentials come from AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE."""
    store = s3fs.S3FileSystem(config_kwargs={"connect_timeout": 10, "read_timeout": 30})
    for bucket in buckets:
        if store.exists(bucket):
            sys.stdout.write(f"bucket {bucket} is there\n")
        else:
            store.mkdir(bucket, create_parents=False)
            sys.stdout.write(f"bucket {bucket} was made\n")


if __name__ == "__main__":
    main(sys.argv[1:])
