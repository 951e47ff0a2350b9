from collections.abc import Iterator
from pathlib import Path

import pytest
from study_bench import Bench

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import metadata


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    database = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    with database.begin() as connection:
        metadata.create_all(connection)
    yield Bench(database)
    database.close()
