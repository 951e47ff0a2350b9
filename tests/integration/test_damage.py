"""What is stored is damaged or taken away: jobs go on from what is whole, and say what they found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tensorfleet.sdk.jobs import Job
from tensorfleet.testing.servers import S3Server, s3
from tests.integration.platform import Platform, running_platform, wait_until

COUNT = """
import time
from pathlib import Path
from tensorfleet import train

saved = train.restore()
step = saved["step"] if saved else 0
print(f"beginning after step {step}")
while not Path(train.params()["enough"]).exists():
    step += 1
    train.report(step=step, loss=1.0 / step)
    train.save({"step": step}, step=step)
    time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    with s3() as server:
        yield server


def counting(platform: Platform, tmp_path: Path) -> tuple[Job, Path]:
    """A job that counts and saves until the file exists."""
    enough, code = tmp_path / "enough", tmp_path / "code"
    code.mkdir()
    (code / "count.py").write_text(COUNT)
    spec = {"name": "count", "entrypoint": "count.py", "code": str(code)}
    job = platform.client.submit({**spec, "hyperparameters": {"enough": str(enough)}})
    wait_until(lambda: saved_steps(job), "a checkpoint", 60)
    return job, enough


def saved_steps(job: Job) -> list[int]:
    return [one["step"] for one in job.checkpoints()]


def last_step(job: Job) -> int:
    return max((point.step for points in job.metrics().values() for point in points), default=0)


def finish(job: Job, enough: Path) -> None:
    enough.touch()
    job.wait(timeout=60)


def test_a_flipped_byte_in_the_newest_checkpoint_costs_one_checkpoint(
    platform: Platform, tmp_path: Path
) -> None:
    job, enough = counting(platform, tmp_path)
    wait_until(lambda: len(saved_steps(job)) == 2, "two checkpoints")
    job.pause()
    wait_until(lambda: job.refresh().status == "paused", "it rests")
    before, newest = job.checkpoints()
    file = platform.home / "objects" / newest["key"]
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    job.resume()
    wait_until(lambda: job.refresh().data["attempt"] == 2 and job.status == "running", "it goes on")
    wait_until(lambda: any(one["attempt"] == 2 for one in job.checkpoints()), "it saves again")
    text = "".join(line.text for line in job.logs())
    assert f"{newest['key']} is damaged" in text
    assert f"beginning after step {before['step']}" in text
    finish(job, enough)


def delete_bucket(server: S3Server, bucket: str) -> None:
    """SeaweedFS makes it again, empty, with the next object that is put into it."""
    httpx.delete(f"{server.filer}/buckets/{bucket}?recursive=true").raise_for_status()


def test_a_deleted_bucket_stops_no_training_and_a_task_that_dies_then_begins_anew(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_server.make_bucket()
    for name, value in {**s3_server.env(), "TENSORFLEET_OBJECT_STORE_URL": s3_server.url(bucket)}.items():
        monkeypatch.setenv(name, value)
    with running_platform(tmp_path / "home") as platform:
        job, enough = counting(platform, tmp_path)
        delete_bucket(s3_server, bucket)
        before = last_step(job)
        wait_until(lambda: max(saved_steps(job), default=0) > before, "it trains on and saves again")
        assert job.refresh().data["attempt"] == 1

        job.pause()
        wait_until(lambda: job.refresh().status == "paused", "it rests")
        delete_bucket(s3_server, bucket)
        job.resume()
        wait_until(lambda: any(one["attempt"] > 1 for one in job.checkpoints()), "it begins anew", 60)
        text = "".join(line.text for line in job.logs())
        assert "no usable checkpoint is left; starting from the beginning" in text
        finish(job, enough)
