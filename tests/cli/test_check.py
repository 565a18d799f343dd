"""The verb `check`: its words, its JSON, its exit codes, and what it refuses."""

import numpy as np
import pytest

from osetra.core.errors import DataError, InputError, SpaceError
from osetra.engines.native.engine import NativeEngine
from osetra.study.check import check_network
from osetra.training.differences import Verdict

from .calls import osetra_here, strict_json

FEW = ("--entries", 12, "--steps", 3)


@pytest.fixture
def people_csv(tables):
    return tables["binary"][0]


def test_the_default_network_is_good_on_a_table(people_csv, tmp_path):
    call = osetra_here(tmp_path, "check", people_csv, "--target", "label", "--entries", 30).succeeded()
    lines = call.out.splitlines()
    assert lines[0].startswith(f"{people_csv}: 64 rows, ")
    assert [line for line in lines if line.startswith(("At the start", "After"))] == ["At the start", "After 20 steps"]
    for name in ("W1", "gamma1", "beta1", "W2", "gamma2", "beta2", "W3", "b3"):
        assert [" good" in line for line in lines if line.startswith(f"  {name} ") and "entries" in line] == [True, True]
    assert lines[-2] == "Gradient: good"
    assert lines[-1].startswith("Cost: fell at each of 20 steps of full-batch gradient descent at rate 0.01, dropout off, from ")
    assert "first check on a machine compiles" in call.err
    assert not list(tmp_path.iterdir()), "nothing is written"


def test_without_a_table_a_small_one_is_made(tmp_path):
    call = osetra_here(tmp_path, "check", *FEW).succeeded()
    assert call.out.startswith("made data: 64 rows, ")


def test_json_says_everything(people_csv, tmp_path):
    call = osetra_here(
        tmp_path, "check", people_csv, "--target", "label", "--set", "activation=tanh", "--set", "batch_norm=false", "--set",
        "hidden_units=5-3", "--set", "l2=2", "--set", "keep_prob=0.8", "--entries", 0, "--steps", 5, "--json",
    ).succeeded()  # fmt: skip
    facts = strict_json(call.out)
    assert (facts["verdict"], facts["rows"], facts["steps"]) == ("good", 64, 5)
    assert facts["configuration"]["activation"] == "tanh"
    for check in (facts["at_start"], facts["trained"]):
        assert check["verdict"] == "good"
        assert check["kinks"] == 0
        assert [parameter["name"] for parameter in check["parameters"]] == ["W1", "W2", "W3", "b1", "b2", "b3"]
        assert sum(parameter["checked"] for parameter in check["parameters"]) == facts["num_parameters"]
        assert all(parameter["difference"] < 1e-7 for parameter in check["parameters"])
    assert facts["at_start"]["cost"] != facts["trained"]["cost"]


def test_a_cost_that_rises_is_said_and_falls_at_a_tenth_of_the_rate(people_csv, tmp_path):
    options = ("--target", "label", "--set", "optimizer=gd", "--set", "keep_prob=0.5", "--set", "batch_norm=false")
    high, low = (
        osetra_here(tmp_path, "check", people_csv, *options, "--set", f"learning_rate={rate}", *FEW[:2], "--steps", 30).succeeded()
        for rate in (4, 0.04)
    )  # fmt: skip
    assert "Cost: rose at step " in high.out
    assert "of 30 steps of full-batch gradient descent at rate 4, dropout off" in high.out
    assert "with a good gradient the rate is too high, try a tenth" in high.out
    assert "Cost: fell at each of 30 steps of full-batch gradient descent at rate 0.04" in low.out


def test_every_kind_of_table_is_checked(tables, tmp_path):
    for name in ("multiclass", "regression", "arrays"):
        table, options = tables[name]
        facts = strict_json(osetra_here(tmp_path, "check", table, *options, *FEW, "--json").succeeded().out)
        assert facts["verdict"] == "good"


def test_relu_without_batch_norm_is_good_too_over_seeds(people_csv):
    """Many units close to 0 on many rows: what falls on a kink is left out, and nothing else."""
    for seed in range(3):
        found = check_network(people_csv, "label", space={"batch_norm": False}, entries=None, steps=10, seed=seed)
        assert found.verdict is Verdict.GOOD
        assert all(check.kinks < 0.1 * found.num_parameters for check in found.checks)


def test_the_same_seed_gives_the_same_check(people_csv):
    first, again, other = (check_network(people_csv, "label", entries=5, steps=2, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.at_start.cost != other.at_start.cost


def test_a_wrong_gradient_is_exit_code_one_and_named(people_csv, tmp_path, monkeypatch):
    right = NativeEngine.cost_and_gradient

    def wrong(self, member, inputs, targets, **options):
        cost, gradient = right(self, member, inputs, targets, **options)
        member.layout.view(gradient, "gamma2")[...] *= 1.1
        return cost, gradient

    monkeypatch.setattr(NativeEngine, "cost_and_gradient", wrong)
    call = osetra_here(tmp_path, "check", people_csv, "--target", "label", *FEW)
    assert call.code == 1
    assert call.out.splitlines()[-2] == "Gradient: wrong"
    assert "in gamma2" in call.out
    assert "furthest off at [" in call.out
    assert "Traceback" not in call.err
    call = osetra_here(tmp_path, "check", people_csv, "--target", "label", *FEW, "--json")
    assert (call.code, strict_json(call.out)["trained"]["worst"]) == (1, "gamma2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.csv", "--target", "label"], "nowhere.csv"),
        (["PEOPLE"], "a target is required"),
        (["PEOPLE", "--target", "lable"], "lable"),
        (["--target", "label"], "a target needs a table"),
        (["--set", "activation=tan"], "activation must be one of relu"),
        (["--set", "activatoin=tanh"], "osetra's networks take no hyperparameter activatoin"),
        (["--set", "tanh"], "--set must be NAME=VALUE"),
    ],
)
def test_bad_input_is_exit_code_two_and_one_message(people_csv, tmp_path, arguments, words):
    call = osetra_here(tmp_path, "check", *[people_csv if argument == "PEOPLE" else argument for argument in arguments])
    assert call.code == 2
    assert call.out == ""
    assert "Traceback" not in call.err
    assert words in call.err.splitlines()[-1]


def test_counts_that_make_no_sense_are_refused():
    for option in ("steps", "entries", "seed"):
        with pytest.raises(InputError, match=f"{option} must be a whole number >= ., got -1; leave it out for its default"):
            check_network(**{option: -1})  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError):
        check_network(np.zeros((10, 2)), "target")
    with pytest.raises(SpaceError, match="l2 must be >= 0"):
        check_network(space={"l2": -1.0})
