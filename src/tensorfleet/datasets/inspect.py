"""Looks at a data file and prints what it is, as one JSON object; run as a process of its own.

    python -m tensorfleet.datasets.inspect --format csv --path FILE
    python -m tensorfleet.datasets.inspect --format parquet --objects URL --digest DIGEST

It prints {"rows", "columns", "profile", "target"}, or, with --offset and --limit, those rows alone as {"rows"}; or
{"error": "one sentence", "retriable"}; the exit code is 0 in all cases.  A file that makes it need more memory or time
than it may have ends it, and nothing else.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tensorfleet.datasets.columns import TEXT_KINDS, ColumnTracker, RowSample
from tensorfleet.datasets.csv_source import BLOCK_BYTES, MAX_COLUMNS, csv_batches
from tensorfleet.datasets.model import ColumnType, Format, Inspection, guess_target
from tensorfleet.datasets.preview import preview
from tensorfleet.errors import DataInvalid, TensorFleetError

MEMORY_LIMIT_BYTES = 1024**3
_LOOK_EVERY_S = 0.05
_PROFILED_COLUMNS = 1000


def inspect(open_file: Callable[[], BinaryIO], file_format: Format) -> Inspection:
    """Reads the whole file once, in batches.

    Raises:
        DataInvalid: it is not a table in that format; says what is wrong and where.
    """
    batches = csv_batches(open_file) if file_format == "csv" else _parquet_batches(open_file)
    trackers: list[ColumnTracker] = []
    sample = RowSample(1)
    rows = 0
    for batch in batches:
        if not trackers:
            sample = RowSample(batch.num_columns)
            trackers = _trackers(batch.schema, sample.size, typed=file_format == "parquet")
        slots, chosen = sample.next_batch(batch.num_rows)
        rows += batch.num_rows
        for tracker, array in zip(trackers, batch.columns, strict=True):
            tracker.add(_plain(array), slots, chosen)
    if rows == 0:
        raise DataInvalid("the file has columns but no rows")
    return Inspection(
        rows=rows,
        columns=tuple(tracker.column() for tracker in trackers),
        profile={tracker.name: tracker.profile() for tracker in trackers[:_PROFILED_COLUMNS]},
        target=guess_target(tracker.name for tracker in trackers),
    )


def _trackers(schema: Any, sample_size: int, *, typed: bool) -> list[ColumnTracker]:
    return [
        ColumnTracker(field.name, _kinds_of(field) if typed else TEXT_KINDS, len(schema), sample_size)
        for field in schema
    ]


def _kinds_of(field: Any) -> tuple[ColumnType, ...]:
    import pyarrow.types as types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    if types.is_binary(kind) or types.is_large_binary(kind):
        return ("binary",)
    if types.is_nested(kind) or types.is_fixed_size_binary(kind):
        raise DataInvalid(f"the column '{field.name}' holds {kind}; make columns of plain values from it")
    if types.is_integer(kind):
        return ("integer",)
    if types.is_floating(kind) or types.is_decimal(kind):
        return ("number",)
    if types.is_boolean(kind):
        return ("boolean",)
    return ("date",) if types.is_timestamp(kind) or types.is_date(kind) else ()


def _plain(array: Any) -> Any:
    import pyarrow.types as types

    return array.dictionary_decode() if types.is_dictionary(array.type) else array


def _parquet_batches(open_file: Callable[[], BinaryIO]) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = 0
    with open_file() as file:
        if file.seek(0, io.SEEK_END) == 0:
            raise DataInvalid("the file is empty")
        try:
            table = pq.ParquetFile(
                file, pre_buffer=False, buffer_size=1024**2, page_checksum_verification=True
            )
            _check_parquet(table)
            row_bytes = sum(table.metadata.row_group(i).total_byte_size for i in range(table.num_row_groups))
            batch_rows = BLOCK_BYTES * max(table.metadata.num_rows, 1) // max(row_bytes, 1)
            for batch in table.iter_batches(max(1, min(batch_rows, 64 * 1024)), use_threads=False):
                rows += batch.num_rows
                yield batch
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0][:300]
            where = f"after row {rows}" if rows else "at its start or its footer"
            raise DataInvalid(f"the file is not whole Parquet, {where}: {reason}") from error


def _check_parquet(table: Any) -> None:
    names = table.schema_arrow.names
    if not names:
        raise DataInvalid("the file has no columns")
    if len(names) > MAX_COLUMNS:
        raise DataInvalid(f"the file has {len(names)} columns; {MAX_COLUMNS} are the limit")
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise DataInvalid(f"the column '{repeated}' is there more than once; give each a name of its own")


def _opener(options: argparse.Namespace) -> Callable[[], BinaryIO]:
    if options.path is not None:
        path: Path = options.path
        return lambda: path.open("rb")
    from tensorfleet.adapters.objectstore import open_object_store
    from tensorfleet.objects.blobs import BlobStore

    blobs = BlobStore(open_object_store(options.objects, make=False))
    return lambda: io.BufferedReader(blobs.open(options.digest), 1024**2)


def _guard(memory_limit: int, timeout_s: float, parent: int) -> None:
    """Ends this process at a limit, or when its parent is gone; native code hears no signal handler."""
    deadline = time.monotonic() + timeout_s
    while os.getppid() == parent:
        if _resident_bytes() > memory_limit:
            mib = memory_limit // 1024**2
            _give_up(
                f"reading the file needs more than {mib} MiB of memory; write smaller row groups, or CSV"
            )
        if time.monotonic() > deadline:
            _give_up(f"reading the file took longer than {timeout_s:.0f} s")
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)


def _give_up(reason: str) -> None:
    os.write(1, json.dumps({"error": reason}).encode())
    os._exit(0)


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _to_json(found: Inspection) -> dict[str, Any]:
    return {**vars(found), "columns": [column.to_dict() for column in found.columns]}


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    if options.limit is None:
        return _to_json(inspect(_opener(options), options.format))
    return {"rows": preview(_opener(options), options.format, options.offset, options.limit)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tensorfleet.datasets.inspect")
    parser.add_argument("--format", choices=("csv", "parquet"), required=True)
    parser.add_argument("--path", type=Path)
    parser.add_argument("--objects", help="object store URL")
    parser.add_argument("--digest", help="blob in that store")
    parser.add_argument("--memory-limit", type=int, default=MEMORY_LIMIT_BYTES, help="bytes")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds")
    parser.add_argument("--offset", type=int, default=0, help="of the first row to be shown")
    parser.add_argument("--limit", type=int, help="of the rows to be shown")
    options = parser.parse_args()
    if (options.path is None) == (options.objects is None or options.digest is None):
        parser.error("give --path, or --objects with --digest")
    guard = threading.Thread(
        target=_guard, args=(options.memory_limit, options.timeout, os.getppid()), daemon=True, name="guard"
    )
    guard.start()
    try:
        answer = _asked(options)
    except TensorFleetError as error:
        answer = {"error": error.detail, **({"retriable": True} if error.retriable else {})}
    sys.stdout.write(json.dumps(answer, allow_nan=False))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(
        0
    )  # the threads of pyarrow and of the guard would race with the interpreter's end, and now and then abort it
