"""Guessed errors: what the probe saw is taken as it was, the rest follows from it and from what is known of networks."""

import math

import numpy as np
import pytest

import osetra
from osetra.core.records import TrialState
from osetra.core.seeding import Seed
from osetra.search.sobol import SobolSampler
from osetra.search.waves import Waves
from osetra.space.space import Space
from osetra.study.guessed_errors import GuessedErrors
from osetra.study.probe_cost import ProbedTrial

SPACE = Space({"learning_rate": osetra.log(1e-4, 3e-2), "hidden_units": osetra.powers_of_two(8, 256)})


def points(count):
    sampler = SobolSampler(SPACE, seed=1)
    proposed = (sampler.propose(number) for number in range(count))
    return [point for point in proposed if point is not None]


def seen(curve, *, count=20, state=TrialState.PAUSED):
    """A probe of the first points; `curve` is a function of configuration and number."""
    return [
        ProbedTrial(number=number, configuration=point, epoch_s=0.1, curve=tuple(curve(point, number)), state=state)
        for number, point in enumerate(points(count))
    ]


def guesses(trials, *, draw=0, last=24, patience=None):
    return GuessedErrors(SPACE, trials, seed=Seed(study=0, trial=draw), last=last, patience=patience)


def test_what_the_probe_trained_keeps_its_order_whatever_the_epoch():
    generator = np.random.default_rng(0)
    trials = seen(lambda _point, _number: np.exp(generator.normal(size=3)))
    errors = guesses(trials)
    pairs = [(trial.curve[epoch - 1], errors.of(trial.number, trial.configuration, epoch)) for trial in trials for epoch in (1, 2, 3)]
    values = [value for error, value in sorted(pairs)]
    assert values == sorted(values)
    assert len(set(values)) > 50


def test_a_trial_of_the_same_number_and_another_configuration_is_guessed():
    trials = seen(lambda _point, number: [0.1 + 0.01 * number])
    known, other = trials[0], points(30)[29]
    one, two = guesses(trials, draw=0), guesses(trials, draw=1)
    assert one.of(0, known.configuration, 1) == two.of(0, known.configuration, 1)
    assert one.of(0, other, 1) != two.of(0, other, 1)


def test_before_anything_is_seen_larger_networks_do_better_and_longer_training_does():
    small, large = ({"learning_rate": 3e-3, "hidden_units": units} for units in (8, 256))
    draws = [guesses([], draw=draw) for draw in range(60)]
    means = {
        (name, epoch): np.mean([errors.of(number, point, epoch) for errors in draws])
        for name, number, point in (("small", 0, small), ("large", 1, large))
        for epoch in (1, 4)
    }
    assert means["large", 1] < means["small", 1] - 0.5
    assert means["large", 4] < means["large", 1] - 0.3
    assert means["small", 4] < means["small", 1] - 0.3


def test_what_was_seen_overrules_what_was_expected():
    trials = seen(lambda point, _number: [0.1 + 0.1 * math.log2(int(point["hidden_units"]))], count=40)
    small, large = ({"learning_rate": 2.9e-3, "hidden_units": units} for units in (8, 256))
    better = [errors.of(100, small, 1) < errors.of(101, large, 1) for errors in (guesses(trials, draw=draw) for draw in range(20))]
    assert np.mean(better) >= 0.9


def test_too_few_trials_to_have_a_scale_say_nothing():
    trials = seen(lambda _point, number: [0.1 + 0.01 * number], count=4)
    values = {guesses(trials, draw=draw).of(0, trials[0].configuration, 1) for draw in range(5)}
    assert len(values) == 5


def test_one_that_diverged_in_the_probe_diverges_and_spoils_no_guess():
    trials = seen(lambda _point, number: [0.1 + 0.01 * number])
    bad = ProbedTrial(number=20, configuration=points(21)[20], epoch_s=0.1, curve=(0.2, math.inf), state=TrialState.DIVERGED)
    errors = guesses([*trials, bad])
    assert math.isfinite(errors.of(20, bad.configuration, 1))
    assert errors.of(20, bad.configuration, 2) == math.inf
    other = points(31)[30]
    assert errors.of(30, other, 1) == guesses(trials).of(30, other, 1)


def test_trials_end_early_as_often_as_those_of_the_probe_did():
    """Of trials that may train 40 epochs with a patience of 10: the probe's all went on to 38, or all were over at 12."""
    places = points(60)

    def ends(state, epochs):
        trials = seen(lambda _point, number: [0.1 + 0.01 * number] * epochs, state=state)
        draws = [guesses(trials, draw=draw, last=40, patience=10) for draw in range(5)]
        return [errors.ends(number, places[number]) for errors in draws for number in range(30, 60)]

    went_on, were_over = ends(TrialState.PAUSED, 38), ends(TrialState.FINISHED, 12)
    assert min(went_on + were_over) > 10
    assert np.mean(np.array(went_on) < 40) < 0.2
    assert np.median(were_over) <= 13
    finished = seen(lambda _point, number: [0.1 + 0.01 * number] * 12, state=TrialState.FINISHED)
    assert guesses(finished, last=40, patience=10).ends(3, finished[3].configuration) == 12
    assert guesses(finished, last=40, patience=None).ends(30, points(31)[30]) == math.inf


@pytest.mark.parametrize("last", [10, 24, 67, 200])
def test_time_counts_from_the_lowest_rung_of_the_default_search(last):
    first = Waves(SPACE, seed=0, last=last).rungs[0]
    trials = seen(lambda _point, number: np.full(first, 0.1 + 0.01 * number))
    short = seen(lambda _point, number: np.full(first, 0.1 + 0.01 * number)[: first - 1])
    known = trials[0]
    assert guesses(trials, draw=0, last=last).of(0, known.configuration, first) == guesses(trials, draw=1, last=last).of(
        0, known.configuration, first
    )
    assert first == 1 or guesses(short, draw=0, last=last).of(0, known.configuration, 1) != guesses(short, draw=1, last=last).of(
        0, known.configuration, 1
    )
