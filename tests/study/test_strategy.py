"""The words for strategies, and that a fit under each keeps its budget."""

import pytest
from sklearn.datasets import load_iris

import osetra
from osetra.core.errors import SpaceError, StudyError
from osetra.study.strategy import SAMPLERS, SCHEDULERS, parse_strategy

SMALL = {"hidden_units": osetra.choice(4, 8), "num_layers": 1, "batch_size": 32, "keep_prob": 1.0, "l2": 0.0}


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def test_a_word_names_a_sampler_and_perhaps_a_scheduler():
    assert parse_strategy("random") == ("random", "plain")
    assert parse_strategy("sobol+asha") == ("sobol", "asha")


@pytest.mark.parametrize("word", ["", "sobl", "random+", "random+ashe", "asha", "random+asha+plain"])
def test_a_word_that_stands_for_nothing_is_refused_with_what_there_is(word, iris):
    with pytest.raises(StudyError, match=r"strategy must be waves, or one of random, sobol, grid.*, got "):
        osetra.fit(iris[0], y=iris[1], trials=1, strategy=word)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_fits(sampler, iris):
    if sampler == "tpe":
        pytest.importorskip("optuna", reason="TPE is Optuna's: pip install 'osetra[optuna]'")
    rates = {"learning_rate": osetra.choice(0.01, 0.03, 0.1)} if sampler == "grid" else {}
    study = osetra.fit(iris[0], y=iris[1], trials=4, epochs_per_trial=3, strategy=sampler, space={**SMALL, **rates})
    assert len(study.trials()) == 4
    assert len({tuple(trial.configuration.items()) for trial in study.trials()}) == 4
    assert study.facts["strategy"] == sampler


@pytest.mark.parametrize("scheduler", SCHEDULERS[1:])
def test_every_scheduler_spends_the_epochs_and_trains_only_some_to_the_end(scheduler, iris):
    study = osetra.fit(iris[0], y=iris[1], epochs=200, epochs_per_trial=16, patience=0, strategy=f"random+{scheduler}", space=SMALL)
    epochs = [trial.epochs for trial in study.trials()]
    # Brackets end with what is left over, where that is less than the next rung needs.
    assert sum(epochs) <= 200
    assert sum(epochs) > 150
    assert 0 < sum(count == 16 for count in epochs) < len(epochs) / 2


def test_patience_ends_trials_and_0_switches_it_off(iris):
    noise = iris[1][::-1]
    trained = {
        patience: [t.epochs for t in osetra.fit(iris[0], y=noise, trials=4, epochs_per_trial=30, patience=patience, space=SMALL).trials()]
        for patience in (0, 2)
    }
    assert trained[0] == [30] * 4
    assert sum(trained[2]) < 4 * 30


@pytest.mark.parametrize(("option", "value"), [("patience", -1), ("epochs_per_trial", 0), ("workers", 0)])
def test_counts_that_make_no_sense_are_refused(option, value, iris):
    with pytest.raises(StudyError, match=f"{option} must be >= "):
        osetra.fit(iris[0], y=iris[1], trials=1, **{option: value})


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"loss": "squared"}, "loss must be one of cross_entropy for multi-class classification, got 'squared'"),
        ({"loss": osetra.choice("cross_entropy", "huber")}, "got 'huber'"),
        ({"hidden_units": "8-4-2", "activation": "relu-tanh"}, "activation must be one value, or one for each of the 3 hidden layers"),
        ({"rotation": 10.0}, "rotation moves the pixels of images, got a table; noise and mixup augment tables"),
    ],
)
def test_what_no_trial_could_be_built_of_is_refused_before_any_begins(space, message, iris):
    with pytest.raises(SpaceError, match=message):
        osetra.fit(iris[0], y=iris[1], trials=1, space=space)
