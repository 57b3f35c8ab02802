import pytest

from hindcast_trainer.pace import Pace


def hear(pace: Pace, *moments: tuple[float, float], total: float = 1000, unit: str = "tokens") -> float | None:
    """The last answer after these (seconds, done)."""
    for now, done in moments:
        eta = pace.eta(done, total, unit, now=now)
    return eta


def test_nothing_is_said_before_enough_was_seen() -> None:
    pace = Pace()
    assert hear(pace, (0, 0)) is None
    assert hear(pace, (1, 100), (2, 200)) is None
    assert hear(pace, (4, 400)) is not None


def test_a_steady_pace_is_told_exactly() -> None:
    assert hear(Pace(), *((second, 10 * second) for second in range(60))) == pytest.approx((1000 - 590) / 10)


def test_what_an_earlier_attempt_did_is_not_counted() -> None:
    assert hear(Pace(), (100, 500), (105, 510), (110, 520)) == pytest.approx(480 / 2)


def test_a_standstill_is_not_a_pace() -> None:
    assert hear(Pace(), (0, 500), (10, 500), (20, 500)) is None


def test_the_pace_follows_a_change_of_speed() -> None:
    slow = [(second, second) for second in range(100)]
    fast = [(100 + second, 100 + 5 * second) for second in range(100)]
    eta = hear(Pace(), *slow, *fast)
    assert eta == pytest.approx((1000 - 595) / 5, rel=0.1)


@pytest.mark.parametrize(("done", "unit"), [(0, "tokens"), (60, "rounds")])
def test_another_computation_starts_afresh(done: float, unit: str) -> None:
    pace = Pace()
    hear(pace, (0, 0), (5, 50))
    assert hear(pace, (6, done), unit=unit) is None


def test_what_exceeds_its_total_is_almost_there() -> None:
    assert hear(Pace(), (0, 0), (5, 1100)) == 0
