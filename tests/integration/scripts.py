"""Scripts as jobs, for tests of what may happen to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tensorfleet.sdk.jobs import Job
from tests.integration.platform import Platform, wait_until

Submit = Callable[..., Job]


@contextmanager
def submitting(platform: Platform, folder: Path, **usual: Any) -> Iterator[Submit]:
    """Gives a function that submits a script with the `usual` fields and more; what still runs at the end is cancelled."""
    jobs: list[Job] = []

    def submitted(text: str, on: Platform = platform, **fields: Any) -> Job:
        code = folder / f"code-{len(jobs)}"
        code.mkdir()
        (code / "main.py").write_text(text)
        jobs.append(on.client.submit({"entrypoint": "main.py", "code": str(code)} | usual | fields))
        return jobs[-1]

    yield submitted
    for job in jobs:
        if not job.refresh().ended:
            job.cancel()
    wait_until(lambda: all(job.refresh().ended for job in jobs), "the jobs of the test to end")
