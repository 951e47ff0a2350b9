"""From a job file, a dict or keywords to the body of `POST /jobs`; local data and code are sent first."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tensorfleet.errors import FieldError, InvalidInput, SpecInvalid
from tensorfleet.sdk.datasets import Datasets, is_local_path, is_url
from tensorfleet.sdk.gitstate import GitState, read_git
from tensorfleet.sdk.locks import read_requirements
from tensorfleet.sdk.packing import pack_folder
from tensorfleet.sdk.transport import Transport
from tensorfleet.sdk.uploads import Progress, upload_file
from tensorfleet.sdk.yamlfile import Document, plain_mapping, read_document

Step = Callable[[str], Progress | None]
"""Told what is sent (`dataset sales.csv`); returns the progress callback for it, or None."""

_DATASET_FIELDS = ("dataset", "dataset_path")


class Submission:
    """A job that is about to be submitted."""

    def __init__(self, document: Document, base: Path, source: str | None) -> None:
        self._document = document
        self._base = base
        self._source = source
        self.spec = document.value

    @classmethod
    def of(cls, spec: str | Path | Mapping[str, Any] | None, fields: Mapping[str, Any]) -> Submission:
        """Reads the file or copies the mapping; `fields` replace fields of the same name.

        Paths in a file are relative to that file, others to the working directory.

        Raises:
            InvalidInput: the file or mapping cannot be a job; names file and line.
        """
        if isinstance(spec, (str, Path)):
            path = Path(spec).expanduser()
            submission = cls(read_document(path), path.parent, str(path))
        elif spec is None or isinstance(spec, Mapping):
            submission = cls(Document(plain_mapping(dict(spec or {})), {}), Path(), None)
        else:
            raise InvalidInput(f"a job is a path, a mapping or keywords, not {type(spec).__name__}")
        submission.spec.update(plain_mapping(dict(fields)))
        return submission

    def set(self, dotted: str, value: Any) -> None:
        """Sets one field by its path, `hyperparameters.epochs`, creating the mappings on the way.

        Raises:
            InvalidInput: the path goes through something that is not a mapping.
        """
        *parents, last = dotted.split(".")
        place: Any = self.spec
        for count, name in enumerate(parents, start=1):
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise InvalidInput(f"{'.'.join(parents[:count])} is not a mapping, so {dotted} cannot be set")
        place[last] = value

    def send_files(self, transport: Transport, step: Step | None = None) -> None:
        """Uploads what the job names by a path here, and puts the server's names in their place."""
        start = step or (lambda _: None)
        for field in _DATASET_FIELDS:
            source = self.spec.get(field)
            if isinstance(source, str) and (is_url(source) or is_local_path(source)):
                place = source if is_url(source) else self._base / Path(source).expanduser()
                version = Datasets(transport).add(place, progress=start(f"dataset {Path(source).name}"))
                self.spec[field] = f"{version['name']}@{version['version']}"
        code = self.spec.get("code")
        if isinstance(code, str):
            folder = self._base / Path(code).expanduser()
            read_requirements(self.spec, folder)
            self.spec["code"] = {"digest": upload_code(transport, folder, start(f"code {code}"))}
            state = read_git(folder)
            if state is not None:
                self.spec["code"]["git"] = _git_of(transport, state)

    def without_files(self) -> dict[str, Any]:
        """The job without what it names by a path here: for a question about it nothing is sent."""
        local = [
            field
            for field in _DATASET_FIELDS
            if isinstance(source := self.spec.get(field), str) and (is_url(source) or is_local_path(source))
        ]
        if isinstance(self.spec.get("code"), str):
            local += ["code", "requirements", "lock"]
        return {field: value for field, value in self.spec.items() if field not in local}

    def located(self, error: SpecInvalid) -> SpecInvalid:
        """The same errors with the file and line where each field stands."""
        return SpecInvalid(
            FieldError(e.field, e.message + self._place(e.field), e.code) for e in error.errors
        )

    def _place(self, field: str) -> str:
        if self._source is None:
            return ""
        parts = field.split(".")
        known = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        line = next((self._document.lines[path] for path in known if path in self._document.lines), None)
        return f" ({self._source}, line {line})" if line else f" ({self._source})"


def upload_code(transport: Transport, folder: Path, progress: Progress | None = None) -> str:
    """Packs a folder, sends it and returns the digest that a job names it by."""
    with tempfile.NamedTemporaryFile(prefix="tensorfleet-code-", suffix=".tar.gz") as file:
        pack_folder(folder, file)  # type: ignore[arg-type]  # the wrapper has every method of a binary file
        file.flush()
        return _sent(transport, Path(file.name), progress)


def _git_of(transport: Transport, state: GitState) -> dict[str, Any]:
    """The state as the job file has it; the diff is sent, and named by its digest."""
    found: dict[str, Any] = {"commit": state.commit, "branch": state.branch, "dirty": state.dirty}
    if state.diff:
        with tempfile.NamedTemporaryFile(prefix="tensorfleet-diff-", suffix=".diff") as file:
            file.write(state.diff)
            file.flush()
            found |= {"diff": _sent(transport, Path(file.name)), "diff_truncated": state.truncated}
    return found


def _sent(transport: Transport, path: Path, progress: Progress | None = None) -> str:
    upload_id = upload_file(transport, path, progress, resumable=False)
    return str(transport.call("POST", "/code", json={"upload_id": upload_id})["digest"])
