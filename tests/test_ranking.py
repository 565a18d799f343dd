"""Which trials cannot be told from the best, against simulated studies whose truth is known."""

import math
from functools import cache

import numpy as np
import pytest

from osetra.core.records import EpochRecord, Trial, TrialState
from osetra.diagnosis.intervals import Measured, error_rate
from osetra.diagnosis.luck import gupta
from osetra.diagnosis.ranking import Ranking, rank
from osetra.space import Space, choice, integer, linear, log

SPACE = Space(
    {"learning_rate": log(1e-4, 1e-1), "keep_prob": linear(0.5, 1), "num_layers": integer(1, 4), "schedule": choice("constant", "cosine")}
)


def trial(number, error, configuration=None, *, epochs=20, state=TrialState.FINISHED):
    """Of a configuration of its own if none is given."""
    configuration = configuration or {**SPACE.decode(np.random.default_rng(number).random(4))}
    return Trial(number=number, configuration=configuration, state=state, epochs=epochs, best_epoch=epochs, dev_error=error, dev_loss=0.3)


def simulated(seed, rates, *, rows=2_000, deviation=0.005, finalists=0):
    """A study's ranking, its best's error and its best's true rate.

    rates: the true error rate of each configuration [trials]. Errors are binomial draws of so many rows, about a rate that differs by
    `deviation` from seed to seed. finalists: so many have three fresh seeds, and the best of the winner's is the study's best.
    """
    generator = np.random.default_rng(seed)

    def run(rate):
        return generator.binomial(rows, np.clip(rate + deviation * generator.normal(), 0.001, 0.999)) / rows

    configurations = [SPACE.decode(generator.random(4)) for _ in rates]
    trials = [trial(number, run(rate), configurations[number]) for number, rate in enumerate(rates)]
    leaders = sorted(trials, key=lambda one: one.dev_error)
    best, truth, finals = leaders[0], rates[leaders[0].number], []
    for one in leaders[:finalists]:
        errors = [run(rates[one.number]) for _ in range(3)]
        finals.append({"trial": one.number, "configuration": dict(one.configuration), "errors": errors})
    if finals:
        winner = min(finals, key=lambda one: np.mean(one["errors"]))
        best, truth = trial(len(rates), min(winner["errors"]), winner["configuration"]), rates[winner["trial"]]
        trials.append(best)
    dev = error_rate(round(best.dev_error * rows), rows)
    found = rank(trials, best=best, space=SPACE, error_name="error rate", dev=dev, finals=finals)
    assert found is not None
    return found, best.dev_error, truth


def alike(_):
    return np.full(40, 0.12)


def one_better(generator):
    rates = np.full(40, 0.18)
    rates[generator.integers(40)] = 0.10
    return rates


def uneven(generator):
    return 0.12 + generator.exponential(0.05, 40)


@cache
def worlds(make, *, seeds=100, **given):
    return [simulated(seed, make(np.random.default_rng(1_000 + seed)), **given) for seed in range(seeds)]


@pytest.mark.parametrize(("finalists", "deviation"), [(0, 0.0), (0, 0.005), (2, 0.005), (8, 0.005)])
def test_forty_configurations_equal_but_for_noise_cannot_be_told_apart(finalists, deviation):
    found = [one for one, _, _ in worlds(alike, finalists=finalists, deviation=deviation)]
    assert sum(one.cannot_tell for one in found) >= 95
    # The truly best, any of them, is among those not told apart in 95 of 100 at least: so is each of them on average.
    assert np.mean([len(one.tied) / one.compared for one in found]) > 0.85


@pytest.mark.parametrize(("finalists", "deviation"), [(0, 0.0), (0, 0.005), (2, 0.005), (8, 0.005)])
def test_one_clearly_better_configuration_is_told_from_the_rest(finalists, deviation):
    found = worlds(one_better, finalists=finalists, deviation=deviation)
    assert sum(one.cannot_tell for one, _, _ in found) <= 5
    assert np.mean([len(one.tied) == 1 for one, _, _ in found]) > 0.8
    right = [truth == 0.10 for _, _, truth in found]
    assert np.mean(right) > 0.98
    assert np.mean([one.chance for one, _, _ in found]) > 0.95


@pytest.mark.parametrize("make", [alike, one_better, uneven])
def test_the_best_is_too_good_by_what_is_expected(make):
    found = worlds(make, finalists=8)
    expected, actual = np.mean([one.optimism for one, _, _ in found]), np.mean([truth - error for _, error, truth in found])
    assert expected == pytest.approx(actual, rel=0.35)


def test_the_subset_holds_the_truly_best():
    held = []
    for seed, (found, _, truth) in enumerate(worlds(uneven, finalists=8)):
        rates = uneven(np.random.default_rng(1_000 + seed))
        # The winner's best seed stands for the trial that found it.
        held.append(truth == rates.min() or int(np.argmin(rates)) in found.tied)
    assert sum(held) >= 90


def test_the_bound_of_gupta_is_that_of_the_tables():
    # Two: the 95 % quantile of a normal difference. Of ten: Gupta's table of the maximum of equally correlated normals, 2.417 for p = 9.
    assert gupta(2) == pytest.approx(1.6449, abs=1e-3)
    draws = np.random.default_rng(0).normal(size=(200_000, 10))
    assert gupta(10) == pytest.approx(np.quantile(draws[:, 0] - draws[:, 1:].min(axis=1), 0.95) / math.sqrt(2), rel=0.01)
    scale = np.sqrt(np.random.default_rng(1).chisquare(6, 200_000) / 6)
    assert gupta(10, 6) == pytest.approx(np.quantile((draws[:, 0] - draws[:, 1:].min(axis=1)) / scale, 0.95) / math.sqrt(2), rel=0.02)


def test_the_sentence_says_how_many_on_how_many_rows_and_how_much_too_good():
    errors = [0.1431 + 0.0001 * place for place in range(14)] + [0.25 + 0.001 * place for place in range(6)]
    trials = [trial(place, error) for place, error in enumerate(errors)]
    seeds = [{"trial": 19, "configuration": dict(trials[19].configuration), "errors": [0.298, 0.3, 0.302]}]
    found = rank(trials, best=trials[0], space=SPACE, error_name="error rate", dev=error_rate(716, 5_000), finals=seeds)
    assert found.sentence.startswith("The best 14 of 20 trials cannot be told apart on 5,000 dev rows; the best dev error, 14.31 %, is")
    assert found.tied == tuple(range(14))
    assert found.source == "finals"
    assert "measured by the fresh seeds of the finals" in found.certainty


def test_few_rows_never_decide():
    # By hand: 2 wrong of 500 against 4, 5 and 6, as good as nothing; against 100 it is something.
    errors = [2 / 500, 4 / 500, 5 / 500, 6 / 500, 100 / 500, 110 / 500]
    trials = [trial(place, error) for place, error in enumerate(errors)]
    found = rank(trials, best=trials[0], space=SPACE, error_name="error rate", dev=error_rate(2, 500))
    assert found.tied == (0, 1, 2, 3)


def test_those_left_behind_early_are_held_against_the_best_at_their_epoch():
    best = trial(0, 0.05, epochs=20)
    others = [trial(place, 0.06 + place / 1_000, epochs=20) for place in range(1, 8)]
    early = [trial(8, 0.201, epochs=2, state=TrialState.STOPPED), trial(9, 0.40, epochs=2, state=TrialState.STOPPED)]
    curve = [
        EpochRecord(epoch=at, train_cost=0.1, train_error=0.1, dev_loss=0.1, dev_error=error, seconds=0.1)
        for at, error in enumerate([0.3, 0.2, *[0.05] * 18], start=1)
    ]
    found = rank([best, *others, *early], best=best, space=SPACE, error_name="error rate", dev=error_rate(100, 2_000), curve=curve)
    assert (found.trials, found.compared, found.unproven) == (10, 8, 1)
    assert found.sentence.startswith("Of 10 trials 8 were trained far enough to compare; ")


def test_an_objective_s_noise_is_known_from_values_that_repeat_alone():
    different = [trial(place, place / 10) for place in range(8)]
    unknown = rank(different, best=different[0], space=SPACE, error_name="value")
    assert (unknown.tied, unknown.chance, unknown.optimism, unknown.source) == (None, None, None, "unknown")
    assert not unknown.cannot_tell
    assert "since none was tried twice" in unknown.sentence
    again = [trial(8 + place, 0.7 + noise, different[7].configuration) for place, noise in enumerate([0.2, -0.2, 0.3])]
    known = rank([*different, *again], best=different[0], space=SPACE, error_name="value")
    assert known.source == "repeats"
    assert known.deviation == pytest.approx(np.std([0.7, 0.9, 0.5, 1.0], ddof=1))
    exact = [trial(8 + place, 0.7, different[7].configuration) for place in range(3)]
    sure = rank([*different, *exact], best=different[0], space=SPACE, error_name="value")
    assert (sure.tied, sure.chance, sure.optimism) == ((0,), 1.0, 0.0)
    assert "came to the same value each time" in sure.certainty


def test_what_is_maximised_is_told_as_it_was_given_and_is_too_good_all_the_same():
    kept = [trial(place, -0.9 + 0.01 * place) for place in range(9)]
    again = [trial(9 + place, -0.82 + noise, kept[8].configuration) for place, noise in enumerate([0.03, -0.03, 0.01])]
    found = rank([*kept, *again], best=kept[0], space=SPACE, error_name="value", maximize=True)
    assert found.value == 0.9
    assert found.optimism > 0
    assert found.shrunk == pytest.approx(0.9 - found.optimism)


def test_an_rmse_s_noise_comes_from_its_interval():
    trials = [trial(place, 10.0 + 0.01 * place) for place in range(4)] + [trial(4, 20.0)]
    dev = Measured(value=10.0, low=9.5, high=10.5, rows=1_000)
    found = rank(trials, best=trials[0], space=SPACE, error_name="RMSE", dev=dev)
    assert (found.tied, found.source) == ((0, 1, 2, 3), "rows")


def test_one_trial_is_not_ranked():
    one = trial(0, 0.1)
    assert rank([one], best=one, space=SPACE, error_name="error rate", dev=error_rate(10, 100)) is None


def test_a_searched_value_that_explains_the_errors_is_seen():
    generator = np.random.default_rng(3)
    made = []
    for number in range(40):
        configuration = SPACE.decode(generator.random(4))
        at = SPACE.scales["learning_rate"].encode(configuration["learning_rate"])
        made.append(trial(number, 0.1 + 0.01 * (at - 0.5) ** 2 + 0.0002 * generator.normal(), configuration))
    best = min(made, key=lambda one: one.dev_error)
    found = rank(made, best=best, space=SPACE, error_name="error rate", dev=error_rate(100, 1_000))
    assert found.is_explained
    # So few rows tell nothing apart, but what was searched mattered.
    assert not found.cannot_tell


def test_a_ranking_is_json_able():
    found, _, _ = simulated(0, alike(None))
    assert isinstance(found, Ranking)
    assert found.to_dict()["cannot_tell"] is True
    assert isinstance(found.to_dict()["tied"], list)
