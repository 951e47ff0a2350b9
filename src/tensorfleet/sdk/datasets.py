# Made of sdk/aio/datasets.py by `make sdk`: change that file. 28bdd2148d0b
"""Datasets: add files and URLs as immutable versions, read and download them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from tensorfleet.errors import InvalidInput, NotFound, Unavailable
from tensorfleet.sdk import class_folders
from tensorfleet.sdk.dataset_files import file_format, is_url, name_from
from tensorfleet.sdk.downloads import download
from tensorfleet.sdk.ground import apart
from tensorfleet.sdk.paths import segments
from tensorfleet.sdk.progress import Progress
from tensorfleet.sdk.transport import Transport
from tensorfleet.sdk.uploads import forget_upload, upload_file


class Datasets:
    """`client.datasets`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._transport.call("GET", segments("datasets", name))
        return found

    def versions(self, name: str) -> list[dict[str, Any]]:
        """The versions of a dataset, the newest first."""
        items = list(self._transport.pages(segments("datasets", name, "versions")))
        return sorted(items, key=lambda item: -int(item["version"]))

    def version(self, name: str, version: int | None = None) -> dict[str, Any]:
        """One version with its columns and profile; the latest when None.

        Raises:
            NotFound: there is no such dataset or version.
        """
        if version is None:
            found = self.versions(name)
            if not found:
                raise NotFound(
                    f"dataset '{name}' has no version yet; add one with `tensorfleet datasets add`"
                )
            version = int(found[0]["version"])
        answer: dict[str, Any] = self._transport.call("GET", segments("datasets", name, "versions", version))
        return answer

    def rows(
        self, name: str, version: int | None = None, *, offset: int = 0, limit: int = 50
    ) -> dict[str, Any]:
        """Some rows of a version, the latest when None: `columns, rows, offset, total`; at most 200, without the file."""
        path = segments("datasets", name, "versions", "latest" if version is None else version, "rows")
        params = {"offset": offset, "limit": limit}
        found: dict[str, Any] = self._transport.call("GET", path, params=params)
        return found

    def lineage(self, name: str, version: int | None = None) -> dict[str, Any]:
        """Which jobs have read it, and which models came of them: `nodes, edges, cut`."""
        params = {"version": version}
        found: dict[str, Any] = self._transport.call(
            "GET", segments("datasets", name, "lineage"), params=params
        )
        return found

    def add(
        self,
        source: str | Path,
        name: str | None = None,
        *,
        target: str | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Adds a CSV or Parquet file, or what a URL serves, as a version; equal content is one version.

        A folder with a sub-folder of pictures or texts for each class, or such a folder as .zip or .tar, becomes a table of
        them, with the folders' names as labels.

        The file goes in chunks, one of them in memory; after a broken connection, or when this is called
        again, what the server has already is not sent again.

        Args:
            name: the dataset's name; taken from the file's when None.
            target: the column that models shall predict.
            progress: called with bytes done and bytes in all.

        Returns:
            The version: `name, version, digest, format, rows, bytes, columns, target` and more.

        Raises:
            DataInvalid: the file is empty, of a wrong format, or the server cannot read it.
        """
        if isinstance(source, str) and is_url(source):
            with tempfile.TemporaryDirectory(prefix="tensorfleet-") as folder:
                path = _fetch_url(source, Path(folder), progress)
                return self._add_file(path, name or name_from(path), target, progress)
        path = Path(source).expanduser()
        if path.exists() and class_folders.holds_classes(path):
            with tempfile.TemporaryDirectory(prefix="tensorfleet-") as folder:
                table = Path(folder) / "classes.parquet"
                apart(class_folders.pack, path, table)
                named = name or name_from(Path(f"{class_folders.plain_name(path)}.parquet"))
                return self._add_file(table, named, target or class_folders.LABEL, progress)
        return self._add_file(path, name or name_from(path), target, progress)

    def _add_file(
        self, path: Path, name: str, target: str | None, progress: Progress | None
    ) -> dict[str, Any]:
        fields = {"format": file_format(path), "target": target}
        try:
            return self._send_file(path, name, fields, progress)
        except NotFound:
            # An earlier call of ours committed the upload, and was killed or lost the answer: its note leads nowhere.
            forget_upload(self._transport, path)
            return self._send_file(path, name, fields, progress)

    def _send_file(
        self, path: Path, name: str, fields: dict[str, Any], progress: Progress | None
    ) -> dict[str, Any]:
        where = segments("datasets", name, "versions")
        upload_id = upload_file(self._transport, path, progress)
        version: dict[str, Any] = self._transport.call("POST", where, json={**fields, "upload_id": upload_id})
        forget_upload(self._transport, path)
        return version

    def download(
        self,
        name: str,
        version: int | None = None,
        to: str | Path | None = None,
        *,
        progress: Progress | None = None,
    ) -> Path:
        """Writes a version's file to `to` (a file or a folder; here when None) and returns its path.

        It is streamed, goes on after a broken connection, and appears when it is whole.
        """
        found = self.version(name, version)
        default = f"{found['name']}-{found['version']}.{found['format']}"
        target = Path(to) if to is not None else Path(default)
        if target.is_dir() or str(to).endswith(os.sep):
            target = target / default
        path = segments("datasets", name, "versions", found["version"], "download")
        return download(self._transport, path, target, tag=str(found["digest"]), progress=progress)

    def delete(self, name: str) -> None:
        self._transport.call("DELETE", segments("datasets", name))

    def list(self) -> list[dict[str, Any]]:
        return list(self._transport.pages("/datasets"))


def _fetch_url(url: str, folder: Path, progress: Progress | None) -> Path:
    # No token of ours goes to a foreign server: this is a client of its own.
    name = Path(unquote(urlsplit(url).path)).name or "data.csv"
    target = folder / name.replace("\0", "")[-150:]
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=60.0) as http,
            http.stream("GET", url) as response,
        ):
            response.raise_for_status()
            total = int(response.headers.get("Content-Length") or 0)
            with target.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    if progress is not None:
                        progress(response.num_bytes_downloaded, total or response.num_bytes_downloaded)
    except httpx.HTTPStatusError as error:
        raise InvalidInput(f"{url} answered {error.response.status_code}; check the address") from error
    except httpx.HTTPError as error:
        raise Unavailable(f"{url} cannot be downloaded: {error or type(error).__name__}") from error
    except httpx.InvalidURL as error:
        raise InvalidInput(f"'{url}' is not an address: {error}") from error
    return target
