"""`Study.diagnose`, end to end on data of scikit-learn's, and from planted records."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sklearn.datasets import load_breast_cancer, load_digits

import osetra
from osetra.core.errors import InputError, StudyError
from osetra.core.records import EpochRecord, Event, Study, StudyState, Task, Trial, TrialState
from osetra.diagnosis.bias_variance import Verdict
from osetra.space import Space, log, powers_of_two
from osetra.store.memory import MemoryStore

SPACE = Space({"learning_rate": log(1e-4, 1e-2), "hidden_units": powers_of_two(16, 128), "activation": "relu"})


def planted(train=0.02, dev=0.10, *, task=Task.BINARY, state=TrialState.FINISHED, rows=(6_000, 2_000, 2_000), measured=None, **facts):
    """A study of two trials as its records say, the first of them the best; with a curve and two probes."""
    store = MemoryStore()
    half = 0.01 if task is Task.BINARY else 0.05 * dev
    of_dev = {"value": dev, "low": dev - half, "high": dev + half, "rows": rows[1]}
    record = Study(
        name="planted", state=StudyState.FINISHED, created=datetime.now(UTC), task=task, target="y", source="made.csv", seed=0,
        error_name="error rate" if task is Task.BINARY else "RMSE",
        facts={
            "space": SPACE.to_dict(), "split": {"sizes": list(rows)}, "epochs_per_trial": 20, "patience": 10, "best": 0,
            "dev": of_dev, "test": {**of_dev, "rows": rows[2]}, **facts, **(measured or {}),
        },
    )  # fmt: skip
    store.create_study(record)
    configuration = {"learning_rate": 3e-3, "hidden_units": 64, "activation": "relu"}
    best = Trial(
        number=0, configuration=configuration, state=state, epochs=20, best_epoch=9, dev_error=dev, dev_loss=0.3, train_error=train,
    )  # fmt: skip
    other = replace(best, number=1, state=TrialState.DIVERGED, reason="the cost was not finite in epoch 2", train_error=None, epochs=2)
    epochs = [
        EpochRecord(epoch=at, train_cost=0.2 + 0.5**at, train_error=0.1, dev_loss=0.3 + 0.5**at, dev_error=dev, seconds=0.1)
        for at in range(1, 21)
    ]
    layer = {
        "gradient_norm": 0.1,
        "update_ratio": 3e-3,
        "dead_units": 0.9,
        "saturated": 0.0,
        "activation_mean": 0.0,
        "activation_deviation": 1.0,
    }
    probe = [{**layer, "layer": 1}, {**layer, "layer": 2, "dead_units": 0.0}]
    events = [
        Event(trial=0, epoch=at, kind="probe", detail={"layers": probe}, at=datetime.now(UTC)) for at in (8, 16)
    ]  # fmt: skip
    store.record("planted", trials=[best, other], epochs={0: epochs}, events=events)
    return osetra.Study(store.study("planted"), store)


def test_a_planted_study_is_judged_by_its_records():
    found = planted().diagnose(0.02)
    assert found.verdict is Verdict.HIGH_VARIANCE
    assert found.sentence.startswith("High variance: dev error is 8.0 points above training (6.9 to 9.1)")
    assert [(one.name, one.layer) for one in found.layers] == [("dead units", 1)]
    assert found.curve == ()
    assert [one.name for one in found.actions[:3]] == ["lower learning rate", "another activation", "more data"]
    assert found.first_action is found.actions[0]
    assert found.next_space(found.first_action) != SPACE
    assert json.loads(json.dumps(found.to_dict()))["verdict"] == "high variance"


@pytest.mark.parametrize(("base_error", "verdict"), [(0.0, Verdict.BOTH), (0.12, Verdict.HIGH_VARIANCE)])
def test_the_base_error_decides_what_is_bias(base_error, verdict):
    assert planted(0.12, 0.2).diagnose(base_error).verdict is verdict


def test_a_difference_of_the_parts_makes_it_mismatched():
    pair = {"first": "training", "second": "dev", "found": True, "auc": 0.9, "low": 0.8, "high": 0.95, "rows": [9, 9], "columns": []}
    assert planted(shift={"ways": ["given", "given"], "pairs": [pair]}).diagnose(0.02).verdict is Verdict.MISMATCHED


def test_weighed_rows_are_as_many_as_they_are_worth_and_that_is_said():
    weights = {"column": "w", "effective_rows": {"train": [600.0, 6000], "dev": [50.0, 2000], "test": [50.0, 2000]}}
    dev = {"value": 0.1, "low": 0.04, "high": 0.22, "rows": 2_000, "effective_rows": 50.0}
    found = planted(0.05, weights=weights, measured={"dev": dev}).diagnose(0.05)
    assert found.verdict is Verdict.NEITHER
    assert "weighed by w, training rows are not" in found.gaps.notes[0]


def test_an_rmse_s_gaps_are_in_units_of_the_target():
    found = planted(20.0, 50.0, task=Task.REGRESSION).diagnose(20.0)
    assert found.verdict is Verdict.HIGH_VARIANCE
    low, high = (found.gaps.errors["training"].low, found.gaps.errors["training"].high)
    assert (low, high) == pytest.approx((20 - 0.05 * 20 / 3**0.5, 20 + 0.05 * 20 / 3**0.5))


def test_of_an_ensemble_the_best_network_is_judged():
    single = {"dev": {"value": 0.021, "low": 0.016, "high": 0.028, "rows": 2_000}, "test": None}
    found = planted(single=single).diagnose(0.02)
    assert found.verdict is Verdict.NEITHER
    assert any("ensemble" in note for note in found.gaps.notes)


def test_another_trial_is_judged_by_what_is_known_of_it():
    found = planted().diagnose(trial=1)
    assert (found.verdict, found.gaps) == (None, None)
    assert "trial 1 diverged (the cost was not finite in epoch 2)" in found.sentence
    assert [one.name for one in found.curve] == ["diverging", "learning rate too high"]
    assert found.actions[0].name == "lower learning rate"
    assert found.to_dict()["gaps"] == []


def test_what_cannot_be_diagnosed_says_why():
    with pytest.raises(StudyError, match="whose best trial, 0, is stopped and has none in training"):
        planted(None, state=TrialState.STOPPED).diagnose()
    with pytest.raises(StudyError, match="needs a study that has ended, with a model that was measured, got 'planted'"):
        planted(measured={"dev": None}).diagnose()
    with pytest.raises(StudyError, match="7"):
        planted().diagnose(trial=7)
    with pytest.raises(InputError, match=r"base_error must be an error rate from 0 to 1, got 2; 0.05 is 5 %"):
        planted().diagnose(2)


def test_of_an_objective_the_search_is_judged_and_values_are_told_as_they_were_given():
    tuned = osetra.optimize(
        lambda trial: trial.params["x"], {"x": osetra.linear(0, 1)}, trials=20, in_process=True, direction="maximize", strategy="random"
    )
    found = tuned.diagnose()
    assert (found.gaps, found.verdict, found.curve, found.layers) == (None, None, (), ())
    assert found.ranking.value == tuned.best.value > 0.5
    assert [(one.name, "upper end" in one.sentence) for one in found.search] == [("best on a boundary", True)]
    assert [action.name for action in found.actions] == ["wider range of x"]
    other = tuned.diagnose(trial=tuned.trials()[3].number)
    assert (other.ranking, other.search) == (None, ())
    assert f"see the best trial, {tuned.best.number}" in other.sentence


def test_a_network_too_small_has_high_bias_and_the_recipe_s_first_action_lowers_it():
    digits = load_digits(as_frame=True).frame
    small = osetra.fit(digits, "target", trials=1, epochs_per_trial=15, space={"hidden_units": 2, "num_layers": 1})
    found = small.diagnose()
    assert found.verdict in (Verdict.HIGH_BIAS, Verdict.BOTH)
    bigger = next(action for action in found.actions if action.name == "bigger network")
    edited = found.next_space(bigger).entries()
    edits = {"num_layers": 1, "hidden_units": edited["hidden_units"].high}
    second = osetra.fit(digits, "target", trials=1, epochs_per_trial=15, space=edits).diagnose()
    assert second.gaps.gaps[0].high < found.gaps.gaps[0].low


@pytest.mark.parametrize(
    ("space", "name"),
    [({"activation": "sigmoid"}, "vanishing gradients"), ({"gain": 3.0}, "exploding gradients"), ({}, None), ({"batch_norm": True}, None)],
)
def test_deep_networks_that_start_badly_are_told_by_their_layers(space, name):
    digits = load_digits(as_frame=True).frame
    deep = {"num_layers": 12, "hidden_units": 16, "batch_norm": False, "keep_prob": 1.0, "l2": 0.0, "learning_rate": 1e-3, **space}
    found = osetra.fit(digits, "target", trials=1, epochs_per_trial=3, space=deep).diagnose(trial=0)
    assert [one.name for one in found.layers if "gradients" in one.name] == ([name] if name else [])
    assert name is None or "healthier start" in [action.name for action in found.actions]


def test_a_network_trained_on_few_rows_of_noise_has_high_variance():
    frame = load_breast_cancer(as_frame=True).frame
    frame["target"] = frame["target"].sample(frac=1, random_state=0).to_numpy()
    study = osetra.fit(
        frame, "target", trials=1, epochs_per_trial=60, patience=0,
        space={"hidden_units": 256, "num_layers": 2, "keep_prob": 1.0, "l2": 0.0, "learning_rate": 0.01, "schedule": "constant"},
    )  # fmt: skip
    # Its labels are shuffled, so what it learns of the training rows is worth nothing on dev.
    found = study.diagnose(0.1)
    assert found.gaps.has_variance
    assert found.gaps.gap("variance").low > 0.05
    assert "more l2 or dropout" in [action.name for action in found.actions]
