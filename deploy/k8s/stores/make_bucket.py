"""Makes a bucket in an S3 store, unless it is there: `make_bucket.py ENDPOINT BUCKET`."""

from __future__ import annotations

import sys


def main(endpoint: str, bucket: str) -> int:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    try:
        client.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            return _failed(endpoint, bucket, error)
    except BotoCoreError as error:
        return _failed(endpoint, bucket, error)
    print(f"bucket {bucket} is there")
    return 0


def _failed(endpoint: str, bucket: str, error: Exception) -> int:
    print(f"bucket {bucket} could not be made at {endpoint}: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
