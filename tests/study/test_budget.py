"""Budgets and the times people type."""

import pytest

from osetra.core.errors import StudyError
from osetra.study.budget import Budget, bytes_of, seconds


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("60s", 60), ("1.5 m", 90), ("2h", 7200), ("1d", 86400), (12.5, 12.5)])
def test_a_time_is_read_with_its_unit(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-3s", "1e3x"])
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(StudyError, match="give for example 60s, 10m or 2h"):
        seconds(text)


@pytest.mark.parametrize("bound", [{"seconds": 0.0}, {"seconds": float("inf")}, {"trials": 0}, {"epochs": -1}])
def test_a_bound_that_allows_nothing_is_refused(bound):
    with pytest.raises(StudyError, match="must be"):
        Budget(**bound)


def test_without_any_bound_it_is_a_minute():
    assert Budget().seconds == 60.0
    assert Budget(trials=3).seconds is None
    assert Budget(trials=3, epochs=9).in_words() == "3 trials, 9 epochs"


@pytest.mark.parametrize(("text", "value"), [(5, 5), ("0", 0), ("1.5 kB", 1500), ("500MB", 500_000_000), ("2gib", 2**31)])
def test_bytes_are_read(text, value):
    assert bytes_of(text, "memory") == value


@pytest.mark.parametrize("text", ["much", "-1", "1 PB", True, ""])
def test_other_bytes_are_refused(text):
    with pytest.raises(StudyError, match=r"memory must be a number of bytes, perhaps with kB, MB or GiB behind it, got .*500MB"):
        bytes_of(text, "memory")
