import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hindcast.jobs.curves import FEWEST_POINTS, extremes

VALUES = st.lists(st.floats(-1e300, 1e300), max_size=300).map(lambda values: np.array(values, np.float64))


@given(VALUES, st.integers(FEWEST_POINTS, 60))
def test_first_last_lowest_and_highest_are_kept_within_the_number(values, points):
    kept = extremes(values, points)
    assert len(kept) <= points
    assert (np.diff(kept) > 0).all()
    if len(values):
        assert (kept[0], kept[-1]) == (0, len(values) - 1)
        assert (values[kept].min(), values[kept].max()) == (values.min(), values.max())
    if len(values) <= points:
        assert len(kept) == len(values)


@pytest.mark.parametrize("spike", [1e9, -1e9])
def test_an_outlier_stays_wherever_it_is(spike):
    for place in range(0, 10_000, 97):
        values = np.sin(np.arange(10_000) / 50)
        values[place] = spike
        assert place in extremes(values, 40)


def test_each_stretch_has_its_own_extremes():
    values = np.array([0, 1, 5, 2, 3, 9, 4, 8, 7, 0.0])
    assert extremes(values, 6).tolist() == [0, 1, 2, 5, 6, 9]
