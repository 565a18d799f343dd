"""`osetra diagnose`: the verdict first, gaps with intervals, actions with what to type; and the line that ends `fit`."""

import re
import shlex
import shutil

import pytest

import osetra
from osetra.report.words import action_options

from .calls import osetra_here, strict_json


@pytest.fixture(scope="module")
def small(tmp_path_factory, home):
    """A folder with the table and a study of one network too small for it, on labels half of which are noise."""
    folder = tmp_path_factory.mktemp("diagnosed")
    shutil.copy(home / "people.csv", folder)
    call = osetra_here(
        folder, "fit", "people.csv", "--target", "label", "--trials", "2", "--epochs-per-trial", "3", "--set", "hidden_units=1",
        "--set", "learning_rate=log(1e-5, 1e-4)",
    )  # fmt: skip
    return folder, call.succeeded().out


def test_the_verdict_comes_first_and_each_edit_with_what_to_type(small):
    folder, _ = small
    said = osetra_here(folder, "diagnose").succeeded().out
    assert said.startswith("High bias")
    assert re.search(r"^training +\d+\.\d\d % +\d+\.\d\d to \d+\.\d\d % +120 rows", said, re.MULTILINE)
    assert re.search(r"^avoidable bias .* high *$", said, re.MULTILINE)
    assert re.search(r"^variance .* noise: the interval holds 0 *$", said, re.MULTILINE)
    assert "It is at most 5.0 %, which histogram gradient boosting reaches on the dev part" in said
    assert re.search(r"^base +5\.00 % +0\.00 to \d+\.\d\d % +at most *$", said, re.MULTILINE)
    assert re.search(r"^majority class +\d+\.\d\d % +\d+\.\d\d to \d+\.\d\d %", said, re.MULTILINE)
    assert "Worse than a reference: histogram gradient boosting reaches 5.0 %" in said
    assert "The base error is taken as 0" in osetra_here(folder, "diagnose", "--base-error", "0").succeeded().out
    assert "What to do next" in said
    assert "--set hidden_units='powers_of_two(1, 4)'" in said
    assert "--epochs-per-trial 6" in said


def test_what_it_says_to_type_is_taken(small):
    folder, _ = small
    said = osetra_here(folder, "diagnose", "people").succeeded().out
    typed = [line.strip().removeprefix("osetra fit ... ") for line in said.splitlines() if line.strip().startswith("osetra fit ...")]
    assert len(typed) >= 4
    options = [word for line in typed if "optimizer" not in line for word in shlex.split(line)]
    assert "--epochs-per-trial" in options
    osetra_here(
        folder, "fit", "people.csv", "--target", "label", "--trials", "1", "--study", "next", "--store", "next.db", *options
    ).succeeded()
    assert "hidden_units" in osetra.Study.open("next", folder / "next.db").space.names


def test_fit_ends_with_the_verdict_and_the_first_action(small):
    _, said = small
    last = said.splitlines()[-1]
    assert last.startswith("High bias")
    assert re.search(r"; next: [a-z ]+ \(osetra diagnose people\)$", last)


def test_the_base_error_changes_the_verdict(small):
    folder, _ = small
    said = osetra_here(folder, "diagnose", "--base-error", "0.9").succeeded().out
    assert said.startswith("Neither bias nor variance is high")
    assert "below 0: training is lower than the base error 90 %" in said


def test_json_says_the_same(small):
    folder, _ = small
    facts = strict_json(osetra_here(folder, "diagnose", "people", "--json").succeeded().out)
    assert facts["verdict"] == "high bias"
    assert [gap["name"] for gap in facts["gaps"]] == ["avoidable bias", "variance", "over-tuning on dev"]
    assert facts["gaps"][0]["is_high"]
    assert all(action["evidence"] for action in facts["actions"])
    assert "--set" in action_options(next(action for action in facts["actions"] if action["edits"]))
    other = strict_json(osetra_here(folder, "diagnose", "people", "--trial", "1", "--json").succeeded().out)
    assert other["trial"] == 1
    assert len(other["gaps"]) in (2, 3)


def test_what_cannot_be_diagnosed_is_refused(small, tmp_path):
    folder, _ = small
    assert "base_error must be an error rate from 0 to 1, got 3.0" in osetra_here(folder, "diagnose", "--base-error", "3").refused()
    assert "99" in osetra_here(folder, "diagnose", "--trial", "99").refused()
    assert "nobody" in osetra_here(folder, "diagnose", "nobody").refused()


def test_of_an_objective_the_search_is_diagnosed_and_nothing_of_fit_is_offered(tmp_path):
    def accuracy(trial):
        if trial.params["x"] > 0.8:
            raise ValueError("no such width")
        return 1 - (trial.params["x"] - 0.5) ** 2

    osetra.optimize(
        accuracy, {"x": osetra.linear(0, 1)}, trials=40, in_process=True, study="own", store=tmp_path / "s.db", strategy="random",
        direction="maximize",
    )  # fmt: skip
    said = osetra_here(tmp_path, "diagnose", "own", "--store", "s.db").succeeded().out
    assert said.startswith("No verdict on bias and variance: an objective has values alone")
    assert "by how much the best of them is ahead by luck is not known, since none was tried twice" in " ".join(said.split())
    assert "Infeasible region" in said
    assert "osetra fit" not in said
    assert "dev" not in said
    facts = strict_json(osetra_here(tmp_path, "diagnose", "own", "--store", "s.db", "--json").succeeded().out)
    assert facts["verdict"] is None
    assert facts["search"][0]["name"] == "infeasible region"
    assert facts["ranking"]["source"] == "unknown"
