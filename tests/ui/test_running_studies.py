"""Studies that are really trained, in processes of their own, from the page of a study: the next search of a verdict is begun and ends; one
that was killed goes on to its end; one that another dashboard began is stopped."""

import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import in_browser
from cli.calls import COMMAND, environment, osetra_here
from osetra.core.errors import StudyError
from osetra.core.records import StudyState
from osetra.study.handle import Study

from .looking import Page, until

in_browser.require()
pytestmark = pytest.mark.skipif(os.name != "posix", reason="killing a process at once is POSIX")
STARTED = "section[aria-label='Started from this dashboard']"


def write_rows(folder, rows):
    generator = np.random.default_rng(1)
    a, b, c = generator.normal(size=(3, rows))
    label = np.where(a * b + 0.5 * c + 0.3 * generator.normal(size=rows) > 0, "yes", "no")
    pd.DataFrame({"a": a, "b": b, "c": c, "label": label}).to_csv(folder / "rows.csv", index=False)


def test_the_next_search_of_a_verdict_begins_with_a_button_and_says_where_it_comes_from(browser, tmp_path, dashboard_url):
    write_rows(tmp_path, 2_000)
    # Far from what a simple reference reaches, so that there is something to do.
    bounds = ("--trials", 2, "--epochs-per-trial", 2, "--no-finals", "--workers", 1)
    bounds += ("--set", "hidden_units=4", "--set", "num_layers=1", "--set", "learning_rate=0.001")
    osetra_here(tmp_path, "fit", "rows.csv", "--target", "label", "--study", "mine", "--models", "models", *bounds).succeeded()
    url = dashboard_url(tmp_path / "osetra.db", tmp_path)
    page = Page(browser, f"{url}/study/mine?tab=diagnosis")
    page.until(lambda: page.texts(".actions li"), "the actions")
    page.press("Apply …")
    page.until(lambda: page.texts(".q-dialog h2") == ["Run the next search?"], "the question")
    said = page.texts(".q-dialog p")[0]
    page.press("Run it", within=".q-dialog")
    page.until(lambda: any("The next search" in one for one in page.texts(STARTED)), "that it runs")
    # The way to the new study is there once it is.
    page.until(lambda: page.texts(f"{STARTED} a") == ["mine-next"], "the new study")
    page.run("arguments[0].click()", browser.find_element("css selector", f"{STARTED} a"))
    page.until(lambda: page.texts("h1") == ["mine-next"], "its page")
    page.until(lambda: any(one.startswith("Goes on from mine") for one in page.texts(".kin p")), "where it comes from")
    page.until(lambda: page.texts("h1 + .state") == ["finished"], "its end")
    page.until(
        lambda: page.texts(STARTED) and "The next search has ended." in page.texts(f"{STARTED} [role=status]"), "the end of the process"
    )
    study = Study.open("mine-next", tmp_path / "osetra.db")
    applied = study.facts["applied"]
    assert applied["from"] == "mine"
    assert said == f"It carries out, together: {', '.join(action['name'] for action in applied['actions'])}."
    assert (tmp_path / "models" / "mine-next" / "model.json").is_file()
    # What came of it stands there without a reload.
    page.until(lambda: any(applied["sentence"] in one for one in page.texts(".kin p")), "what came of it")
    page.sound()
    page = Page(browser, f"{url}/study/mine")
    page.until(lambda: page.texts(".kin p") == ["Followed by mine-next."], "what followed")
    page.fits()


EPOCHS = 300


class Fit:
    """`osetra fit` of three trials in another process, an epoch of which takes a twentieth of a second or more: it must not end before
    somebody on a busy machine has come to press Stop."""

    def __init__(self, folder):
        self.store = folder / "osetra.db"
        write_rows(folder, 3_000)
        bounds = ("--trials", "3", "--epochs-per-trial", str(EPOCHS), "--patience", "0", "--no-finals", "--workers", "1")
        sets = ("hidden_units=128", "batch_size=8", "learning_rate=0.003", "optimizer=momentum")
        edits = [word for one in sets for word in ("--set", one)]
        self.process = subprocess.Popen(
            [COMMAND, "fit", "rows.csv", "--target", "label", "--study", "mine", "--models", "models", *bounds, *edits],
            cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def study(self):
        return Study.open("mine", self.store)

    def has(self, trial, epochs):
        assert self.process.poll() is None
        if not (self.store.exists() and self.store.stat().st_size):
            return False
        try:
            return len(self.study().curve(trial)) >= epochs
        except StudyError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def fit(tmp_path):
    made = Fit(tmp_path)
    yield made
    if made.process.poll() is None:
        made.kill()


def test_one_that_was_killed_is_resumed_and_is_stopped_by_a_dashboard_that_did_not_start_it(browser, fit, tmp_path, serving):
    first, second = (serving(fit.store, tmp_path) for _ in range(2))
    until(lambda: fit.has(trial=0, epochs=10), "the first epochs")
    page = Page(browser, f"{first.url}/study/mine")
    state = "h1 + .state"
    page.until(lambda: page.texts(state) == ["running"] and page.button("Stop"), "that it is trained, by somebody")
    page.fits()

    # Its process is killed, which the page finds out by itself and says.
    fit.kill()
    kept = fit.study().curve(0)
    page.until(lambda: page.texts(state) == ["broken off"], "that it is not trained any more")
    [told] = page.texts(".progress p")
    assert told.startswith("Last heard from ")
    assert told.endswith(" s ago; the process that trained it is gone, and Resume goes on with it.")
    assert fit.study().record.state is StudyState.RUNNING
    assert page.button("Stop") is None
    page.sound()
    page.press("Resume")
    page.until(lambda: page.texts(state) == ["running"], "that it is trained again")
    page.says("The study runs")

    # The dashboard ends, and what it started goes on; another one has it stopped.
    # A page whose server is gone says so in the console, for as long as it is open.
    browser.get("about:blank")
    first.end()
    page = Page(browser, f"{second.url}/study/mine")
    page.until(lambda: page.texts(".numbers .main"), "the numbers")
    assert page.texts(STARTED) == []
    page.press("Stop")
    page.until(lambda: page.texts(".q-dialog h2") == ["Stop this study?"], "the question")
    page.press("Stop it", within=".q-dialog")
    page.until(lambda: page.texts(state) == ["stopped"], "its end")
    study = fit.study()
    [command] = study.store.commands("mine")
    assert (command.trial, command.kind, str(command.state)) == (None, "stop", "done")
    assert command.who.endswith(" (dashboard)")
    assert study.curve(0)[: len(kept)] == kept
    assert study.model is not None

    # And it goes on to its end, with the trials that it had.
    page.press("Resume")
    page.until(lambda: page.texts(state) == ["finished"], "the end")
    study = fit.study()
    assert [trial.epochs for trial in study.trials()] == [EPOCHS] * 3
    assert study.curve(0)[: len(kept)] == kept
    assert [event.kind for event in study.events() if event.trial is None].count("resumed") == 2
    page.until(lambda: page.texts(".numbers .main"), "the numbers")
    assert page.button("Resume") is None
    page.sound()


TUNES = """
import time, osetra

def slow(trial):
    while not trial.should_stop:
        time.sleep(0.01)
        if trial.number < 2:
            return trial.params["x"]

osetra.optimize(slow, {"x": osetra.linear(0, 1)}, trials=100, workers=1, store="osetra.db", study="mine")
"""


def test_a_study_of_an_objective_is_stopped_and_is_gone_on_with_where_it_was_begun(browser, tmp_path, dashboard_url):
    other = subprocess.Popen([sys.executable, "-c", TUNES], cwd=tmp_path, env=environment())
    try:
        place = tmp_path / "osetra.db"

        def begun():
            assert other.poll() is None
            return osetra_here(tmp_path, "trials", "mine", "--json").out.count('"trial"') == 3

        until(begun, "the trial that waits to be told")
        page = Page(browser, f"{dashboard_url(place, tmp_path)}/study/mine")
        page.until(lambda: page.texts("h1 + .state") == ["running"] and page.button("Stop"), "that somebody trains it")
        page.press("Stop")
        page.until(lambda: page.texts(".q-dialog h2") == ["Stop this study?"], "the question")
        told = "It ends as with Ctrl-C: what was reported is kept, and it can be gone on with where it was begun."
        assert page.texts(".q-dialog p") == [told]
        page.press("Stop it", within=".q-dialog")
        page.until(lambda: page.texts("h1 + .state") == ["stopped"], "its end")
        assert page.button("Resume") is None
        assert page.button("Stop") is None
        other.wait(60)
    finally:
        if other.poll() is None:
            other.kill()
            other.wait()
    study = Study.open("mine", place)
    assert (study.record.state, len(study.trials())) == (StudyState.STOPPED, 3)
    [command] = study.store.commands("mine")
    assert (command.trial, command.kind, str(command.state)) == (None, "stop", "done")
    page.fits()
    page.sound()
