"""CSV, strictly: every byte is UTF-8 text, every row has as many cells as the header, errors say where."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from tensorfleet.datasets.model import NULL_VALUES
from tensorfleet.errors import DataInvalid

BLOCK_BYTES = 1024**2
MAX_COLUMNS = 10_000
_OTHER_KINDS = {
    b"\x1f\x8b": "is gzip-compressed; unpack it first",
    b"PK\x03\x04": "is a ZIP archive or an Excel workbook; save it as CSV first",
    b"PAR1": "is Parquet; add it with format parquet",
    b"\xff\xfe": "is UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text; save it as UTF-8",
}


def csv_batches(open_file: Callable[[], BinaryIO]) -> Iterator[Any]:
    """Record batches of about BLOCK_BYTES, all columns as strings; `open_file` may be called twice.

    Raises:
        DataInvalid: it is not such a file; says what is wrong and in which line or at which byte.
    """
    import pyarrow as pa
    from pyarrow import csv as pacsv

    with open_file() as file:
        stream = CheckedStream(file)
        header = read_header(stream.head)
        try:
            reader = pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
                parse_options=pacsv.ParseOptions(newlines_in_values=True),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(header, pa.string()),
                    null_values=list(NULL_VALUES),
                    strings_can_be_null=True,
                    check_utf8=False,  # the stream has looked at every byte
                ),
            )
            yield from reader
            if stream.quotes % 2:
                _check_last_quote(open_file)
        except (pa.ArrowException, OSError, UnicodeError) as error:
            if stream.error is not None:
                raise stream.error from error
            raise _explain(str(error), header, open_file) from error


class CheckedStream:
    """Passes a file through and stops at the first byte that cannot be in a CSV; `error` then says which."""

    def __init__(self, file: BinaryIO) -> None:
        self.error: DataInvalid | None = None
        self.closed = False
        self.quotes = 0
        self._file = file
        self._position = 0
        self._line = 1
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.head = b""
        while len(self.head) < BLOCK_BYTES and (more := file.read(BLOCK_BYTES - len(self.head))):
            self.head += more
        self._check_kind()
        self._check(self.head)
        self._rest = io.BytesIO(self.head)

    def read(self, count: int) -> bytes:
        data = self._rest.read(count)
        if data:
            return data
        data = self._file.read(count)
        self._check(data)
        return data

    def close(self) -> None:
        self.closed = True

    def _check_kind(self) -> None:
        if not self.head.strip(b"\r\n\t \xef\xbb\xbf"):
            raise DataInvalid("the file is empty; it needs a header line and at least one row")
        for magic, what in _OTHER_KINDS.items():
            if self.head.startswith(magic):
                raise DataInvalid(f"the file {what}")

    def _check(self, data: bytes) -> None:
        nul = data.find(b"\0")
        if nul >= 0:
            self._fail(data, nul, "a NUL byte, so this is not a text file; save it as CSV again")
        if self._decoder.getstate()[0] or not data.isascii() or not data:
            pending = len(self._decoder.getstate()[0])
            try:
                self._decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                at = error.start - pending
                byte = error.object[error.start]
                self._fail(data, at, f"the byte 0x{byte:02x}, which is not UTF-8; save the file as UTF-8")
        self._position += len(data)
        self.quotes += data.count(b'"')
        self._line += data.count(b"\n")

    def _fail(self, data: bytes, at: int, what: str) -> None:
        line = self._line + data[: max(at, 0)].count(b"\n")
        self.error = DataInvalid(f"line {line}, byte {self._position + at} of the file: {what}")
        raise self.error


def read_header(head: bytes) -> list[str]:
    """The column names in the first block of a file.

    Raises:
        DataInvalid: there are none, or too many, or two are equal, or the cells are not separated by commas.
    """
    csv.field_size_limit(BLOCK_BYTES)
    text = head.decode("utf-8-sig", "replace")
    try:
        header = next((row for row in csv.reader(io.StringIO(text, newline="")) if row), [])
    except csv.Error as error:
        raise DataInvalid(f"line 1: the header cannot be read ({error})") from error
    if not any(name.strip() for name in header):
        raise DataInvalid("line 1: the header names no column")
    if len(header) > MAX_COLUMNS:
        raise DataInvalid(f"line 1: the header has {len(header)} columns; {MAX_COLUMNS} are the limit")
    if len(header) == 1 and (found := re.search(r"[;\t|]", header[0])):
        used = {";": "semicolons", "\t": "tabs", "|": "bars"}[found.group()]
        raise DataInvalid(f"line 1: the columns are separated by {used}; separate them by commas")
    name, count = Counter(header).most_common(1)[0]
    if count > 1:
        raise DataInvalid(
            f"line 1: the header has the column {name[:100]!r} {count} times; give each a name of its own"
        )
    return header


def _explain(message: str, header: list[str], open_file: Callable[[], BinaryIO]) -> DataInvalid:
    with open_file() as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        first_line = 1
        try:
            for row in reader:
                if row and len(row) != len(header):
                    return _ragged(row, header, first_line, reader.line_num)
                first_line = reader.line_num + 1
        except csv.Error:
            limit = f"a row there is longer than {BLOCK_BYTES // 1024**2} MiB"
            return DataInvalid(f"line {first_line}: {limit}; a quote that opens there may never close")
    if "straddling" in message:
        return DataInvalid(
            f"a row is longer than {BLOCK_BYTES // 1024**2} MiB; a quote may be opened and never closed"
        )
    return DataInvalid(f"the file is not CSV: {message.splitlines()[0][:300]}")


def _check_last_quote(open_file: Callable[[], BinaryIO]) -> None:
    """Readers take all that follows an open quote as one cell, and so lose rows in silence."""
    with open_file() as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        first_line = 1
        try:
            for _ in reader:
                first_line = reader.line_num + 1
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise DataInvalid(f"line {first_line}: a quote opens there and never closes") from error


def _ragged(row: list[str], header: list[str], first_line: int, last_line: int) -> DataInvalid:
    where = f"line {first_line}" if last_line == first_line else f"lines {first_line} to {last_line}"
    cells = f"{len(row)} cell{'s' if len(row) > 1 else ''}"
    hint = "; a quote that opens there may never close" if last_line > first_line else ""
    return DataInvalid(f"{where}: the row has {cells}, but the header has {len(header)} columns{hint}")
