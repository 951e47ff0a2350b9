"""Prices and budgets as they are written in `tensorfleet.yaml`, and as the ledger reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tensorfleet.cli.ledger import month_span
from tensorfleet.composition import budgets_of, price_book_of
from tensorfleet.errors import InvalidInput
from tensorfleet.ledger.budgets import Budget, Standing, month_after
from tensorfleet.ledger.model import Price
from tensorfleet.settings import Settings, load_settings

WRITTEN = """
prices: {currency: CHF, cpu_hour: 0.04, gpu_hour: 2.5, carbon_g_per_kwh: 120, types: {big: {gpu_hour: 1.9}}}
budgets: {lab: {monthly: 100}, guests: {monthly: 20, warn_at: 0.5, stop: false, running: save_and_wait}}
"""


def settings_of(home: Path, text: str) -> Settings:
    (home / "tensorfleet.yaml").write_text(text)
    return load_settings(home=home)


def test_a_worker_type_has_the_usual_prices_but_for_its_own(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, WRITTEN)
    book = price_book_of(settings)
    assert (book.currency, book.carbon_g_per_kwh, book.is_empty) == ("CHF", 120, False)
    assert book.of("big") == Price(0.04, 1.9, 0.0)
    assert book.of(None) == book.of("small") == Price(0.04, 2.5, 0.0)
    assert budgets_of(settings) == {
        "lab": Budget(100, 0.8, stop=True, save_and_wait=False),
        "guests": Budget(20, 0.5, stop=False, save_and_wait=True),
    }


def test_without_settings_nothing_has_a_price(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    assert price_book_of(settings).is_empty
    assert budgets_of(settings) == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("prices: {cpu_hour: -1}", "prices.cpu_hour"),
        ("prices: {cpu_hours: 1}", "did you mean 'prices.cpu_hour'"),
        ("prices: {gpu_hour: .nan}", "prices.gpu_hour"),
        ("budgets: {lab: {monthly: 0}}", "budgets.lab.monthly"),
        ("budgets: {lab: {monthly: .inf}}", "budgets.lab.monthly"),
        ("budgets: {lab: {monthly: 5, warn_at: 80}}", "budgets.lab.warn_at"),
        ("budgets: {lab: {monthly: 5, running: pause}}", "budgets.lab.running"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(text: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=found):
        settings_of(tmp_path, text)


def test_a_budget_tells_at_its_two_thresholds() -> None:
    since = datetime(2026, 12, 1, tzinfo=UTC)
    told = {
        spent: Standing("lab", Budget(10, 0.8), spent, since).event for spent in (7.99, 8.0, 9.99, 10.0, 11.0)
    }
    assert told == {
        7.99: None,
        8.0: "budget.warned",
        9.99: "budget.warned",
        10.0: "budget.spent",
        11.0: "budget.spent",
    }
    assert not Standing("lab", Budget(10, stop=False), 11.0, since).stops
    assert month_after(since) == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_after(datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2028, 3, 1, tzinfo=UTC)


def test_a_month_of_the_command_line_is_a_month() -> None:
    assert month_span("2026-12") == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    for wrong in ("2026-13", "2026-1", "26-01", "9999-12", "0001-01", "november", "2026-11-01", "٢٠٢٦-11"):
        with pytest.raises(InvalidInput, match="write it like 2026-11"):
            month_span(wrong)
