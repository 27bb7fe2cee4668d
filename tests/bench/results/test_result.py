"""The figures: medians, ratios, goals, and the three forms in which they are shown."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bench.results import plot, table
from bench.results.metric import METRICS
from bench.results.result import OURS, STOCK, Result, ResultRow


@pytest.fixture
def result() -> Result:
    measured = Result("quick")
    measured.add("start", OURS, 2.0, 2.2, 9.0)
    measured.add("start", STOCK, 5.5, 5.0, 6.0)
    measured.add("rest_memory", OURS, 300.0)
    measured.add("rest_memory", STOCK, 500.0)
    measured.add("after_calls", OURS, 1.02)
    measured.add("after_calls", STOCK, 1.4)
    measured.add("burst_small", OURS, 1.0)
    measured.add("burst_small", STOCK, 0.2)
    for number in (1, 2):
        measured.add_point("memory_by_calls", OURS, number, 150.0 + 50 * number)
        measured.add_point("memory_by_calls", STOCK, number, 500.0 + 60 * number)
    return measured


def row_of(result: Result, metric: str) -> ResultRow:
    return next(row for row in result.rows() if row.metric.id == metric)


def test_a_ratio_is_that_of_the_medians(result: Result) -> None:
    row = row_of(result, "start")
    assert row.ours == 2.2
    assert row.ratio == pytest.approx(0.4)
    assert row.is_met is True


def test_a_missed_goal_says_so(result: Result) -> None:
    row = row_of(result, "rest_memory")
    assert row.is_met is False


def test_every_dispatch_must_be_answered_whatever_the_stock_worker_does(result: Result) -> None:
    row = row_of(result, "burst_small")
    assert row.ratio is None
    assert row.is_met is True


def test_memory_after_calls_is_held_against_our_own_rest(result: Result) -> None:
    row = row_of(result, "after_calls")
    assert row.is_met is True


def test_what_was_not_measured_has_no_row(result: Result) -> None:
    assert all(row.metric.id != "image_size" for row in result.rows())


def test_the_json_holds_every_sample(result: Result) -> None:
    figures = json.loads(result.as_json())
    assert figures["schema"] == 1
    start = next(metric for metric in figures["metrics"] if metric["id"] == "start")
    assert start["samples"] == {OURS: [2.0, 2.2, 9.0], STOCK: [5.5, 5.0, 6.0]}
    assert figures["curves"]["memory_by_calls"][OURS] == [[1, 200.0], [2, 250.0]]


def test_the_table_shows_ratio_and_goal(result: Result) -> None:
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(table.render(result))
    text = console.export_text()
    assert "0.40×" in text
    assert "≤ 0.45×" in text
    assert "missed" in text


def test_the_plot_is_written_as_png_and_svg(result: Result, tmp_path: Path) -> None:
    png, svg = plot.draw(result, tmp_path)
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in svg.read_text()


def test_metric_ids_are_unique() -> None:
    assert len({metric.id for metric in METRICS}) == len(METRICS)
