"""What a task is made of, noted when it starts: also one that is killed has said what it was."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import TensorFleetError
from tensorfleet.jobs import capsule
from tensorfleet.training import registry

if TYPE_CHECKING:
    from tensorfleet.training.session import Session


class Note:
    """Writes the document of one task beside the training; `digest` is there once `wait` has returned, if it could be kept."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.digest: str | None = None
        self._thread = threading.Thread(target=self._write, name="tensorfleet-provenance", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        self._thread.join()

    def _write(self) -> None:
        context = self._session.context
        ran = {"workers": context.world_size, "accumulation": context.accumulation}
        found = {"environment": environment(), "machine": machine() | ran}
        document = capsule.describe(context.spec, context.dataset, hyperparameters(context.spec), found)
        digest, data = capsule.encode(document)
        try:
            self._session.objects.put(capsule.key_of(digest), data, overwrite=False)
        except TensorFleetError as error:
            print(f"what this job is made of could not be kept: {error.detail}", file=sys.stderr, flush=True)
            return
        self.digest = digest
        record = {"kind": "provenance", "at": time.time(), "key": capsule.key_of(digest), "sha256": digest}
        self._session.write(record)


def hyperparameters(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a spec, with the defaults of the algorithm for the rest."""
    given = dict(spec.get("hyperparameters") or {})
    algorithm = registry.ALGORITHMS.get(spec.get("algorithm") or "")
    if algorithm is None or registry.validate_hyperparameters(algorithm.name, given):
        return given
    return algorithm.params(**given).model_dump(mode="json")


@cache
def environment() -> dict[str, Any]:
    """The Python that runs here and every package that it finds, as `name==version`."""
    found = {
        one.name.lower().replace("_", "-"): one.version for one in reversed(list(distributions())) if one.name
    }
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "tensorfleet": found.get("tensorfleet"),
        "packages": [f"{name}=={version}" for name, version in sorted(found.items())],
    }


@cache
def machine() -> dict[str, Any]:
    """What of this machine may change a result."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": _gpus(),
        "os": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _gpus() -> list[str]:
    """Their names, as the driver gives them, without a library."""
    found = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        lines = path.read_text().splitlines()
        found += [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
    return found
