"""Objects that the store encrypts: on a real S3 server, with whatever way they get there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tensorfleet.adapters.objectstore import OF_REQUESTS, S3ObjectStore, S3Place, open_object_store
from tensorfleet.adapters.s3_uploads import S3Uploads, _client_of
from tensorfleet.errors import InvalidInput
from tensorfleet.objects.desk import PART_BYTES
from tensorfleet.testing.servers import S3Server, s3


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as patch, s3() as server:
        for name, value in server.env().items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def place(s3_server: S3Server) -> S3Place:
    return S3Place.of(f"{s3_server.url(s3_server.make_bucket(), 'some/prefix')}&encryption=AES256")


def how(place: S3Place, key: str) -> str | None:
    """What the store says that it encrypts the object with."""
    client: Any = _client_of(place, OF_REQUESTS)
    head = client.head_object(Bucket=place.bucket, Key=place.key(key))
    return head.get("ServerSideEncryption")  # type: ignore[no-any-return]


def test_an_object_is_encrypted_and_read_as_any_other(place: S3Place) -> None:
    store, data = S3ObjectStore(place), os.urandom(70_000)
    assert store.put("small", data)
    store.copy("small", "copied")
    for key in ("small", "copied"):
        assert how(place, key) == "AES256", key
        assert store.get(key) == data
        assert store.get_range(key, 65_530, 65_550) == data[65_530:65_550]
        assert store.size(key) == len(data)
    (url,) = store.read_urls(["small"], 60)
    assert httpx.get(url, headers={"Range": "bytes=10-19"}, trust_env=False).content == data[10:20]
    plain = replace(place, encryption=None)
    S3ObjectStore(plain).put("plain", data)
    assert how(place, "plain") is None


def test_what_comes_in_parts_from_who_knows_nothing_of_it_is_encrypted(place: S3Place) -> None:
    store, uploads, data = S3ObjectStore(place), S3Uploads(place), os.urandom(PART_BYTES + 5000)
    upload = uploads.begin("large")
    urls = uploads.part_urls("large", upload, [1, 2], 60)
    pieces = [data[:PART_BYTES], data[PART_BYTES:]]
    etags = []
    for url, piece in zip(urls, pieces, strict=True):
        answer = httpx.put(url, content=piece, trust_env=False)
        assert answer.status_code == 200, answer.text
        etags.append(answer.headers["etag"])
    uploads.complete("large", upload, etags)

    assert how(place, "large") == "AES256"
    assert store.get("large") == data
    assert store.get_range("large", PART_BYTES - 5, PART_BYTES + 5) == data[PART_BYTES - 5 : PART_BYTES + 5]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("encryption=rot13", "AES256 or aws:kms"),
        ("kms_key=k", "needs encryption=aws:kms"),
        ("encryption=AES256&kms_key=k", "needs encryption=aws:kms"),
        ("encrypt=AES256", "unknown option 'encrypt'"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        open_object_store(f"s3://bucket/prefix?{options}")


def test_a_key_of_kms_is_named(place: S3Place) -> None:
    found = S3Place.of("s3://bucket/p?encryption=aws:kms&kms_key=arn:aws:kms:eu-1:1:key/2&region=eu-1")
    assert (found.encryption, found.kms_key) == ("aws:kms", "arn:aws:kms:eu-1:1:key/2")
    S3ObjectStore(found)  # the library knows these options
