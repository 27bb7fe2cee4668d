"""The figures as a picture: ratios beside their goals, and how each cost grows."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

from bench.results.metric import CURVES, Curve
from bench.results.result import OURS, STOCK, Result

_COLOURS = {OURS: "#1b7837", STOCK: "#8c8c8c"}


def draw(result: Result, folder: Path) -> tuple[Path, Path]:
    """Write bench.png and bench.svg into the folder, and give their paths."""
    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415 - after the backend is chosen: there is no display

    figure, axes = pyplot.subplots(2, 2, figsize=(12, 8), layout="constrained")
    _draw_ratios(axes[0][0], result)
    for axis, curve in zip((axes[0][1], axes[1][0], axes[1][1]), CURVES, strict=True):
        _draw_curve(axis, result, curve)
    paths = (folder / "bench.png", folder / "bench.svg")
    for path in paths:
        figure.savefig(path)
    pyplot.close(figure)
    return paths


def _draw_ratios(axis: Any, result: Result) -> None:
    rows = [row for row in reversed(result.rows()) if row.ratio is not None]
    titles = [row.metric.title for row in rows]
    colours = ["#b2182b" if row.is_met is False else _COLOURS[OURS] for row in rows]
    axis.barh(titles, [row.ratio for row in rows], color=colours)
    for height, row in enumerate(rows):
        if row.metric.goal is not None:
            axis.plot([row.metric.goal] * 2, [height - 0.4, height + 0.4], color="black")
    axis.set_title("Ours ÷ stock (black: the goal)")


def _draw_curve(axis: Any, result: Result, curve: Curve) -> None:
    for worker in (OURS, STOCK):
        points = result.curve(curve.id, worker)
        if points:
            numbers, medians = zip(*points, strict=True)
            axis.plot(numbers, medians, marker="o", label=worker, color=_COLOURS[worker])
    axis.set_title(curve.title)
    axis.set_xlabel(curve.horizontal)
    axis.set_ylabel(curve.vertical)
    axis.set_ylim(bottom=0)
    if axis.has_data():
        axis.legend()
