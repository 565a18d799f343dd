"""Importance finds what was planted, nothing where there is nothing, and agrees with other ways of asking."""

import importlib.util
import json
import math

import numpy as np
import pytest

from osetra.core.errors import StudyError
from osetra.core.records import Trial, TrialState
from osetra.search.importance import TIERS, importance
from osetra.space import Space, choice, default_space, integer, linear, log, log_integer, one_minus_log, powers_of_two, when

SPACE = Space(
    {
        "learning_rate": log(1e-4, 1.0),
        "momentum": one_minus_log(0.8, 0.99),
        "batch_size": powers_of_two(16, 512),
        "hidden_units": log_integer(16, 256),
        "num_layers": integer(1, 4),
        "schedule": choice("constant", "cosine", "inverse"),
        "optimizer": "adam",
    }
)
NOISE = 0.02


def tried(space, count, cost, *, seed=0, draw=None, state=TrialState.FINISHED):
    """Trials of uniform points, or those that `draw` makes of them; the error is `cost` of the unit coordinates by name, and noise."""
    generator = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        unit = generator.random(len(space.names))
        unit = unit if draw is None else draw(unit)
        configuration = space.decode(unit)
        point = {name: u for name, u in zip(space.names, space.encode(configuration), strict=True) if name in configuration}
        error = float(cost(point) + NOISE * generator.normal())
        trials.append(Trial(number=number, configuration=configuration, state=state, epochs=20, dev_error=error))
    return trials


def shares(found):
    return {one.name: one.share for one in found.hyperparameters}


@pytest.mark.parametrize("name", SPACE.names)
def test_a_function_of_one_coordinate_gives_it_nearly_all(name):
    found = importance(SPACE, tried(SPACE, 400, lambda point: (point[name] - 0.2) ** 2))
    first, *others = found.hyperparameters
    assert first.name == name
    assert first.share > 0.93
    assert first.above_chance
    assert not any(one.above_chance for one in others)
    assert found.sentences[0].startswith(f"{name} mattered most for coming out among the best ")


@pytest.mark.parametrize("count", [20, 60, 200])
def test_chance_stands_out_no_more_often_than_in_one_of_twenty_studies(count):
    out = sum(
        any(one.above_chance for one in importance(SPACE, tried(SPACE, count, lambda _: 0.0, seed=seed)).hyperparameters)
        for seed in range(30)
    )
    assert out <= 5
    found = importance(SPACE, tried(SPACE, count, lambda _: 0.0, seed=3))
    assert found.sentences == (f"No hyperparameter stands out from chance in {count} trials; more would tell.",)


def additive(point):
    return 1.0 * point["learning_rate"] + 0.5 * point["num_layers"] + 0.25 * point["momentum"]


def test_an_additive_function_gives_the_right_order():
    found = importance(SPACE, tried(SPACE, 3000, additive))
    assert [one.name for one in found.hyperparameters[:3]] == ["learning_rate", "num_layers", "momentum"]
    assert [one.above_chance for one in found.hyperparameters] == [True] * 3 + [False] * 3
    assert sum(shares(found).values()) == pytest.approx(1)


def test_the_interval_holds_the_share_that_many_trials_show():
    truth = shares(importance(SPACE, tried(SPACE, 8_000, additive, seed=99)))
    inside = [
        one.low <= truth[one.name] <= one.high
        for seed in range(10)
        for one in importance(SPACE, tried(SPACE, 300, additive, seed=seed)).hyperparameters
        if truth[one.name] > 0.02
    ]
    assert np.mean(inside) > 0.85


def test_the_variance_is_that_of_the_chance_to_be_among_the_best():
    """By its definition, without densities: over a choice, Var of P(best | value), weighted by how often the value was tried."""
    effect = {0: 0.0, 1: 0.3, 2: 1.0}
    trials = tried(SPACE, 4000, lambda point: effect[int(point["schedule"] * 3)] + 0.5 * point["learning_rate"])
    found = importance(SPACE, trials)
    best = {trial.number for trial in sorted(trials, key=lambda trial: trial.dev_error)[: found.best]}
    values = [trial.configuration["schedule"] for trial in trials]
    rates = {
        value: np.mean([trial.number in best for trial in trials if trial.configuration["schedule"] == value]) for value in set(values)
    }
    expected = np.var([rates[value] for value in values])
    assert next(one for one in found.hyperparameters if one.name == "schedule").variance == pytest.approx(expected, rel=0.03)


def test_a_forest_of_trees_agrees_on_main_effects():
    """fANOVA-like (Hutter et al. 2014): the variance of a random forest's marginal prediction of being among the best."""
    from sklearn.ensemble import RandomForestClassifier

    trials = tried(SPACE, 1500, additive, seed=4)
    X = np.array([SPACE.encode(trial.configuration) for trial in trials])
    y = np.array([trial.dev_error for trial in trials]) <= np.quantile([trial.dev_error for trial in trials], 0.1)
    forest = RandomForestClassifier(40, min_samples_leaf=5, random_state=0).fit(X, y)
    main = {}
    for axis, name in enumerate(SPACE.names):
        marginal = []
        for u in (np.arange(12) + 0.5) / 12:
            shifted = X[:200].copy()
            shifted[:, axis] = u
            marginal.append(forest.predict_proba(shifted)[:, 1].mean())
        main[name] = np.var(marginal)
    total = sum(main.values())
    ours = shares(importance(SPACE, trials))
    assert sorted(main, key=main.get)[-3:] == sorted(ours, key=ours.get)[-3:]
    for name in SPACE.names:
        assert ours[name] == pytest.approx(main[name] / total, abs=0.12)


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="Optuna, an optional plug-in, is not installed")
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(("region", "seed"), [(1.0, 0), (1.0, 1), (0.5, 2)])
def test_optunas_evaluator_finds_the_same(region, seed):
    """Choices apart, which Optuna smooths as if there were few trials, however many there are; they are held to the definition above."""
    import optuna

    space = Space({"a": linear(0, 1), "b": log(1e-3, 1), "c": integer(0, 20), "d": choice("x", "y", "z"), "e": linear(0, 1)})
    trials = tried(space, 1200, lambda p: 2 * abs(p["a"] - 0.3) + 0.7 * p["b"] + 0.5 * p["c"] + 0.6 * (p["d"] > 0.5), seed=seed)
    distributions = {
        "a": optuna.distributions.FloatDistribution(0, 1), "b": optuna.distributions.FloatDistribution(1e-3, 1, log=True),
        "c": optuna.distributions.IntDistribution(0, 20), "d": optuna.distributions.CategoricalDistribution(["x", "y", "z"]),
        "e": optuna.distributions.FloatDistribution(0, 1),
    }  # fmt: skip
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    study.add_trials(
        [optuna.trial.create_trial(params=dict(one.configuration), distributions=distributions, value=one.dev_error) for one in trials]
    )
    theirs = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.1, region_quantile=region).evaluate(study)
    ours = {one.name: one.variance for one in importance(space, trials, region=region).hyperparameters}
    assert theirs.pop("d") < ours["d"]
    for name, variance in theirs.items():
        assert ours[name] == pytest.approx(variance, rel=0.25, abs=0.02 * max(theirs.values()))
    assert sorted(theirs, key=lambda name: ours[name]) == sorted(theirs, key=lambda name: theirs[name])


def test_where_it_was_tried_more_often_is_no_importance():
    """A search that zooms into a corner puts the best there, but no more of them than of all."""
    found = importance(SPACE, tried(SPACE, 2000, lambda point: point["num_layers"], draw=lambda unit: unit**3))
    assert shares(found)["num_layers"] > 0.95
    assert [one.name for one in found.hyperparameters if one.above_chance] == ["num_layers"]


def test_the_local_importance_asks_about_the_better_half_only():
    """The learning rate decides between good and bad, momentum among the good."""

    def cost(point):
        return 10.0 * (point["learning_rate"] > 0.45) + point["momentum"]

    trials = tried(SPACE, 3000, cost)
    everywhere, local = (importance(SPACE, trials, region=region) for region in (1.0, 0.4))
    assert shares(everywhere)["learning_rate"] > 0.05
    assert next(one for one in everywhere.hyperparameters if one.name == "learning_rate").above_chance
    assert shares(local)["momentum"] > 0.98
    assert not next(one for one in local.hyperparameters if one.name == "learning_rate").above_chance
    assert local.trials == 1200
    assert "of the best 1,200 trials" in local.sentences[0]


CONDITIONAL = Space(
    {
        "optimizer": choice("adam", "momentum"),
        "momentum": when(linear(0, 1), optimizer="momentum"),
        "beta": when(linear(0, 1), optimizer="adam"),
        "rate": log(1e-3, 1),
    }
)


def test_what_exists_sometimes_counts_for_what_it_does_where_it_exists():
    found = importance(CONDITIONAL, tried(CONDITIONAL, 2000, lambda point: 0.3 if "beta" in point else point["momentum"]))
    assert {one.name for one in found.hyperparameters if one.above_chance} == {"momentum", "optimizer"}
    alone = importance(CONDITIONAL, tried(CONDITIONAL, 2000, lambda point: 1.0 * ("beta" in point)))
    assert shares(alone)["optimizer"] > 0.98


def test_fidelities_are_not_mixed_up():
    """Errors fall with epochs whatever the rate; by errors alone whatever made a trial stop late would look important."""
    generator = np.random.default_rng(0)
    trials = []
    for number in range(900):
        unit = generator.random(len(SPACE.names))
        configuration = SPACE.decode(unit)
        u = dict(zip(SPACE.names, unit, strict=True))
        # By momentum alone it is decided how long the finished ones train; by the rate alone how good they are.
        epochs = 10 + int(40 * u["momentum"])
        error = u["learning_rate"] + 0.01 * generator.normal()
        promoted = error < 0.25
        state, reached = (TrialState.FINISHED, epochs) if promoted else (TrialState.STOPPED, 4)
        value = error + (0.0 if promoted else -0.5 * u["momentum"])
        trials.append(Trial(number=number, configuration=configuration, state=state, epochs=reached, dev_error=value))
    found = importance(SPACE, trials)
    assert found.levels == (4,)
    assert found.hyperparameters[0].name == "learning_rate"
    assert shares(found)["momentum"] < 0.02


def test_trials_that_diverged_tell_too():
    trials = tried(SPACE, 300, lambda point: 0.5)
    marked = [
        Trial(number=t.number, configuration=t.configuration, state=TrialState.DIVERGED, epochs=1)
        if t.configuration["learning_rate"] > 0.01
        else t
        for t in trials
    ]
    found = importance(SPACE, marked)
    assert found.hyperparameters[0].name == "learning_rate"
    assert found.hyperparameters[0].above_chance


def test_it_says_what_the_tiers_say():
    found = importance(SPACE, tried(SPACE, 1500, additive))
    assert "as the tiers say" in found.sentences[0]
    assert "num_layers, of tier 3, mattered more than momentum, batch_size and hidden_units of tier 2." in found.sentences[1]
    assert (
        found.sentences[-1]
        == "No more than chance would show: " + ", ".join(one.name for one in found.hyperparameters if not one.above_chance) + "."
    )
    turned = importance(SPACE, tried(SPACE, 1500, lambda point: point["num_layers"]))
    assert "though it is of tier 3 and learning_rate of tier 1" in turned.sentences[0]
    for seed, words in ((1, "as the tiers say; num_layers may"), (0, "though learning_rate, which the tiers put first, may")):
        level = importance(SPACE, tried(SPACE, 200, lambda point: point["num_layers"] + 1.02 * point["learning_rate"], seed=seed))
        assert {one.name for one in level.hyperparameters[:2]} == {"num_layers", "learning_rate"}
        assert f"{words} have mattered as much" in level.sentences[0]


def test_the_tiers_are_those_of_the_default_space():
    from osetra.core.records import Task

    names = [
        {
            name
            for optimizer in ("adam", "momentum")
            for name in default_space(rows=5000, inputs=10, task=Task.BINARY, tiers=tiers, optimizer=optimizer).names
        }
        for tiers in (1, 2, 3)
    ]
    assert names[0] == {name for name, tier in TIERS.items() if tier == 1}
    assert names[1] - names[0] == {name for name, tier in TIERS.items() if tier == 2}
    assert names[2] - names[1] == {name for name, tier in TIERS.items() if tier == 3 and name not in ("schedule", "decay")}


def test_it_is_the_same_each_time_and_json_carries_it():
    trials = tried(SPACE, 120, additive)
    found = importance(SPACE, trials)
    assert found == importance(SPACE, trials[::-1])
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert facts["best"] == 12
    assert facts["trials"] == 120
    assert facts["hyperparameters"][0].keys() >= {"name", "tier", "share", "low", "high", "above_chance"}
    assert all(0 <= one.low <= one.share <= one.high <= 1 for one in found.hyperparameters)


def test_values_of_a_space_that_was_narrowed_later_count_as_the_nearest():
    trials = tried(SPACE, 300, lambda point: point["num_layers"])
    narrowed = SPACE.narrow("num_layers", 1, 3).with_(schedule=choice("constant", "cosine"), learning_rate=log(1e-3, 0.1))
    assert importance(narrowed, trials).hyperparameters[0].name == "num_layers"


@pytest.mark.parametrize(
    ("trials", "options", "message"),
    [
        (19, {}, "importance needs at least 20 trials that ended, got 19; train more"),
        (50, {"share": 0.0}, "importance needs 0 < share < region <= 1, got share 0.0 and region 1"),
        (50, {"share": 0.5, "region": 0.4}, "got share 0.5 and region 0.4; such as 0.1 and 1"),
        (50, {"share": math.nan}, "importance needs 0 < share < region <= 1"),
        (50, {"share": 0.2, "region": 0.3}, "a region of at least twice its best trials, got 10 best, ties included, of 15"),
    ],
)
def test_what_cannot_be_told_is_refused(trials, options, message):
    with pytest.raises(StudyError, match=message.replace("(", r"\(")):
        importance(SPACE, tried(SPACE, trials, additive), **options)


def test_trials_that_nothing_tells_apart_and_a_space_without_a_search_are_refused():
    alike = [Trial(number=n, configuration=SPACE.decode([0.5] * 6), state=TrialState.FINISHED, epochs=9, dev_error=0.0) for n in range(30)]
    with pytest.raises(StudyError, match="got 30 best, ties included, of 30"):
        importance(SPACE, alike)
    with pytest.raises(StudyError, match="in which all are fixed; search some"):
        importance(Space({"optimizer": "adam"}), alike)
