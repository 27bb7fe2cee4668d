"""A container too small for its calls is warned about."""

import pytest

from bootstrap.memory import warning


@pytest.mark.parametrize(("max_calls", "limit"), [(10, None), (10, 1216), (1, 352), (10, 4096)])
def test_enough_memory_or_no_limit_is_no_warning(max_calls: int, limit: int | None) -> None:
    assert warning(max_calls, limit) is None


@pytest.mark.parametrize(
    ("max_calls", "limit", "advice"),
    [(10, 1215, "MAX_CALLS=9"), (10, 512, "MAX_CALLS=2"), (1, 300, "even one call needs 352")],
)
def test_too_little_memory_is_told_with_what_would_fit(
    max_calls: int, limit: int, advice: str
) -> None:
    text = warning(max_calls, limit)
    assert text is not None
    assert advice in text
