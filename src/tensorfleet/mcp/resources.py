"""What can be read by an address."""

from __future__ import annotations

import json
from typing import Any

from tensorfleet.mcp.catalogue import Catalogue
from tensorfleet.mcp.reading import Reading
from tensorfleet.sdk.client import Client

JSON, TEXT = "application/json", "text/plain"
RESOURCES = (
    ("tensorfleet://jobs/{job_id}", "job", JSON),
    ("tensorfleet://jobs/{job_id}/logs", "job_log", TEXT),
    ("tensorfleet://datasets/{name}", "dataset", JSON),
    ("tensorfleet://models/{name}", "model", JSON),
    ("tensorfleet://algorithms/{name}", "algorithm", JSON),
    ("tensorfleet://job-file", "job_file", JSON),
)


class Resources:
    """Each method is a resource; its docstring is what the agent is told of it."""

    def __init__(self, client: Client) -> None:
        self._jobs = Reading(client)
        self._known = Catalogue(client)

    def job(self, job_id: str) -> str:
        """A job, as the tool get_job reads it."""
        return _json(self._jobs.get_job(job_id))

    def job_log(self, job_id: str) -> str:
        """The last lines that a job's processes wrote."""
        log = self._jobs.read_log(job_id, 400)
        return "\n".join([f"({log['note']})", "", *log["lines"]])

    def dataset(self, name: str) -> str:
        """The latest version of a dataset: its columns and what their values are like."""
        return _json(self._known.get_dataset(name))

    def model(self, name: str) -> str:
        """A model with its versions."""
        return _json(self._known.get_model(name))

    def algorithm(self, name: str) -> str:
        """An algorithm with the schema of its hyperparameters."""
        return _json(self._known.list_algorithms(name))

    def job_file(self) -> str:
        """The JSON schema of job files."""
        from tensorfleet.jobs.schemas import JobSpec

        return json.dumps(JobSpec.model_json_schema())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
