import pytest

from switchover.model.recovery import RECOVERY_JITTER, pause_seconds


@pytest.mark.parametrize(
    ("number", "spread", "seconds"),
    [(1, 0.0, 5), (2, 0.0, 10), (4, 0.0, 40), (2, RECOVERY_JITTER, 12), (2, -RECOVERY_JITTER, 8)],
)
def test_the_pause_doubles_and_chance_moves_it(number: int, spread: float, seconds: float) -> None:
    assert pause_seconds(5, number, spread) == pytest.approx(seconds)


@pytest.mark.parametrize("number", [7, 8, 100, 10_000])
def test_no_pause_is_longer_than_the_longest(number: int) -> None:
    assert pause_seconds(5, number, RECOVERY_JITTER) == 300
