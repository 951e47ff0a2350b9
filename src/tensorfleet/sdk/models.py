# Made of sdk/aio/models.py by `make sdk`: change that file. 42b9e4812f5a
"""Registered models: find, download and use them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from tensorfleet.errors import Internal, NotFound
from tensorfleet.sdk.downloads import download
from tensorfleet.sdk.ground import apart
from tensorfleet.sdk.local_files import inside
from tensorfleet.sdk.paths import segments
from tensorfleet.sdk.progress import Progress
from tensorfleet.sdk.transport import Transport

_PREFIX_TAG = "tensorfleet.prefix"


class Model:
    """One version of a registered model.

    Attributes:
        data: the whole answer of `GET /models/{name}/versions/{v}`.
    """

    def __init__(self, transport: Transport, data: dict[str, Any]) -> None:
        self._transport = transport
        self.data = data

    def __repr__(self) -> str:
        return f"Model({self.name!r}, version={self.version})"

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def version(self) -> int:
        return int(self.data["version"])

    @property
    def files(self) -> list[dict[str, Any]]:
        """`{"path", "bytes", "sha256"}` of each file."""
        return list(self.data.get("files") or [])

    def download(self, to: str | Path, *, progress: Progress | None = None) -> Path:
        """Writes the model's files, an MLflow model folder, below `to` and returns it; each is checked.

        Raises:
            DataInvalid: a file does not have its checksum.
        """
        folder = Path(to)
        total, done = sum(int(file["bytes"]) for file in self.files), 0
        for file in self.files:
            target = inside(folder, file["path"])
            path = segments("download", "models", *self._prefix(), *file["path"].split("/"))
            start = done

            def report(count: int, _: int, start: int = start) -> None:
                if progress is not None:
                    progress(start + count, total)

            download(
                self._transport, path, target, tag=file["sha256"], sha256=file["sha256"], progress=report
            )
            done += int(file["bytes"])
        return folder

    @property
    def formats(self) -> list[dict[str, Any]]:
        """What became of each further format: `{"format", "file", "rows", "max_difference", ...}`, or a `reason`."""
        return list(self.data.get("formats") or [])

    def card(self) -> str:
        """The model's card, as Markdown: what it is for, its data, metrics, formats and provenance.

        Raises:
            NotFound: it has none.
        """
        path = segments("models", self.name, "versions", self.version, "card")
        return self._transport.send("GET", path).text

    def predict(self, frame: Any) -> Any:
        """Predictions for a data frame; the first call downloads the model into the cache of the home.

        Runs in this process and needs the libraries that the model was trained with.
        """
        from tensorfleet.training.models import load_model

        folder = self.local_folder()
        return apart(lambda: load_model(folder).predict(frame))

    def local_folder(self) -> Path:
        """A folder in the cache that holds the model's files, downloaded now if it is not there."""
        identity = json.dumps(sorted((file["path"], file["sha256"]) for file in self.files))
        key = hashlib.sha256(identity.encode()).hexdigest()[:32]
        folder = self._transport.address.home / "cache" / "models" / key
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as part:
            fresh = self.download(Path(part) / "model")
            try:
                fresh.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was first
                    raise
        return folder

    def _prefix(self) -> list[str]:
        source = str(self.data.get("source") or "").rstrip("/")
        prefix = str(
            (self.data.get("tags") or {}).get(_PREFIX_TAG) or f"models/{source.rpartition('/models/')[2]}"
        )
        bucket, *folders = prefix.strip("/").split("/")
        if bucket != "models" or not any(folders):
            raise Internal(
                f"the files of model {self.name} {self.version} lie at '{source}', where no download goes"
            )
        return folders


class Models:
    """`client.models`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def versions(self, name: str) -> list[Model]:
        """The versions of a model, the newest first."""
        items = self._transport.pages(segments("models", name, "versions"))
        found = [Model(self._transport, item) for item in items]
        return sorted(found, key=lambda model: -model.version)

    def get(self, name: str, version: int | str | None = None) -> Model:
        """A version by its number or an alias; the latest when None.

        Raises:
            NotFound: there is no such model, version or alias.
        """
        if version is None:
            found = self.versions(name)
            if not found:
                raise NotFound(f"model '{name}' has no version yet")
            version = found[0].version
        elif not str(version).isdecimal():
            version = self._aliased(name, str(version))
        return Model(
            self._transport, self._transport.call("GET", segments("models", name, "versions", version))
        )

    def lineage(self, name: str, version: int | None = None) -> dict[str, Any]:
        """Which jobs it came of, and what these have read and gone on from: `nodes, edges, cut`."""
        params = {"version": version}
        found: dict[str, Any] = self._transport.call(
            "GET", segments("models", name, "lineage"), params=params
        )
        return found

    def promote(self, name: str, version: int, alias: str) -> None:
        """Points `alias` (`production`) at a version."""
        self._transport.call("PUT", segments("models", name, "aliases", alias), json={"version": version})

    def unalias(self, name: str, alias: str) -> None:
        self._transport.call("DELETE", segments("models", name, "aliases", alias))

    def _aliased(self, name: str, alias: str) -> int:
        aliases = self._transport.call("GET", segments("models", name)).get("aliases") or {}
        if alias not in aliases:
            known = ", ".join(sorted(aliases)) or "none"
            raise NotFound(f"model '{name}' has no alias '{alias}'; its aliases: {known}")
        return int(aliases[alias])

    def list(self) -> list[dict[str, Any]]:
        """Each registered model with its latest version and its aliases."""
        return list(self._transport.pages("/models"))
