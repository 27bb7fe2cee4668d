"""The scale of a run: the full one for figures, the quick one for the shape of the output."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Numbers of rounds, calls and seconds; a result names its scale."""

    name: str
    rounds: int
    rest_seconds: float
    single_calls: int
    waves: tuple[int, ...]
    many: int
    talk_seconds: float
    bursts: tuple[int, int]
    loaded_calls: int
    patience_seconds: float
    passing_calls: int
    tenants: tuple[int, ...]
    with_image: bool


FULL = Scale(
    name="full",
    rounds=3,
    rest_seconds=15,
    single_calls=3,
    waves=(1, 2, 5, 10, 20),
    many=10,
    talk_seconds=12,
    bursts=(10, 50),
    loaded_calls=10,
    patience_seconds=15,
    passing_calls=50,
    tenants=(1, 5, 10, 20),
    with_image=True,
)

QUICK = Scale(
    name="quick",
    rounds=1,
    rest_seconds=2,
    single_calls=1,
    waves=(1, 2),
    many=2,
    talk_seconds=4,
    bursts=(2, 4),
    loaded_calls=1,
    patience_seconds=5,
    passing_calls=2,
    tenants=(1, 2),
    with_image=False,
)
