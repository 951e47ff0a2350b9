"""What `tensorfleet ledger` prints."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tensorfleet.cli.ledger import _cell, _headers, _rows, energy, write_csv
from tensorfleet.ledger.grouping import Row
from tensorfleet.ledger.model import Amounts, PriceBook
from tensorfleet.ledger.schemas import amounts_to_dict, row_to_dict


def answer(*keys: str, by: str = "job", **changes: Any) -> dict[str, Any]:
    book = PriceBook("EUR")
    amounts = Amounts()
    amounts.time |= {"useful": 3 * 10**6, "lost": 10**6}
    amounts.cpu |= {"useful": 6 * 10**9, "lost": 2 * 10**9}
    amounts.energy = {"measured": 7200 * 10**6}
    items = [row_to_dict(Row(key, f"name of {key}", amounts), book) for key in keys]
    total = amounts_to_dict(amounts, book)
    return {
        "by": by,
        "items": items,
        "others": None,
        "total": total,
        "currency": "EUR",
        "carbon_g_per_kwh": 0,
    } | changes


def test_columns_without_anything_to_say_are_left_out() -> None:
    found = answer("j-1", "j-2")
    headers = _headers(found)
    assert headers == ["job", "name", "cpu held", "useful", "lost", "energy"]
    rows = list(_rows(found))
    assert [row["key"] for row in rows] == ["j-1", "j-2", "total"]
    assert [_cell(header, rows[0], found) for header in headers] == [
        "j-1", "name of j-1", "8.0 s", "75%", "25%", "2 Wh"
    ]  # fmt: skip
    assert [row["key"] for row in _rows(answer("j-1"))] == ["j-1"], "the sum of one is that one"
    more = answer("j-1", others={"groups": 7, **found["total"]})
    assert [row["key"] for row in _rows(more)] == ["j-1", "7 others"]


def test_what_is_not_measured_is_marked() -> None:
    assert energy({"energy_j": 3600.0, "energy_how": "measured"}) == "1 Wh"
    assert energy({"energy_j": 3600.0, "energy_how": "mixed"}) == "~1 Wh"
    assert energy({"energy_j": None, "energy_how": None}) == ""


def test_csv_has_every_part_and_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(answer("=HYPERLINK(1)", "+2", by="algorithm"))
    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["algorithm"], second["algorithm"]) == ("'=HYPERLINK(1)", "'+2")
    assert (float(first["held_s.useful"]), float(first["cpu_s.lost"]), first["currency"]) == (3, 2, "EUR")
