"""`python -m bench`: measure both workers in turns, show the table, keep the figures."""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.container import measure_container
from bench.load.question import spoken_question
from bench.measurements import Benchmark
from bench.results import plot, table
from bench.results.result import Result
from bench.scale import FULL, QUICK, Scale
from bench.workers.worker import WORKER_KINDS, BenchSetup
from sandbox.servers import start_project
from sandbox.speech.process import start_speech

_PARTS = ("voice", "silent", "tenants", "image")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when it measured everything, whatever the figures say."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        parser.error("root is needed: our worker's memory is closed to its own user's processes")
    console = Console()
    scale = QUICK if options.quick else replace(FULL, rounds=options.rounds)
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        result = _measure(scale, frozenset(options.only), Path(folder), console)
    console.print(table.render(result))
    (options.output / "bench.json").write_text(result.as_json())
    for path in (options.output / "bench.json", *plot.draw(result, options.output)):
        console.print(f"written: {path}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure our worker beside the stock livekit-agents worker, in turns, on one "
        "real livekit-server and one local speech endpoint. Keep the machine quiet meanwhile.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="one small round, for the output's shape alone"
    )
    parser.add_argument(
        "--rounds",
        type=_count,
        default=FULL.rounds,
        help="rounds of the full run, about ten minutes each (default %(default)s)",
    )
    parser.add_argument(
        "--only", nargs="+", choices=_PARTS, default=_PARTS, help="measure just these parts"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("bench-results"), help="folder for JSON, PNG and SVG"
    )
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return count


def _measure(scale: Scale, parts: frozenset[str], folder: Path, console: Console) -> Result:
    result = Result(scale.name)
    project = start_project("bench", folder=folder)
    try:
        speech = start_speech(folder=folder)
        try:
            setup = BenchSetup(project.credentials, speech.url, speech.api_key, folder)
            voice = asyncio.run(spoken_question(speech))
            asyncio.run(_measure_in_turns(Benchmark(setup, scale, result, voice), parts, console))
            if "image" in parts and scale.with_image:
                console.print("image: size and cold start")
                measure_container(setup, result)
        finally:
            speech.kill()
    finally:
        project.kill()
    return result


async def _measure_in_turns(bench: Benchmark, parts: frozenset[str], console: Console) -> None:
    for turn in range(bench.scale.rounds):
        # Each round another worker begins, so that warm caches favour neither.
        for kind in WORKER_KINDS if turn % 2 == 0 else WORKER_KINDS[::-1]:
            console.print(f"round {turn + 1} of {bench.scale.rounds}: {kind.name}")
            if "voice" in parts:
                await bench.measure_voice(kind)
            if "silent" in parts:
                await bench.measure_silent(kind)
            if "tenants" in parts and turn == 0:
                await bench.measure_tenants(kind)


if __name__ == "__main__":
    sys.exit(main())
