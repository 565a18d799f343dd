"""How a search is asked for on the command line, and what it says."""

import pytest

from .calls import osetra_here, strict_json

SMALL = ("--set", "hidden_units=choice(4, 8)", "--set", "num_layers=1", "--set", "batch_size=64")


@pytest.fixture(scope="module")
def people_csv(tables):
    return tables["binary"][0]


def fit(folder, people_csv, *options):
    return osetra_here(folder, "fit", people_csv, "--target", "label", *SMALL, *options)


def test_waves_finals_and_an_ensemble_are_told(people_csv, tmp_path):
    call = fit(tmp_path, people_csv, "--epochs", 300, "--epochs-per-trial", 8, "--ensemble").succeeded()
    assert "in waves up a ladder, zooming in on what does well" in call.err
    assert "After wave " in call.err
    assert "Finals, with fresh seeds" in call.out
    told = " ".join(call.out.split())
    assert "An ensemble of " in told
    assert ("It is the model." in told) != ("The best trial alone is the model." in told)
    shown = osetra_here(tmp_path, "show", "people").succeeded().out
    assert "learning_rate" in shown
    assert strict_json(osetra_here(tmp_path, "best", "--json").succeeded().out)["dev"]["rows"] > 0


def test_without_finals_none_are_told(people_csv, tmp_path):
    call = fit(tmp_path, people_csv, "--epochs", 300, "--epochs-per-trial", 8, "--no-finals").succeeded()
    assert "Finals" not in call.out


def test_a_strategy_by_name_and_one_that_there_is_not(people_csv, tmp_path):
    call = fit(tmp_path, people_csv, "--trials", 3, "--epochs-per-trial", 4, "--strategy", "sobol+asha").succeeded()
    assert "evenly on their scales (Sobol) with ASHA" in call.err
    refused = fit(tmp_path, people_csv, "--trials", 3, "--strategy", "simplex")
    assert refused.code == 2
    assert "strategy must be waves, or one of random, sobol, grid" in refused.err
    assert "got 'simplex'; for example random+asha" in refused.err


def test_a_warm_start_and_one_from_a_study_that_there_is_not(people_csv, tmp_path):
    fit(tmp_path, people_csv, "--trials", 4, "--epochs-per-trial", 4, "--study", "cold").succeeded()
    call = fit(tmp_path, people_csv, "--trials", 4, "--epochs-per-trial", 4, "--warm-start", "cold").succeeded()
    assert "trials begin with the best configurations of study 'cold'." in " ".join(call.err.split())
    refused = fit(tmp_path, people_csv, "--trials", 4, "--warm-start", "lukewarm")
    assert (refused.code, "no study is named 'lukewarm'" in refused.err) == (2, True)


def test_patience_is_told_and_so_is_its_price(people_csv, tmp_path):
    options = ("--trials", 2, "--epochs-per-trial", 60, "--patience", 2, "--set", "learning_rate=0.03", "--strategy", "random")
    call = fit(tmp_path, people_csv, *options).succeeded()
    assert "up to 60 epochs each, fewer after 2 without a better one" in " ".join(call.err.split())
    told = " ".join(call.out.split())
    assert "Early stopping ended its training at epoch " in told
    assert "The alternative: --patience 0, more --epochs-per-trial, and l2 for the rest." in told
