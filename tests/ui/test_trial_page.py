"""The page of a trial in a browser: a fit that runs in another process is watched and steered from it."""

import os
import signal
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import in_browser
from cli.calls import COMMAND, environment
from osetra.core.errors import StudyError
from osetra.core.records import CommandState, EpochRecord, Event, StudyState, Task, Trial, TrialState
from osetra.core.records import Study as StudyRecord
from osetra.store.sql import open_store
from osetra.study.handle import Study
from osetra.study.writing import writing

from .looking import LOOKS, WAIT_S, Page, until

in_browser.require()
pytestmark = pytest.mark.skipif(os.name != "posix", reason="Ctrl-C as a signal is POSIX")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Fit:
    """`osetra fit` of two long trials, in another process, an epoch of which takes a twentieth of a second or more."""

    def __init__(self, folder):
        self.folder, self.store = folder, folder / "osetra.db"
        generator = np.random.default_rng(1)
        a, b, c = generator.normal(size=(3, 3_000))
        label = np.where(a * b + 0.5 * c + 0.3 * generator.normal(size=len(a)) > 0, "yes", "no")
        pd.DataFrame({"a": a, "b": b, "c": c, "label": label}).to_csv(folder / "rows.csv", index=False)
        # Two trials, so that the study goes on while one of them stands still.
        bounds = ("--trials", "2", "--epochs-per-trial", "100000", "--patience", "0", "--no-finals", "--workers", "1")
        sets = ("hidden_units=128", "batch_size=8", "learning_rate=0.003", "optimizer=momentum")
        edits = [word for one in sets for word in ("--set", one)]
        self.process = subprocess.Popen(
            [COMMAND, "fit", "rows.csv", "--target", "label", "--study", "mine", *bounds, *edits],
            cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def has_begun(self):
        assert self.process.poll() is None, self.process.communicate()
        if not (self.store.exists() and self.store.stat().st_size):
            return False
        try:
            return self.study().store.curve("mine", 0)[1:]
        except StudyError:
            # Its tables are made before it is.
            return False

    def study(self):
        return Study.open("mine", self.store)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=WAIT_S)
        assert self.process.returncode == 0, err


class TrialPage(Page):
    """With what a trial is steered by."""

    def __init__(self, browser, url, study, number):
        super().__init__(browser, f"{url}/study/{study}/trial/{number}")
        self.number = number
        self.until(lambda: self.texts(".numbers .main"), "the numbers")

    def value(self, label):
        return self.browser.find_element("css selector", f"input[aria-label='{label}']").get_attribute("value")

    def slider(self, label):
        return self.browser.find_element("css selector", f"[aria-label^='{label}'] [tabindex='0']")

    @property
    def epochs(self):
        return int(self.texts(".numbers .main")[0].split()[0].replace(",", ""))

    def answer(self, asked):
        """The latest command's answer, once there is one."""

        def found():
            shown = self.texts(".commands li")
            return shown and shown[0].startswith(asked) and "waits" not in shown[0] and shown[0].splitlines()[1]

        try:
            return until(found, f"the answer to {asked}")
        except AssertionError as late:
            late.add_note(f"the page says {self.texts('.commands li')[:2]} {self.texts('.refused')} {self.texts('.q-dialog')}")
            raise

    def points(self):
        """Of the dev curve as it is drawn, its epochs."""
        script = """const plot = document.querySelector('.curve .plot');
            return plot && plot.data ? plot.data.filter(one => one.name.startsWith('dev')).flatMap(one => one.x) : []"""
        return self.run(script)


@pytest.fixture(scope="module")
def fit(tmp_path_factory):
    made = Fit(tmp_path_factory.mktemp("trial"))
    try:
        until(made.has_begun, "the fit's first epochs")
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.communicate()


@pytest.fixture(scope="module")
def url(fit, dashboard_url):
    return dashboard_url(fit.store, fit.folder)


def test_a_trial_is_watched_and_steered_from_its_page(browser, fit, url):
    page = TrialPage(browser, url, "mine", 0)

    # It is watched.
    first = until(page.points, "the curve")
    until(lambda: len(page.points()) > len(first), "more of the curve")
    assert page.texts("h1 ~ .state")[0] == "running"
    assert page.button("Set").is_enabled() is False

    # A rate is set; it is acknowledged with the epoch, and shown as an event.
    page.type("learning rate", "-1")
    until(lambda: any("learning_rate must be > 0, got -1" in said for said in page.texts(".setting")), "the refusal of -1")
    assert page.button("Set").is_enabled() is False
    page.type("learning rate", "0.02")
    page.press("Set")
    at = int(page.answer("set learning_rate 0.02").removeprefix("in effect from epoch ").replace(",", "")) - 1
    until(lambda: any("learning_rate 0.003 → 0.02" in row for row in page.texts("tbody tr")), "the event")
    [event] = [event for event in fit.study().events(0) if event.kind == "set"]
    assert (event.epoch, event.detail["settings"], event.detail["old"]) == (at, {"learning_rate": 0.02}, {"learning_rate": 0.003})
    assert event.who.endswith(" (dashboard)")
    until(lambda: page.button("Set").is_enabled() is False and page.value("learning rate") == "0.02", "the field at rest")
    until(lambda: page.epochs > at, "an epoch of the new rate")

    # A slider moves on its own scale, and only what was changed is sent.
    from selenium.webdriver.common.keys import Keys

    page.slider("momentum").send_keys(Keys.PAGE_UP)
    moved = until(lambda: page.value("momentum") != "0.9" and page.value("momentum"), "the momentum")
    assert 0.9 < float(moved) < 0.999
    page.browser.find_element("css selector", ".why input").send_keys("steadier")
    page.press("Set")
    assert page.answer(f"set momentum {float(moved):.4g}").startswith("in effect from epoch ")
    last = fit.study().events(0)[-1]
    assert (list(last.detail["settings"]), last.detail["why"]) == (["momentum"], "steadier")

    # It stands still, and goes on.
    page.press("Pause")
    held = int(page.answer("pause").removeprefix("stands still after epoch "))
    until(lambda: page.texts("h1 ~ .state")[0] == "paused" and page.epochs == held, "the pause")
    page.sound()
    page.press("Continue")
    assert page.answer("continue") == f"goes on with epoch {held + 1}"
    page.press("Extend")
    assert page.answer("extend by 10 epochs") == "trains up to 100010 epochs"
    until(lambda: page.epochs > held, "an epoch after the pause")

    # What is set in a terminal comes in; what a person has typed here stays, until it is given up.
    page.type("lambda (l2)", "7")
    fit.study().steer(0).set(batch_size=100, timeout_s=WAIT_S)
    until(lambda: any({"batch", "100"} <= set(row.split()) for row in page.texts(".setting")), "the batch size of 100")
    assert page.value("lambda (l2)") == "7"
    page.press("Forget changes")
    until(lambda: page.value("lambda (l2)") != "7", "the value in effect")

    # The first change is undone by a rollback to before it, which is asked once and says what is lost.
    until(lambda: page.button("Undo"), "the way back")
    page.run("[...document.querySelectorAll('td button')].filter(one => one.innerText == 'Undo').at(-1).click()")
    asked = until(lambda: page.texts(".q-dialog p"), "the question")
    assert asked[0].startswith(f"Epochs {at + 1} to ")
    # Before it there may be a line on the best so far.
    [undone] = [line for line in asked if line.startswith("What was set since is undone: learning_rate 0.02, momentum")]
    assert "batch_size 100" in undone
    page.sound(LOOKS[1:])
    page.press("Cancel", within=".q-dialog")
    until(lambda: not page.texts(".q-dialog p"), "no question")
    assert not [one for one in fit.study().store.commands("mine") if one.kind == "rollback"]
    page.run("[...document.querySelectorAll('td button')].filter(one => one.innerText == 'Undo').at(-1).click()")
    page.press("Roll back", within=".q-dialog")
    assert page.answer("roll back to epoch") == f"stands at the end of epoch {at}, and goes on from there"
    until(lambda: page.value("learning rate") == "0.003" and page.value("momentum") == "0.9", "the values of before")
    until(lambda: "given up" in page.texts(".curve .legendtext"), "the way given up")

    # A click on the curve offers to go back there.
    until(lambda: page.epochs > at + 1, "an epoch after the rollback")
    page.press("Pause")
    page.answer("pause")
    until(lambda: page.points()[-1:] == [page.epochs], "the curve up to there")
    script = """const plot = document.querySelector('.curve .plot'), box = plot.querySelector('.nsewdrag').getBoundingClientRect();
        return [box.left + plot._fullLayout.xaxis.d2p(arguments[0]), box.top + box.height / 2]"""
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.action_builder import ActionBuilder

    def asked_by_a_click():
        # Plotly takes a click for one on the point that it last found below the pointer, which a busy machine finds late: then again.
        x, y = page.run("document.querySelector('.curve').scrollIntoView(); " + script, at)
        pointer = ActionBuilder(browser)
        pointer.pointer_action.move_to_location(round(x) + 30, round(y)).pause(0.3).move_to_location(round(x), round(y)).pause(1).click()
        pointer.perform()
        time.sleep(2)
        return page.texts(".q-dialog h2")

    question = page.until(asked_by_a_click, "the question")[0]
    # A pixel or so beside it may be nearer to a neighbour.
    assert abs(int(question.removeprefix("Roll trial 0 back to the end of epoch ").removesuffix("?")) - at) <= 1 + page.epochs // 200
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    until(lambda: not page.texts(".q-dialog h2"), "no question")

    # A branch takes what is in the fields with it.
    page.type("lambda (l2)", "2.5")
    page.press("Branch")
    assert page.answer("branch from here with l2 2.5").startswith("trial 1000000 goes on from epoch ")
    branch = until(lambda: next((one for one in fit.study().events(1_000_000) if one.kind == "branched"), None), "the branch")
    assert branch.detail["settings"] == {"l2": 2.5}
    until(lambda: "Branch 1000000" in page.texts("nav a"), "the way to the branch")

    # It is stopped, which is asked once.
    page.press("Stop")
    until(lambda: page.texts(".q-dialog h2") == ["Stop trial 0?"], "the question")
    page.press("Stop it", within=".q-dialog")
    assert page.answer("stop").startswith("stopped after epoch ")
    until(lambda: page.texts("h1 ~ .state")[0] == "stopped", "the end")
    assert fit.study().trial(0).state is TrialState.STOPPED
    assert {one.state for one in fit.study().store.commands("mine")} == {CommandState.DONE}
    assert in_browser.complaints(browser) == []


def test_a_branch_leads_back_to_its_parent_and_what_nobody_trains_cannot_be_steered(browser, fit, url):
    page = TrialPage(browser, url, "mine", 1_000_000)
    assert "Branched from trial 0" in page.texts("nav a")
    fit.interrupt()
    until(lambda: any("Nobody trains this study now" in said for said in page.texts(".panda p")), "that nobody trains it")
    assert f"osetra resume mine --store {fit.store}" in page.texts(".panda pre")
    for shown in ("Pause", "Continue", "Stop", "Set", "Extend", "Roll back", "Branch"):
        assert page.button(shown, within=".panda").is_enabled() is False, shown
    assert browser.find_element("css selector", "input[aria-label='learning rate']").is_enabled() is False
    assert page.button("Undo") is None
    typed = "\n".join(page.texts("pre"))
    assert f"osetra replay mine 1000000 --store {fit.store}" in typed
    page.sound()


def test_an_address_of_no_trial_says_so(browser, fit, url):
    browser.get(f"{url}/study/mine/trial/77")
    said = until(lambda: browser.execute_script("return document.querySelector('.empty')?.innerText"), "the page")
    assert "has no trial 77" in said


def test_a_suggestion_is_followed_with_a_button_and_a_waiting_answer_blocks_nothing(browser, tmp_path, dashboard_url):
    """The test itself stands for who trains, and takes its time."""
    store = open_store(tmp_path / "s.db")
    record = StudyRecord(
        name="a/b <b>", state=StudyState.RUNNING, created=NOW, task=Task.BINARY, target="label", source="rows.csv", seed=0,
        error_name="error rate", facts={"epochs_per_trial": 9},
    )  # fmt: skip
    store.create_study(record)
    markup = "<img src=x onerror='window.hacked = 1'>"
    suggested = {"rule": "plateau", "settings": {"learning_rate": 0.005}, "rollback_to": None, "why": f"dev error stalls {markup}"}
    curve = [EpochRecord(epoch=n, train_cost=0.5, train_error=0.2, dev_loss=0.5, dev_error=0.3 / n, seconds=0.1) for n in (1, 2, 3)]
    trial = Trial(
        number=4, configuration={"learning_rate": 0.01}, state=TrialState.RUNNING, reason=markup, epochs=3, best_epoch=3, dev_error=0.1
    )
    event = Event(trial=4, epoch=3, kind="suggested", detail=suggested, who="babysitter", at=NOW)
    store.record("a/b <b>", trials=[trial], epochs={4: curve}, events=[event])
    with writing(store, "a/b <b>"):
        page = TrialPage(browser, dashboard_url(tmp_path / "s.db", tmp_path), "a%2Fb%20%3Cb%3E", 4)
        assert f"After epoch 3: dev error stalls {markup}." in page.texts(".verdict p")
        assert "Set learning_rate 0.005." in page.texts(".verdict p")
        page.press("Do it")
        until(lambda: "".join(page.texts(".commands li")[:1]).startswith("set learning_rate 0.005\nasked; waits"), "the command")
        [command] = store.commands("a/b <b>", state=CommandState.WAITING)
        assert command.id is not None
        assert (command.kind, command.detail) == ("set", {"settings": {"learning_rate": 0.005}})
        # Meanwhile the page goes on.
        store.record("a/b <b>", trials=[replace(trial, epochs=4)], epochs={4: [replace(curve[-1], epoch=4)]})
        until(lambda: page.epochs == 4, "an epoch while the command waits")
        store.answer_command("a/b <b>", command.id, state=CommandState.REFUSED, answer=f"it cannot be {markup}", at=NOW)
        assert page.answer("set learning_rate 0.005") == f"refused: it cannot be {markup}"
        page.press("Log axis")
        until(lambda: page.run("return document.querySelector('.curve .plot').layout.yaxis.type") == "log", "the log axis")
        page.press("Loss")
        until(lambda: "dev loss" in page.texts(".curve .legendtext"), "the loss")
        page.slider("smoothing").send_keys("\ue00e")
        until(lambda: "dev loss, smoothed" in page.texts(".curve .legendtext"), "the smoothed curve")
    page.sound(LOOKS[:1])
    store.close()
