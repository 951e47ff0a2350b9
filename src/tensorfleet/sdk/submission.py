"""From a job file, a dict or keywords to the body of `POST /jobs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorfleet.errors import FieldError, InvalidInput, SpecInvalid
from tensorfleet.sdk.dataset_files import is_local_path, is_url
from tensorfleet.sdk.yamlfile import Document, plain_mapping, read_document

_DATASET_FIELDS = ("dataset", "dataset_path")


class Submission:
    """A job that is about to be submitted."""

    def __init__(self, document: Document, base: Path, source: str | None) -> None:
        self._document = document
        self.base = base
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

    def local_datasets(self) -> list[str]:
        """The fields that name a file here, or what a URL serves."""
        return [
            field
            for field in _DATASET_FIELDS
            if isinstance(source := self.spec.get(field), str) and (is_url(source) or is_local_path(source))
        ]

    def without_files(self) -> dict[str, Any]:
        """The job without what it names by a path here: for a question about it nothing is sent."""
        local = self.local_datasets()
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
