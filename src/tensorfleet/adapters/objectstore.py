"""Object stores on obstore: a folder of this machine, or S3 and what speaks its protocol."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, S3Store

from tensorfleet.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    StorageFull,
    TensorFleetError,
    Unavailable,
)
from tensorfleet.objects.ports import STREAM_BYTES, ObjectInfo, ObjectStore, check_key

_MULTIPART_BYTES = 64 * 1024**2
_FULL = (
    "No space left",
    "os error 28",
    "File too large",
    "os error 27",
    "quota exceeded",
    "os error 122",
    "InsufficientStorage",
    "507 ",
)


@dataclass(frozen=True)
class Patience:
    """How long a call to S3 repeats requests that fail, and how long one request may take."""

    repeat_s: float
    answer_s: float


_OPTIONS = ("endpoint", "region", "encryption", "kms_key")
_ENCRYPTIONS = ("AES256", "aws:kms")


@dataclass(frozen=True)
class S3Place:
    """A bucket, where in it, and what the store encrypts objects with, if it is asked to."""

    bucket: str
    prefix: str
    endpoint: str | None = None
    region: str | None = None
    encryption: str | None = None
    kms_key: str | None = None

    @classmethod
    def of(cls, url: str) -> S3Place:
        """Raises InvalidInput: the URL has an option that there is not."""
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if unknown := options.keys() - set(_OPTIONS):
            raise InvalidInput(
                f"object_store_url has the unknown option '{min(unknown)}'; known: {', '.join(_OPTIONS)}"
            )
        place = cls(parts.netloc, parts.path.strip("/"), **options)
        if place.encryption not in (None, *_ENCRYPTIONS):
            raise InvalidInput(
                f"object_store_url: encryption is {' or '.join(_ENCRYPTIONS)}, not '{place.encryption}'"
            )
        if place.kms_key is not None and place.encryption != "aws:kms":
            raise InvalidInput("object_store_url: a kms_key needs encryption=aws:kms")
        return place

    def key(self, key: str) -> str:
        """What an object of ours is called in the bucket."""
        return f"{self.prefix}/{check_key(key)}" if self.prefix else check_key(key)

    @property
    def name(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


OF_TASKS = Patience(30.0, 60.0)
"""Longer than a restart of the store; what still fails is repeated by jobs and uploads."""
OF_REQUESTS = Patience(3.0, 20.0)
"""Somebody waits for the answer, and can ask again."""


def open_object_store(url: str, *, make: bool = True, patience: Patience = OF_TASKS) -> ObjectStore:
    """The store at `file:///folder` (made when missing) or `s3://bucket/prefix?endpoint=http://host:port&region=name`.

    The keys of S3 come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or from the machine's role.

    Args:
        make: False where the folder has to be there already: an empty one in its place would hide that it is away.

    Raises:
        InvalidInput: it is not such a URL.
        StorageFull, Unavailable: the folder cannot be made, or is not there.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        return FolderObjectStore(Path(unquote(parts.path)), make=make)
    if parts.scheme == "s3" and parts.netloc:
        return S3ObjectStore(S3Place.of(url), patience)
    raise InvalidInput(
        f"object_store_url '{parts.scheme}://...' is not supported; write file:///folder or s3://bucket/prefix"
    )


class _ObstoreObjectStore:
    """The port over any store of obstore."""

    def __init__(self, store: LocalStore | S3Store, name: str) -> None:
        self._store = store
        self._name = name

    def put(self, key: str, data: bytes, *, overwrite: bool = True) -> bool:
        with self._translated(check_key(key)):
            try:
                obstore.put(
                    self._store,
                    key,
                    data,
                    mode="overwrite" if overwrite else "create",
                    # Only a single request can be conditional.
                    use_multipart=overwrite and len(data) > _MULTIPART_BYTES,
                )
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def get(self, key: str) -> bytes:
        with self._translated(check_key(key)):
            return obstore.get(self._store, key).bytes().to_bytes()

    def get_range(self, key: str, start: int, end: int) -> bytes:
        size = self.size(key)
        if size is None:
            raise _not_found(key, self._name)
        if not 0 <= start < min(end, size):
            return b""
        with self._translated(key):
            return obstore.get_range(self._store, key, start=start, end=min(end, size)).to_bytes()

    def stream(self, key: str, chunk_bytes: int = STREAM_BYTES) -> Iterator[bytes]:
        with self._translated(check_key(key)):
            head = obstore.head(self._store, key)
        for start in range(0, head["size"], chunk_bytes):
            end = min(start + chunk_bytes, head["size"])
            # A request for each piece: one that a slow reader holds open for minutes would be cut off.
            with self._translated(key):
                piece = (
                    obstore.get(self._store, key, options={"range": (start, end), "if_match": head["e_tag"]})
                    .bytes()
                    .to_bytes()
                )
            yield piece

    def copy(self, source: str, target: str) -> None:
        check_key(target)
        with self._translated(check_key(source)):
            obstore.copy(self._store, source, target)

    def size(self, key: str) -> int | None:
        try:
            with self._translated(check_key(key)):
                return obstore.head(self._store, key)["size"]
        except NotFound:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        folder = check_key(prefix.rstrip("/")) if prefix else None
        with self._translated(prefix):
            pages = iter(obstore.list(self._store, prefix=folder))
        while True:
            with self._translated(prefix):
                page = next(pages, None)
            if page is None:
                return
            for item in page:
                yield ObjectInfo(item["path"], item["size"])

    def delete(self, key: str) -> None:
        try:
            with self._translated(check_key(key)):
                obstore.delete(self._store, key)
        except NotFound:
            return

    def ping(self) -> None:
        try:
            next(self.list(""), None)
        except NotFound as error:
            raise Unavailable(
                f"the object store {self._name} does not exist; create it or correct object_store_url"
            ) from error

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            raise _translate(error, key, self._name) from error


class FolderObjectStore(_ObstoreObjectStore):
    """Objects as files in a folder; also `LocalFiles`."""

    def __init__(self, folder: Path, *, make: bool = True) -> None:
        self.folder = folder
        try:
            if make:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _translate(error, str(folder), str(folder)) from error
        self._check_there()
        super().__init__(LocalStore(folder), str(folder))

    def put(self, key: str, data: bytes, *, overwrite: bool = True) -> bool:
        stored = super().put(key, data, overwrite=overwrite)
        if stored:
            with self._translated(key):
                _sync(self.local_path(key))
        return stored

    def local_path(self, key: str) -> Path:
        return self.folder / check_key(key)

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        # The library would make a missing folder anew, on whatever disk is below it.
        self._check_there()
        try:
            with super()._translated(key):
                yield
        except NotFound:
            self._check_there()
            raise

    def _check_there(self) -> None:
        if not self.folder.is_dir():
            raise Unavailable(f"the object store folder {self.folder} is not there; mount it, or put it back")

    def ping(self) -> None:
        self._check_there()
        if not os.access(self.folder, os.R_OK | os.W_OK | os.X_OK):
            raise Unavailable(
                f"the object store folder {self.folder} cannot be written; check its owner and disk"
            )


class S3ObjectStore(_ObstoreObjectStore):
    """Objects in one bucket, below a prefix; also `SignedReads`."""

    def __init__(self, place: S3Place, patience: Patience = OF_TASKS) -> None:
        options = {
            "endpoint": place.endpoint,
            "region": place.region,
            "server_side_encryption": place.encryption,
            "sse_kms_key_id": place.kms_key,
        }
        given = {name: value for name, value in options.items() if value}
        store = S3Store(
            place.bucket,
            prefix=check_key(place.prefix) if place.prefix else None,
            config={"region": "us-east-1", "virtual_hosted_style_request": False, **given},  # type: ignore[arg-type]
            client_options={
                "allow_http": True,
                "timeout": timedelta(seconds=patience.answer_s),
                "connect_timeout": timedelta(seconds=5),
            },
            retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=patience.repeat_s)},
        )
        super().__init__(store, place.name)
        self._s3 = store

    def read_urls(self, keys: Sequence[str], life_s: float) -> list[str]:
        checked = [check_key(key) for key in keys]
        with self._translated(checked[0] if checked else ""):
            return list(obstore.sign(self._s3, "GET", checked, timedelta(seconds=life_s)))


def _sync(path: Path) -> None:
    for target in (path, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _not_found(key: str, store: str) -> NotFound:
    return NotFound(f"there is no object '{key}' in {store}")


def _translate(error: Exception, key: str, store: str) -> TensorFleetError:
    message = str(error)
    first_line = message.strip().splitlines()[0] if message.strip() else type(error).__name__
    if isinstance(error, FileNotFoundError):
        return _not_found(key, store)
    if any(sign in message for sign in _FULL):
        return StorageFull(
            f"the object store {store} has no space left for '{key}'; free some space and try again"
        )
    if isinstance(error, PreconditionError):
        return Conflict(f"the object '{key}' was replaced while it was read; read it again")
    if "404 Not Found" in message:
        return NotFound(f"{store} does not exist; create the bucket or correct object_store_url")
    if "403 Forbidden" in message or isinstance(
        error, PermissionDeniedError | UnauthenticatedError | PermissionError
    ):
        return NotPermitted(
            f"the object store {store} refuses access to '{key}': check its credentials ({first_line})"
        )
    if isinstance(error, ValueError):
        return InvalidInput(f"the object store cannot use '{key}': {first_line}")
    return Unavailable(f"the object store {store} does not answer for '{key}': {first_line}")
