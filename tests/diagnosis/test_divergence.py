"""Which region diverges."""

from osetra.core.records import Trial, TrialState
from osetra.diagnosis.divergence import diverging_region


def trial(number, rate, state):
    return Trial(number=number, configuration={"learning_rate": rate}, state=state)


def test_a_clean_border_is_named():
    trials = [trial(0, 0.01, TrialState.FINISHED), trial(1, 0.5, TrialState.DIVERGED), trial(2, 0.2, TrialState.FINISHED)]
    assert diverging_region(trials) == "1 of 3 trials diverged: all with a learning rate above 0.2, and none below it."


def test_without_a_border_the_range_is_named():
    trials = [trial(0, 0.01, TrialState.DIVERGED), trial(1, 0.5, TrialState.DIVERGED), trial(2, 0.2, TrialState.FINISHED)]
    assert "from 0.01 to 0.5" in str(diverging_region(trials))


def test_no_divergence_no_sentence():
    assert diverging_region([trial(0, 0.01, TrialState.FINISHED)]) is None
