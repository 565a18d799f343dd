"""The verbs that read, on studies of the user's own objectives: no data, no model, values as they were given."""

import json
import subprocess
import sys
import time

import pytest

import osetra

from .calls import environment, osetra_here

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")

    def accuracy(trial):
        if trial.number == 1:
            raise ValueError("no such width")
        for epoch in range(trial.start + 1, trial.epochs + 1):
            if not trial.report(0.5 + trial.params["x"] * epoch / 100, epoch):
                return

    space = {"x": osetra.linear(0.0, 10.0), "kind": "plain"}
    osetra.optimize(
        accuracy, space, trials=6, epochs_per_trial=4, strategy="random", direction="maximize", in_process=True, store=folder / "osetra.db"
    )
    return folder


def test_studies_and_trials_show_values_as_they_were_given(place):
    best = osetra.Study.open("accuracy", place / "osetra.db").best
    listed = osetra_here(place, "studies").succeeded().out
    assert "objective" in listed
    assert f"{best.value:.4f}" in listed
    trials = osetra_here(place, "trials").succeeded().out
    heading, first = trials.splitlines()[1:3]
    assert "value" in heading
    assert "dev" not in heading
    assert "train" not in heading
    assert first.split()[:2] == [str(best.number), f"{best.value:.4f}"]
    page = json.loads(osetra_here(place, "trials", "--json").succeeded().out)
    assert page[0]["dev_error"] == best.value
    assert json.loads(osetra_here(place, "studies", "--json").succeeded().out)[0]["best_trial"]["dev_error"] == best.value


def test_show_and_best_do_without_model_data_and_parts(place):
    best = osetra.Study.open("accuracy", place / "osetra.db").best
    shown = osetra_here(place, "show", "accuracy").succeeded().out
    assert "accuracy: tuning of accuracy, from cli.test_objective_studies, seed 0" in shown
    assert f"value  {best.value:.4f}, maximized" in shown
    assert "Model" not in shown
    found = osetra_here(place, "best", "accuracy").succeeded().out
    assert f"Best: trial {best.number} of 6" in found
    assert f"value  {best.value:.4f}, maximized" in found
    assert "nan" not in shown + found
    assert json.loads(osetra_here(place, "best", "accuracy", "--json").succeeded().out)["configuration"] == dict(best.params)


TUNES = """
import time, osetra

def slow(trial):
    while not trial.should_stop:
        time.sleep(0.01)
        if trial.number < 2:
            return trial.params["x"]

study = osetra.optimize(slow, {"x": osetra.linear(0, 1)}, trials=100, workers=1, store="osetra.db", study="mine")
print(study.record.state, len(study.trials()))
"""


def test_a_study_in_another_process_is_told_to_end_and_its_trials_are_not_steered(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", TUNES], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while (call := osetra_here(tmp_path, "trials", "mine", "--json")).code or len(json.loads(call.out)) < 3:
            assert other.poll() is None, other.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        refused = osetra_here(tmp_path, "stop", "mine", 2).refused()
        assert "only networks that osetra trains can be steered" in refused
        assert "it can be stopped as a whole: osetra stop mine" in refused
        told = osetra_here(tmp_path, "stop", "mine", "--why", "good enough").succeeded().out
        assert told == "mine: the study ends; the best so far is kept, and it can be resumed.\n"
        out, err = other.communicate(timeout=PATIENCE_S)
    finally:
        if other.poll() is None:
            other.kill()
            other.communicate()
    assert (other.returncode, out) == (0, "stopped 3\n"), err
    assert "\nstopped: interrupted\n" in osetra_here(tmp_path, "show", "mine").succeeded().out
    assert "no process trains study 'mine': go on with it where it was begun first" in osetra_here(tmp_path, "stop", "mine").refused()


def test_show_draws_the_curve_of_a_trial_and_the_traceback_of_one_that_failed(place):
    best = osetra.Study.open("accuracy", place / "osetra.db").best
    shown = osetra_here(place, "show", "accuracy", best.number).succeeded().out
    assert "▁" in shown
    assert f"best value {best.value:.4f} at epoch 4" in shown
    assert "train cost" not in shown
    failed = osetra_here(place, "show", "accuracy", 1).succeeded().out
    assert "accuracy, trial 1: failed, ValueError: no such width" in failed
    assert 'raise ValueError("no such width")' in failed
