"""Many submissions at once: each is checked on its own, all that can be queued are queued in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import FieldError, InvalidInput, TensorFleetError
from tensorfleet.jobs.schemas import JobSpec

if TYPE_CHECKING:
    from tensorfleet.jobs.service import Inputs

MOST_ITEMS = 1000


class OnceInputs:
    """`Inputs` for the length of one batch: what several of its jobs name alike is looked up once."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._known: dict[Any, Any] = {}

    def dataset(self, reference: str, workspace: str) -> dict[str, Any]:
        found: dict[str, Any] = self._once(
            ("dataset", reference, workspace), lambda: self._inputs.dataset(reference, workspace)
        )
        return found

    def code(self, digest: str) -> dict[str, Any]:
        found: dict[str, Any] = self._once(("code", digest), lambda: self._inputs.code(digest))
        return found

    def check_algorithm(self, spec: JobSpec) -> Sequence[FieldError]:
        return self._inputs.check_algorithm(spec)

    def most_accumulation(self, spec: JobSpec) -> int:
        return self._inputs.most_accumulation(spec)

    def check_secrets(self, spec: JobSpec) -> Sequence[FieldError]:
        return self._inputs.check_secrets(spec)

    def check_capacity(self, spec: JobSpec) -> Sequence[FieldError]:
        wanted = json.dumps(spec.resources.model_dump(mode="json"), sort_keys=True)
        found: Sequence[FieldError] = self._once(
            ("capacity", wanted), lambda: self._inputs.check_capacity(spec)
        )
        return found

    def _once(self, key: Any, look: Callable[[], Any]) -> Any:
        """The first answer again, and the first error too: looking twice would not change it."""
        if key not in self._known:
            try:
                self._known[key] = (True, look())
            except TensorFleetError as error:
                self._known[key] = (False, error)
        good, found = self._known[key]
        if good:
            return found
        raise found


def parse_batch(data: Any) -> list[tuple[Any, str | None]]:
    """The jobs of a batch, each with its own key: `{"items": [{..., "idempotency_key": "..."}, ...]}`.

    Raises:
        InvalidInput: it is not such an object, or holds too many.
    """
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list) or not 0 < len(items) <= MOST_ITEMS:
        raise InvalidInput(f'a batch is {{"items": [job, ...]}} with 1 to {MOST_ITEMS} jobs')
    return [_with_key(item) for item in items]


def _with_key(item: Any) -> tuple[Any, str | None]:
    if not isinstance(item, dict) or "idempotency_key" not in item:
        return item, None
    spec = {name: value for name, value in item.items() if name != "idempotency_key"}
    key = item["idempotency_key"]
    return spec, key if key is None else str(key)
