"""Which checkpoints are kept: seldom enough to cost little, within a bound, the trial's last one."""

from osetra.study.keeping import Keeping


def test_a_trial_is_due_once_it_has_trained_long_enough_since():
    keeping = Keeping(100, every_s=5.0)
    assert not keeping.is_due(1, 4.9)
    assert keeping.is_due(1, 5.0)
    keeping.keep(1, 3, 10, 5.0)
    assert not keeping.is_due(1, 9.9)
    assert keeping.is_due(1, 10.0)


def test_the_last_one_takes_the_place_of_the_one_before():
    keeping = Keeping(100)
    assert keeping.keep(1, 3, 10, 5.0) == []
    assert keeping.keep(1, 8, 10, 10.0) == [(1, 3)]
    assert keeping.keep(1, 8, 12, 10.0) == []


def test_beyond_the_bound_the_oldest_go_first():
    keeping = Keeping(25)
    for trial in (1, 2):
        keeping.keep(trial, 1, 10, 5.0)
    assert keeping.keep(3, 1, 10, 5.0) == [(1, 1)]
    keeping.keep(2, 2, 10, 9.0)
    assert keeping.keep(4, 1, 10, 5.0) == [(3, 1)]
    assert keeping.keep(5, 1, 26, 5.0) == [(2, 2), (4, 1), (5, 1)]


def test_what_is_over_is_forgotten():
    keeping = Keeping(100)
    keeping.keep(1, 3, 10, 5.0)
    assert keeping.forget(1) == [(1, 3)]
    assert keeping.forget(1) == []


def test_a_bound_of_0_keeps_none():
    assert not Keeping(0).is_due(1, 1e9)
