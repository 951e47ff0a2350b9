"""Own code in an environment of its own, built from a folder of wheels without a network."""

from __future__ import annotations

import asyncio
import hashlib
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tensorfleet.errors import JobFailed
from tests.integration.platform import Platform, running_platform
from tests.integration.station import Lease, Station, open_station


def make_wheel(folder: Path, name: str, version: str, requires: Sequence[str] = ()) -> None:
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {one}\n" for one in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def sha256_of(folder: Path, name: str, version: str) -> str:
    return hashlib.sha256((folder / f"{name}-{version}-py3-none-any.whl").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "tinypack", "1.0", ["numpy>=2", "torch"])
    make_wheel(folder, "tinypack", "2.0")
    make_wheel(folder, "threadpoolctl", "99.0")
    make_wheel(folder, "pydantic", "99.0")
    return folder


@pytest.fixture(scope="module")
def offline(wheels: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_FIND_LINKS", str(wheels))
        patch.setenv("UV_OFFLINE", "1")
        patch.setenv("UV_NO_CACHE", "1")
        yield


@pytest.fixture(scope="module")
async def station(tmp_path_factory: pytest.TempPathFactory, offline: None) -> AsyncIterator[Station]:
    async with open_station(tmp_path_factory.mktemp("environments")) as found:
        await found.start_agent(torch_idle_s=2.0)
        yield found


TELL = """
import importlib.metadata, sys, numpy, torch, tinypack
from tensorfleet import train
print("tinypack", tinypack.VERSION, "torch", torch.__file__, "prefix", sys.prefix)
train.report(step=1, loss=1.0)
"""


def built(station: Station) -> set[str]:
    folder = station.work_dir / "environments"
    return (
        {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        if folder.exists()
        else set()
    )


async def run(station: Station, code: str, **spec: Any) -> tuple[Lease, dict[str, Any]]:
    lease = station.submit(code, **spec)
    return lease, await station.ended(lease, 100)


async def test_what_a_job_names_is_there_and_what_fits_is_not_installed_twice(station: Station) -> None:
    lease, outcome = await run(station, TELL, requirements=["tinypack==1.0"])
    assert outcome["status"] == "succeeded", (outcome, lease.log)
    assert "tinypack 1.0" in lease.log
    (digest,) = built(station)
    folder = station.work_dir / "environments" / digest
    assert f"prefix {folder}" in lease.log
    packages = {path.name for path in folder.glob("lib/*/site-packages/*.dist-info")}
    assert packages == {"tinypack-1.0.dist-info"}, "torch and numpy are those of TensorFleet"
    assert "building it, 1 requirements" in lease.log, "the job's log shows the build"
    assert '"kind": "environment"' in lease.streams["record"].decode()
    lease, outcome = await run(station, TELL, requirements=["tinypack==1.0"])
    assert outcome["status"] == "succeeded"
    assert "building" not in lease.log
    assert built(station) == {digest}
    await station.until(lambda: not environment_templates(station), "an idle template to go", 20)


async def test_what_a_job_names_wins_over_what_is_there(station: Station) -> None:
    code = "import threadpoolctl, tinypack; print(threadpoolctl.VERSION, tinypack.VERSION)"
    lease, outcome = await run(station, code, requirements=["threadpoolctl>=99", "tinypack"])
    assert outcome["status"] == "succeeded", (outcome, lease.log)
    assert "99.0 2.0" in lease.log
    lease, outcome = await run(station, "import threadpoolctl as t; print(t.__file__)")
    assert "environments" not in lease.log, "and nobody else has it"


async def test_two_jobs_at_a_time_build_once_and_ranks_share_a_template(station: Station) -> None:
    code = "import tinypack, time; time.sleep(1)"
    leases = [station.submit(code, requirements=["tinypack<2"]) for _ in range(3)]
    for lease in leases:
        assert (await station.ended(lease, 100))["status"] == "succeeded", lease.log
    logs = "".join(lease.log for lease in leases)
    assert logs.count("building it, 1") == 1
    assert logs.count("another job is building it") == 2


def environment_templates(station: Station) -> list[int]:
    assert station.agent is not None
    found = []
    for process in psutil.Process(station.agent.pid).children():
        with suppress(psutil.NoSuchProcess):
            if process.name() == "tf-environment":
                found.append(process.pid)
    return found


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "no such package": (
        {"requirements": ["no-such-package-here"]},
        ("no-such-package-here", "cannot be built"),
    ),
    "no such version": ({"requirements": ["tinypack==3.0"]}, ("tinypack==3.0",)),
    "two that exclude each other": ({"requirements": ["tinypack==1.0", "numpy<1"]}, ("numpy",)),
    "a Python that is not here": ({"python": "2.7"}, ("wants Python 2.7", "this worker runs 3.")),
    "a Python that is too new": ({"python": ">=4", "requirements": ["tinypack"]}, ("wants Python >=4",)),
    "what breaks TensorFleet": ({"requirements": ["pydantic==99.0"]}, ("TensorFleet cannot run",)),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_built_fails_before_it_starts(case: str, station: Station) -> None:
    spec, words = REFUSED[case]
    lease, outcome = await run(station, "print('it started')", **spec)
    assert (outcome["status"], outcome["class"]) == ("failed", "user_error"), outcome
    assert "\n" not in outcome["message"]
    for word in words:
        assert word in outcome["message"], outcome
    assert "it started" not in lease.log
    assert lease.pid == 0 or not lease.pid


@pytest.mark.parametrize("lock", ["needs.lock", None])
async def test_a_package_that_is_not_what_the_lock_names_is_refused(
    lock: str | None, station: Station, wheels: Path
) -> None:
    good, wrong = f"sha256:{sha256_of(wheels, 'tinypack', '2.0')}", f"sha256:{'0a' * 32}"
    code = "import tinypack; print('tinypack', tinypack.VERSION)"
    lease, outcome = await run(station, code, requirements=[f"tinypack==2.0 --hash={wrong}"], lock=lock)
    assert (outcome["status"], outcome["class"]) == ("failed", "user_error"), outcome
    assert "ash" in outcome["message"], "hash mismatch"
    assert "\n" not in outcome["message"]
    assert "tinypack 2.0" not in lease.log
    several = [f"tinypack==2.0 --hash={wrong} --hash={good}"]
    lease, outcome = await run(station, code, requirements=several, lock=lock)
    assert outcome["status"] == "succeeded", (outcome, lease.log)


async def test_a_job_is_stopped_while_its_environment_is_built(station: Station) -> None:
    lease = station.submit("print('it started')", requirements=["tinypack", "numpy>=1.9"])
    await asyncio.sleep(0.3)
    station.stop(lease, "end")
    assert (await station.ended(lease))["status"] == "stopped"
    assert "it started" not in lease.log


def test_a_job_file_with_a_list_a_file_and_a_lock(tmp_path: Path, wheels: Path, offline: None) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "main.py").write_text("import tinypack; print('tinypack', tinypack.VERSION)\n")
    (code / "needs.txt").write_text("# what it needs\ntinypack<2  # an old one\n\n")
    digest = sha256_of(wheels, "tinypack", "2.0")
    (code / "needs.lock").write_text(f"tinypack==2.0 \\\n    --hash=sha256:{digest}\n")
    with running_platform(tmp_path / "home", workers=2) as platform:
        spec = {"name": "own", "entrypoint": "main.py", "code": str(code)}
        listed = platform.client.submit(spec | {"requirements": ["tinypack<2"]})
        named = platform.client.submit(spec | {"requirements": "needs.txt"})
        locked = platform.client.submit(spec | {"lock": "needs.lock"})
        assert _said(listed) == "tinypack 1.0"
        assert _said(named) == "tinypack 1.0"
        assert _said(locked) == "tinypack 2.0"
        assert listed.diff(locked)["changed"][0]["part"] == "environment"
        assert "tinypack==2.0" in locked.provenance()["document"]["environment"]["packages"]
        assert [event for event in locked.events() if event.kind == "environment"]
        _check_refused(platform, spec)


def _said(job: Any) -> str:
    job.wait(90)
    return next(line.text for line in job.logs(rank=0) if line.text.startswith("tinypack "))


def _check_refused(platform: Platform, spec: dict[str, Any]) -> None:
    job = platform.client.submit(spec | {"python": "2.7"})
    with pytest.raises(JobFailed, match=r"wants Python 2\.7"):
        job.wait(60)
    assert job.data["error"]["class"] == "user_error"
    assert job.data["attempt"] == 1, "it is not tried again"
