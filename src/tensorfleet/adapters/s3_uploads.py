"""Uploads in parts to S3, of which others send the parts: what obstore does not offer, by botocore."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from tensorfleet.adapters.objectstore import OF_REQUESTS, Patience, S3Place
from tensorfleet.errors import Conflict, NotFound, NotPermitted, StorageFull, TensorFleetError, Unavailable

_OVER = frozenset({"NoSuchUpload", "404"})
_WRONG_PARTS = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall"})
_REFUSED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"})
_FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "507"})


class S3Uploads:
    """The port `Uploads` over one bucket.  Botocore is loaded when it is first needed.  Thread-safe."""

    def __init__(self, place: S3Place, patience: Patience = OF_REQUESTS) -> None:
        self._place = place
        self._patience = patience
        self._made: Any = None
        self._making = threading.Lock()

    def begin(self, key: str) -> str:
        with self._translated(key):
            # What it says of encryption holds for all parts: whoever sends one need not know of it.
            how = {"ServerSideEncryption": self._place.encryption, "SSEKMSKeyId": self._place.kms_key}
            given = {name: value for name, value in how.items() if value}
            return str(self._client.create_multipart_upload(**self._at(key), **given)["UploadId"])

    def part_urls(self, key: str, upload: str, numbers: Sequence[int], life_s: float) -> list[str]:
        where = {**self._at(key), "UploadId": upload}
        with self._translated(key):
            return [
                self._client.generate_presigned_url(
                    "upload_part", Params={**where, "PartNumber": number}, ExpiresIn=int(life_s)
                )
                for number in numbers
            ]

    def complete(self, key: str, upload: str, etags: Sequence[str]) -> None:
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        with self._translated(key):
            self._client.complete_multipart_upload(
                **self._at(key), UploadId=upload, MultipartUpload={"Parts": parts}
            )

    def abort(self, key: str, upload: str) -> None:
        with suppress(NotFound), self._translated(key):
            self._client.abort_multipart_upload(**self._at(key), UploadId=upload)

    def unfinished(self, folder: str) -> list[tuple[str, str]]:
        prefix = f"{self._place.key(folder)}/"
        cut = len(prefix) - len(folder) - 1
        found: list[tuple[str, str]] = []
        with self._translated(folder):
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._place.bucket, Prefix=prefix):
                found += [(one["Key"][cut:], one["UploadId"]) for one in page.get("Uploads") or ()]
        return found

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": self._place.key(key)}

    @property
    def _client(self) -> Any:
        with self._making:
            if self._made is None:
                self._made = _client_of(self._place, self._patience)
            return self._made

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except TensorFleetError:
            raise
        except Exception as error:  # its classes are not there before it is loaded
            raise _translate(error, key, self._place.name) from error


def _client_of(place: S3Place, patience: Patience) -> Any:
    try:
        from botocore.config import Config  # type: ignore[import-untyped]
        from botocore.session import get_session  # type: ignore[import-untyped]
    except ImportError as error:
        raise Unavailable(
            "large objects on S3 need botocore where the orchestrator runs: pip install 'tensorfleet[s3]'"
        ) from error
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=patience.answer_s,
        retries={"total_max_attempts": 3},
        request_checksum_calculation="when_required",  # what speaks S3's protocol need not know the newer ones
        response_checksum_validation="when_required",
    )
    return get_session().create_client(
        "s3", endpoint_url=place.endpoint, region_name=place.region or "us-east-1", config=config
    )


def _translate(error: Exception, key: str, store: str) -> TensorFleetError:
    answer = getattr(error, "response", None) or {}
    code = str(answer.get("Error", {}).get("Code", ""))
    if code in _OVER:
        return NotFound(f"the upload of '{key}' is over: it was completed, or given up")
    if code in _WRONG_PARTS:
        return Conflict(f"the parts of '{key}' do not make the object ({code}); send it again")
    if code in _FULL:
        return StorageFull(f"the object store {store} has no space left for '{key}'")
    if code in _REFUSED or type(error).__name__ == "NoCredentialsError":
        return NotPermitted(
            f"the object store {store} refuses access to '{key}': check the orchestrator's credentials"
        )
    return Unavailable(
        f"the object store {store} does not answer for '{key}': {code or type(error).__name__}"
    )
