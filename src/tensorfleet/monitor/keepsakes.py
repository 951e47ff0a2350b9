"""What a completed job leaves for people: its model's card beside the model, and pictures of its evaluation with its run."""

from __future__ import annotations

import json
from typing import Any, Protocol

import structlog

from tensorfleet.errors import TensorFleetError
from tensorfleet.jobs.capsule import key_of
from tensorfleet.jobs.plots import draw_plot, plot_names
from tensorfleet.registry.card import CARD_FILE, render_card
from tensorfleet.registry.model import TrackedJob
from tensorfleet.registry.ports import TrackingBackend

PLOTS_FOLDER = "plots"
_log = structlog.get_logger(__name__)


class Objects(Protocol):
    """The part of an object store that this needs."""

    def get(self, key: str) -> bytes: ...
    def put(self, key: str, data: bytes, *, overwrite: bool = True) -> bool: ...


class Keepsakes:
    """Writes both; whatever goes wrong with them holds up nothing, as both can be made again from the job."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def leave(self, backend: TrackingBackend, job: TrackedJob, run_id: str, *, registered: bool) -> None:
        """Trials of a study leave none: there are many of them, and their evaluations can be asked for."""
        if job.inputs.get("study"):
            return
        try:
            if registered:
                self._leave_card(job)
            if pictures := pictures_of(job):
                backend.log_files(run_id, pictures)
        except TensorFleetError as error:
            _log.warning(
                "the card or the pictures of a job are not written", job_id=job.id, problem=str(error)
            )

    def _leave_card(self, job: TrackedJob) -> None:
        result = job.result or {}
        card = render_card(job, self._provenance(result.get("provenance")))
        self._objects.put(f"{result['model']['prefix']}/{CARD_FILE}", card.encode())

    def _provenance(self, digest: Any) -> dict[str, Any] | None:
        if not str(digest or "").isalnum():
            return None
        try:
            found = json.loads(self._objects.get(key_of(str(digest))))
        except (TensorFleetError, ValueError):
            return None
        return found if isinstance(found, dict) else None


def pictures_of(job: TrackedJob) -> dict[str, bytes]:
    """Files by path; the learning curves are left out, which MLflow draws itself."""
    evaluation = (job.result or {}).get("evaluation") or {}
    return {
        f"{PLOTS_FOLDER}/{name}.svg": draw_plot(name, evaluation, {}).encode()
        for name in plot_names(evaluation, {})
    }
