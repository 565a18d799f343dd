"""`osetra diagnose` where it trains: `--apply`, `--until` and `--learning-curve`."""

import numpy as np
import pandas as pd
import pytest

import osetra

from .calls import osetra_here, strict_json

OLD = "small"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a table of a ring, and a study of one unit, which cannot tell inside from outside."""
    place = tmp_path_factory.mktemp("applying")
    X = np.random.default_rng(11).normal(size=(600, 2))
    pd.DataFrame(X, columns=["x", "y"]).assign(label=np.where(np.hypot(*X.T) < 1.18, "in", "out")).to_csv(place / "ring.csv", index=False)
    osetra.fit(
        place / "ring.csv", "label", trials=2, epochs_per_trial=10, store=place / "s.db", study=OLD,
        space={"hidden_units": 1, "num_layers": 1, "keep_prob": 1.0},
    ).store.close()  # fmt: skip
    return place


def test_the_command_applies_and_says_what_became_of_the_gap(folder):
    call = osetra_here(folder, "diagnose", OLD, "--store", "s.db", "--apply", "--base-error", "0", "--budget", "20s").succeeded()
    assert call.out.startswith("High bias ")
    assert "avoidable bias" in call.out
    assert "osetra diagnose small" in call.out
    assert "To do: bigger network (hidden_units " in call.err
    facts = strict_json(
        osetra_here(folder, "diagnose", OLD, "--store", "s.db", "--until", "done", "--base-error", "0.9", "--json").succeeded().out
    )
    assert facts == {"rounds": [], "best": OLD, "ended": "neither bias nor variance is high"}


def test_the_command_draws_a_learning_curve(folder):
    said = osetra_here(folder, "diagnose", OLD, "--store", "s.db", "--learning-curve").succeeded()
    assert "about" in said.err
    assert said.out.count("forecast") == 2
    assert "training rows" in said.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--apply", "--trial", "1"], "go on from the best trial, got --trial 1"),
        (["--apply", "--learning-curve"], "give one after the other"),
        (["--budget", "5s"], "plain diagnose trains nothing"),
        (["--until", "soon"], "a time must be a number with s, m, h or d behind it, got 'soon'"),
        (["--apply", "--data", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_options_that_do_not_go_together_are_refused(folder, options, said):
    assert said in osetra_here(folder, "diagnose", OLD, "--store", "s.db", *options).refused()
