"""The image's size, and how long a container takes from `docker run` to ready."""

from bench.result import Result
from bench.subject import Surroundings


def measure_container(surroundings: Surroundings, result: Result) -> None:
    """."""
