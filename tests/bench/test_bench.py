"""The benchmark runs, and its output has the shape that readers rely on; no figure counts here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.results.metric import CURVES, METRICS
from bench.results.result import OURS, STOCK

_ONLY_IN_THE_FULL_RUN = {"image_size", "cold_start"}


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_a_quick_run_measures_both_workers_in_everything(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--output", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    figures = json.loads((tmp_path / "bench.json").read_text())
    metrics = {metric["id"]: metric for metric in figures["metrics"]}
    assert set(metrics) == {metric.id for metric in METRICS} - _ONLY_IN_THE_FULL_RUN
    assert all(metric["ours"] is not None for metric in metrics.values()), metrics
    # A stock worker may answer nobody on a busy machine: that is a finding, not a fault here.
    assert all(
        len(metric["samples"]) == 2 for name, metric in metrics.items() if name != "proven"
    ), metrics
    for curve in CURVES:
        assert [number for number, _ in figures["curves"][curve.id][OURS]] == [1, 2]
        assert STOCK in figures["curves"][curve.id]
    assert (tmp_path / "bench.png").stat().st_size > 0
    assert (tmp_path / "bench.svg").stat().st_size > 0


@pytest.mark.parametrize("rounds", ["0", "-1", "many"])
def test_a_run_without_a_round_is_refused(
    rounds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["--rounds", rounds, "--output", str(tmp_path / "results")])
    assert exit_info.value.code == 2
    assert "--rounds" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
