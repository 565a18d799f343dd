"""Finals, ensembles and warm starts, through `osetra.fit`."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import osetra
from osetra.core.errors import StudyError
from osetra.core.records import TrialState
from osetra.models.ensemble import Ensemble
from osetra.models.model import Model

SPACE = {"hidden_units": osetra.choice(4, 8), "num_layers": 1, "batch_size": 64, "schedule": "constant"}


def fitted(store=None, **options):
    rows = load_breast_cancer(as_frame=True).frame
    return osetra.fit(rows, "target", store=store, **{"epochs": 300, "epochs_per_trial": 8, "space": SPACE} | options)


@pytest.fixture(scope="module")
def study():
    return fitted()


def test_the_best_train_anew_within_a_fifth_of_the_epochs(study):
    results = study.facts["finals_results"]
    finalists = {result["trial"] for result in results}
    assert 2 <= len(finalists) <= 8
    assert all(len(result["errors"]) == 3 for result in results)
    searched = [trial for trial in study.trials() if trial.number in finalists]
    finals = [
        trial for trial in study.trials()
        if trial.number > max(finalists) and any(trial.configuration == found.configuration for found in searched)
    ]  # fmt: skip
    last = sorted(study.trials(), key=lambda trial: trial.number)[-3 * len(finalists) :]
    assert {trial.number for trial in last} <= {trial.number for trial in finals}
    assert sum(trial.epochs for trial in last) <= 0.2 * 300
    assert study.facts["epochs"] <= 300


def test_the_winner_is_the_best_fresh_seed_of_the_configuration_with_the_best_mean(study):
    winner = study.facts["finals_results"][0]
    runs = sorted(trial.dev_error for trial in study.trials() if trial.number > winner["trial"]
                  and trial.configuration == study.trial(winner["trial"]).configuration)  # fmt: skip
    assert study.best.configuration == study.trial(winner["trial"]).configuration
    assert study.best.dev_error == runs[0] == min(winner["errors"])
    assert study.model.errors(load_breast_cancer(as_frame=True).frame)["rows"] == 569


def test_finals_can_be_left_out_and_have_no_place_in_a_budget_of_trials():
    assert fitted(finals=False).facts["finals_results"] == []
    of_trials = fitted(epochs=None, trials=6)
    assert of_trials.facts["finals_results"] == []
    assert len(of_trials.trials()) == 6


def test_the_same_study_on_one_worker_and_on_two():
    one, two = (fitted(workers=workers, ensemble=True) for workers in (1, 2))
    assert [replace(trial, seconds=0.0) for trial in one.trials()] == [replace(trial, seconds=0.0) for trial in two.trials()]
    assert one.facts["finals_results"] == two.facts["finals_results"]
    assert one.facts["sentences"] == two.facts["sentences"] != []
    rows = load_breast_cancer(as_frame=True).frame
    np.testing.assert_array_equal(one.model.predict_proba(rows), two.model.predict_proba(rows))


def test_an_ensemble_is_the_model_only_where_it_is_better_on_rows_without_a_say():
    for seed in range(4):
        study = fitted(ensemble=5, seed=seed, epochs=120)
        told = study.facts["ensemble"]
        is_better = len(told["members"]) > 1 and told["gain"]["difference"] < 0
        assert told["is_model"] is is_better
        assert isinstance(study.model, Ensemble if is_better else Model)
        assert ("single" in study.facts) is is_better


def test_a_warm_start_begins_with_the_best_of_the_other_study_and_says_so(tmp_path):
    store = tmp_path / "studies.db"
    cold = fitted(store, study="cold", trials=8, epochs=None)
    warm = fitted(store, study="warm", trials=8, epochs=None, warm_start="cold")
    sources = warm.facts["warm_start"]["trials"]
    assert cold.best.number in sources
    for number, source in enumerate(sources):
        assert warm.trial(number).configuration == cold.trial(source).configuration
        told = [event.detail for event in warm.events(number) if event.kind == "warm start"]
        assert told == [{"study": "cold", "trial": source, "changes": []}]


@pytest.mark.parametrize("strategy", ["random", "sobol+asha"])
def test_every_strategy_can_start_warm(tmp_path, strategy):
    store = tmp_path / "studies.db"
    cold = fitted(store, study="cold", trials=6, epochs=None)
    warm = fitted(store, study="warm", trials=8, epochs=None, warm_start="cold", strategy=strategy)
    assert warm.trial(0).configuration == cold.trial(warm.facts["warm_start"]["trials"][0]).configuration
    assert all(trial.state.is_over for trial in warm.trials())


def test_a_warm_start_without_that_study_is_refused(tmp_path):
    with pytest.raises(StudyError, match="a warm start needs study 'cold' in the store of this one, got a store that does not exist yet"):
        fitted(tmp_path / "new.db", warm_start="cold")
    fitted(tmp_path / "old.db", study="a", trials=1, epochs=None)
    with pytest.raises(StudyError, match="no study is named 'cold'"):
        fitted(tmp_path / "old.db", warm_start="cold")


def test_trials_that_wait_are_over_when_the_study_is(study):
    assert {trial.state for trial in study.trials()} <= {TrialState.FINISHED, TrialState.STOPPED, TrialState.DIVERGED}
