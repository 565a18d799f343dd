"""`osetra.fit` with dev and test parts of their own, and what the two-sample check says of the parts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

import osetra
from listener import Listener
from osetra.core.errors import DataError
from osetra.study.table import split_from_facts

QUICK = {"trials": 2, "epochs_per_trial": 8, "seed": 3, "workers": 1}


def rows_of(rows, *, moved=0.0, seed=0):
    """Five numbers and a label that follows the first; the third number is moved."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(generator.normal(size=(rows, 5)), columns=list("abcde"))
    frame["label"] = np.where(frame["a"] + 0.3 * generator.normal(size=rows) > 0, "yes", "no")
    frame["c"] += moved
    return frame


def test_given_parts_are_the_parts_and_the_errors_are_theirs(tmp_path):
    train, dev, test = rows_of(200), rows_of(80, seed=1), rows_of(60, seed=2)
    dev.to_csv(tmp_path / "dev.csv", index=False)
    study = osetra.fit(train, "label", dev=tmp_path / "dev.csv", test=test, **QUICK)
    parts = split_from_facts(study.facts["split"])
    assert [part.tolist() for part in (parts.train, parts.dev, parts.test)] == [
        list(range(200)), list(range(200, 280)), list(range(280, 340))
    ]  # fmt: skip
    assert (study.dev_error["rows"], study.test_error["rows"]) == (80, 60)
    for error, rows in ((study.dev_error, dev), (study.test_error, test)):
        assert error["value"] == pytest.approx((study.model.predict(rows) != rows["label"]).mean())
    assert study.facts["split"]["rule"].startswith("dev and test as given: 200 rows train, 80 dev, 60 test")


def test_given_dev_and_test_rows_change_no_fitted_value():
    train, dev = rows_of(200), rows_of(80, seed=1)
    larger = dev.assign(a=1e6 * dev["a"], b=-5.0)
    prepared = [osetra.fit(train, "label", dev=part, test=part, **QUICK).model.preparation for part in (dev, larger)]
    assert prepared[0].to_dict() == prepared[1].to_dict()


def test_a_pair_of_arrays_is_a_part():
    data = load_wine()
    X, y = data.data, data.target
    study = osetra.fit(X[::2], y=y[::2], dev=(X[1::4], y[1::4]), test=False, **QUICK)
    assert study.facts["split"]["sizes"] == [89, 45, 0]
    named = pd.DataFrame(X).assign(kind=y)
    again = osetra.fit(named.iloc[::2], "kind", dev=(named.drop(columns="kind").iloc[1::4], y[1::4]), test=False, **QUICK)
    assert again.facts["split"]["sizes"] == [89, 45, 0]
    assert again.dev_error == study.dev_error


def test_what_was_not_given_is_drawn_from_the_training_rows():
    study = osetra.fit(rows_of(200), "label", test=rows_of(50, seed=1), **QUICK)
    assert study.facts["split"]["sizes"] == [150, 50, 50]
    assert "test as given, dev drawn from the training rows at random, stratified by class" in study.facts["split"]["rule"]
    assert split_from_facts(study.facts["split"]).test.tolist() == list(range(200, 250))


def test_rows_of_a_given_part_without_a_target_drop_out_of_it():
    test = rows_of(50, seed=1)
    test.loc[::10, "label"] = None
    study = osetra.fit(rows_of(200), "label", test=test, **QUICK)
    assert study.test_error["rows"] == 45


def test_repeated_rows_are_counted_in_a_note():
    train = rows_of(200)
    study = osetra.fit(train, "label", dev=pd.concat([train.head(7), rows_of(50, seed=1)]), test=False, **QUICK)
    (note,) = [note for note in study.facts["notes"] if "target and all" in note]
    assert note.startswith("7 of 57 dev rows are in the training part too")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"dev": rows_of(20).drop(columns="b")}, "the dev part, a frame, must have the columns .* got none called 'b'"),
        ({"test": rows_of(20).assign(f=1)}, "the test part, a frame, .* got 'f' besides"),
        ({"dev": rows_of(20).assign(label="maybe")}, "got no row of 1 of them, such as 'maybe'; mend that label"),
        ({"dev": "nowhere.csv"}, r"nowhere\.csv does not exist"),
        ({"test": rows_of(20), "sizes": (0.8, 0.1, 0.1)}, "sizes must be 0 for the test part"),
        ({"dev": (np.ones((3, 5)),)}, r"a part of arrays must be a pair \(X, y\)"),
        ({"dev": rows_of(20).assign(a=1), "groups": "a"}, "groups must be known|a group must be in one part only"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_words(arguments, said):
    train = rows_of(100)
    if "groups" in arguments:
        train["a"] = np.arange(100) % 20
    with pytest.raises(DataError, match=said):
        osetra.fit(train, "label", **arguments, **QUICK)


def test_a_given_part_that_differs_is_found_told_and_kept():
    heard = Listener()
    study = osetra.fit(rows_of(600), "label", dev=rows_of(400, moved=1.0, seed=1), progress=heard, **QUICK)
    shift = study.facts["shift"]
    assert shift["ways"] == ["given", "random"]
    assert [(pair["first"], pair["second"], pair["found"], pair["columns"]) for pair in shift["pairs"]] == [
        ("training", "dev", True, ["c"]), ("dev", "test", True, ["c"])
    ]  # fmt: skip
    (told,) = [line for line in heard.said if line.startswith("Training and dev part differ: a small classifier tells their rows apart")]
    assert "most by `c`. Dev and test should be rows of the kind that the model is for" in told


def test_parts_drawn_at_random_do_not_differ_and_one_line_says_so():
    heard = Listener()
    study = osetra.fit(rows_of(600), "label", progress=heard, **QUICK)
    assert not any(pair["found"] for pair in study.facts["shift"]["pairs"])
    assert len([line for line in heard.said if "cannot tell the parts apart" in line]) == 1


def test_a_drift_in_time_is_found_by_what_drifts_and_was_to_be_expected():
    heard = Listener()
    rows = rows_of(1_000).assign(when=np.arange(1_000))
    rows["c"] += np.linspace(0, 3, 1_000)
    study = osetra.fit(rows, "label", time_column="when", progress=heard, **QUICK)
    (pair, *_) = study.facts["shift"]["pairs"]
    assert pair["found"]
    assert pair["columns"] == ["c"], "the times themselves are left out"
    assert any("The parts are of different times, so that was to be expected" in line for line in heard.said)


def test_the_check_is_the_same_for_the_same_seed():
    first, again, other = (osetra.fit(rows_of(300), "label", **QUICK | {"seed": seed}).facts["shift"] for seed in (1, 1, 2))
    assert first == again
    assert first != other
