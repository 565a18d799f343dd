"""Trials that were trained unequally far are put in an order that never compares them at different epochs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.records import Trial, TrialState
from osetra.search.merit import in_order


def trial(number, epochs, error, state=TrialState.STOPPED):
    return Trial(number=number, configuration={"x": number}, state=state, epochs=epochs, dev_error=error)


def numbers(order):
    return [one.number for one in order.trials]


def ladder():
    """Three rungs, 1, 4 and 16: the error falls with epochs, and the promoted were better where the others stayed."""
    left = [trial(n, 1, 0.5 + n / 100) for n in range(12)]
    then = [trial(20 + n, 4, 0.4 + n / 100) for n in range(4)]
    last = [trial(30, 16, 0.45, TrialState.FINISHED), trial(31, 12, 0.2, TrialState.FINISHED)]
    return [*left, *then, *last]


def test_who_was_promoted_further_is_ahead_and_on_one_level_the_lower_error():
    order = in_order(ladder()[::-1])
    assert order.levels == (1, 4)
    assert numbers(order) == [31, 30, 20, 21, 22, 23, *range(12)]
    assert order.places.tolist() == list(range(18))


def test_where_all_finish_it_is_the_order_of_errors_with_ties_alike():
    trials = [trial(n, 50, error, TrialState.FINISHED) for n, error in enumerate([0.3, 0.1, 0.2, 0.1])]
    order = in_order(trials)
    assert numbers(order) == [1, 3, 2, 0]
    assert order.places.tolist() == [0, 0, 1, 2]
    assert order.levels == ()


def test_those_that_diverged_are_last_and_alike_those_without_a_result_are_left_out():
    bad = [trial(90, 1, 0.01, TrialState.DIVERGED), trial(91, 7, None, TrialState.DIVERGED)]
    out = [
        trial(92, 3, None),
        trial(93, 3, 0.1, TrialState.FAILED),
        trial(94, 3, 0.1, TrialState.RUNNING),
        trial(95, 3, 0.1, TrialState.STALE),
    ]
    order = in_order([*out, *bad, *ladder()])
    assert numbers(order)[-2:] == [90, 91]
    assert order.places[-1] == order.places[-2] == 18
    assert len(order.trials) == 20


def test_a_few_cut_off_by_the_end_of_the_budget_are_no_level():
    cut = [trial(80, 9, 0.05), trial(81, 2, 0.3)]
    order = in_order([*ladder(), *cut])
    assert order.levels == (1, 4)
    # Each counts where it last stood with others: 80 on level 4, 81 on level 1.
    assert numbers(order)[:4] == [31, 30, 80, 20]
    assert numbers(order)[7] == 81
    whole = [trial(n, 50, n / 10, TrialState.FINISHED) for n in range(6)]
    assert numbers(in_order([*whole, *cut])) == list(range(6))


def test_no_trials_have_an_order_too():
    order = in_order([])
    assert (order.trials, order.places.tolist(), order.levels) == ((), [], ())


TRIALS = st.lists(
    st.tuples(st.integers(1, 4), st.floats(0, 1), st.sampled_from([TrialState.FINISHED, TrialState.STOPPED, TrialState.DIVERGED])),
    max_size=40,
)


@given(TRIALS, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_trials_come(drawn, shuffle):
    trials = [trial(n, epochs, error, state) for n, (epochs, error, state) in enumerate(drawn)]
    turned = list(trials)
    shuffle.shuffle(turned)
    one, other = in_order(trials), in_order(turned)
    assert numbers(one) == numbers(other)
    np.testing.assert_array_equal(one.places, other.places)
