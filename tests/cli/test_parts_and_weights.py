"""Given parts, weights and smoothed curves on the command line."""

import numpy as np
import pytest

from osetra.cli.fit import class_weights
from osetra.core.errors import DataError

from .calls import osetra_here, strict_json
from .conftest import people

QUICK = ("--target", "label", "--trials", 2, "--epochs-per-trial", 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A training table, dev and test tables of other people, all with a column of weights; one dev table of older people."""
    folder = tmp_path_factory.mktemp("parts")
    rows = people(400).assign(w=np.tile([1, 3], 200))
    rows[:240].to_csv(folder / "train.csv", index=False)
    rows[240:320].to_csv(folder / "dev.csv", index=False)
    rows[320:].to_csv(folder / "test.csv", index=False)
    rows[240:320].assign(age=rows["age"] + 30).to_csv(folder / "older.csv", index=False)
    return folder


def test_dev_and_test_files_are_the_parts(folder):
    call = osetra_here(folder, "fit", "train.csv", *QUICK, "--dev", "dev.csv", "--test", "test.csv", "--study", "given", "--json")
    facts = strict_json(call.succeeded().out)
    assert facts["split"]["sizes"] == [240, 80, 80]
    assert (facts["dev"]["rows"], facts["test"]["rows"]) == (80, 80)
    assert facts["shift"]["ways"] == ["given", "given"]
    assert "Split dev and test as given: 240 rows train, 80 dev, 80 test" in call.err
    shown = osetra_here(folder, "show", "given").succeeded().out
    assert "A small classifier cannot tell the parts apart" in shown


def test_a_dev_file_that_differs_is_told_with_its_column_when_fitting_and_when_shown(folder):
    call = osetra_here(folder, "fit", "train.csv", *QUICK, "--dev", "older.csv", "--no-test", "--study", "older").succeeded()
    assert "Training and dev part differ" in call.err
    assert "most by `age`" in call.err
    assert "Training and dev part differ" in osetra_here(folder, "show", "older").succeeded().out
    assert strict_json(osetra_here(folder, "show", "older", "--json").succeeded().out)["split"]["sizes"] == [240, 80, 0]


def test_weights_and_class_weights_are_told_and_the_errors_are_weighed(folder):
    options = ("--weights", "w", "--class-weight", "yes=3,no=1", "--study", "weighed")
    call = osetra_here(folder, "fit", "train.csv", *QUICK, *options).succeeded()
    assert "Rows are weighed by `w`, in the cost and in every error" in call.err
    assert "Class weights, in training and in the dev error that trials are compared by: no 1 and yes 3." in call.err
    assert "Rows of dev and test are weighed by w" in call.out
    shown = osetra_here(folder, "show", "weighed").succeeded().out
    assert "Rows are weighed by `w`" in shown
    facts = strict_json(osetra_here(folder, "show", "weighed", "--json").succeeded().out)
    assert facts["class_weight"] == {"no": 1, "yes": 3}
    assert facts["dev"]["effective_rows"] < facts["dev"]["rows"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--test", "test.csv", "--no-test"), "a test part is either given or not wanted, got --test test.csv and --no-test"),
        (("--dev", "gone.csv"), "gone.csv does not exist"),
        (("--dev", "people.csv"), "got none called 'w'"),
        (("--weights", "weight"), "weighs rows must be in the table, got 'weight'"),
        (("--class-weight", "equal"), "must be 'balanced' or a weight for each label, got 'equal'"),
        (("--class-weight", "maybe=2"), "classes of the training part ('no', 'yes'), got 'maybe'"),
        (("--class-weight", "yes=three"), "must be balanced or LABEL=WEIGHT, got 'yes=three'; for example yes=3,no=1"),
    ],
)
def test_options_that_make_no_sense_are_refused(folder, options, said):
    people(50).to_csv(folder / "people.csv", index=False)
    assert said in osetra_here(folder, "fit", "train.csv", *QUICK, *options).refused()


def test_a_label_may_hold_the_signs_of_the_option():
    assert class_weights("a=b=2, no = 1") == {"a=b": 2.0, "no": 1.0}
    assert class_weights("balanced") == "balanced"
    assert class_weights(None) is None
    with pytest.raises(DataError, match="got 'no'"):
        class_weights("yes=3,no")


def test_a_curve_is_smoothed_on_request(home):
    plain = strict_json(osetra_here(home, "show", "people", 0, "--json").succeeded().out)["curve"]
    smooth = strict_json(osetra_here(home, "show", "people", 0, "--smooth", 0.5, "--json").succeeded().out)["curve"]
    assert [point["epoch"] for point in smooth] == [point["epoch"] for point in plain]
    assert smooth[0] == plain[0]
    second = (0.25 * plain[0]["dev_loss"] + 0.5 * plain[1]["dev_loss"]) / 0.75
    assert smooth[1]["dev_loss"] == pytest.approx(second)
    assert smooth[1]["seconds"] == plain[1]["seconds"]
    assert "smoothed, over about the last 2 epochs" in osetra_here(home, "show", "people", 0, "--smooth", 0.5).succeeded().out
    assert "must be in [0, 1), got 1.0" in osetra_here(home, "show", "people", 0, "--smooth", 1).refused()
