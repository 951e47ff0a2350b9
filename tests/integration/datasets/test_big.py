"""A large file goes up, is inspected and comes down again, while no process of ours takes 300 MB.

`TENSORFLEET_TEST_BIG_MB=2000` makes it the size that the platform promises.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tensorfleet.testing.servers import free_ports

BIG_BYTES = int(os.environ.get("TENSORFLEET_TEST_BIG_MB", "300")) * 10**6
LIMIT_BYTES = 300 * 10**6
SERVER = """
import resource, sys
from pathlib import Path
import uvicorn
from fastapi import FastAPI
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.adapters.schema import metadata
from tensorfleet.datasets.endpoints import build_router
from tensorfleet.datasets.inspection import Inspector
from tensorfleet.datasets.service import DatasetService
from tensorfleet.datasets.store import SqlDatasetStore
from tensorfleet.objects.blobs import BlobStore

home, port = Path(sys.argv[1]), int(sys.argv[2])
url = f"file://{home / 'objects'}"
database = Database(f"sqlite:///{home / 'metadata.db'}")
metadata.create_all(database.engine)
blobs = BlobStore(open_object_store(url))
app = FastAPI()
service = DatasetService(SqlDatasetStore(database), blobs, home, inspector=Inspector(url))
app.include_router(build_router(service))

@app.get("/peak-of-children")
def peak_of_children() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024

uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, str]]:
    (port,) = free_ports(1)
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path), str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{url}/datasets")
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the server did not start"
                assert process.poll() is None, "the server ended"
                time.sleep(0.05)
        yield process.pid, url
    finally:
        process.terminate()
        process.wait(20)


def big_csv() -> Iterator[bytes]:
    """About BIG_BYTES of CSV: ten columns of numbers, an integer, a category and a text."""
    random = np.random.default_rng(0)
    numbers = random.normal(size=(4000, 10))
    colours = random.choice(["red", "green", "blue"], 4000)
    lines = [",".join(f"{value:.6f}" for value in row) for row in numbers]
    yield (",".join(f"x{n}" for n in range(10)) + ",k,colour,note\n").encode()
    sent = 0
    while sent < BIG_BYTES:
        start = sent % 1000
        rows = (f"{line},{n % 997},{colours[n]},note {start} {n}\n" for n, line in enumerate(lines))
        piece = "".join(rows).encode()
        sent += len(piece)
        yield piece


def peak_bytes(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found.group(1)) * 1024


@pytest.mark.timeout(600)
def test_a_big_file_needs_little_memory(server: tuple[int, str]) -> None:
    pid, url = server
    sent = hashlib.sha256()
    rows = -1

    def pieces() -> Iterator[bytes]:
        nonlocal rows
        for piece in big_csv():
            sent.update(piece)
            rows += piece.count(b"\n")
            yield piece

    begun = time.monotonic()
    created = httpx.post(
        f"{url}/datasets/big/versions", content=pieces(), params={"format": "csv"}, timeout=500
    )
    added = time.monotonic()
    assert created.status_code == 201, created.text
    version = created.json()
    assert version["rows"] == rows
    assert version["bytes"] >= BIG_BYTES
    assert [column["type"] for column in version["columns"][-4:]] == ["number", "integer", "category", "text"]

    received = hashlib.sha256()
    with httpx.stream("GET", f"{url}/datasets/big/versions/1/download", timeout=60) as answer:
        for piece in answer.iter_raw():
            received.update(piece)
    assert received.digest() == sent.digest()

    service, inspection = peak_bytes(pid), httpx.get(f"{url}/peak-of-children").json()
    print(
        f"{version['bytes'] / 1e6:.0f} MB: added in {added - begun:.1f} s, "
        f"downloaded in {time.monotonic() - added:.1f} s; "
        f"peak of the service {service / 1e6:.0f} MB, of the inspection {inspection / 1e6:.0f} MB"
    )
    assert service < LIMIT_BYTES
    assert inspection < LIMIT_BYTES
