"""The page of a study in a browser, made from records; one is trained by the test's own hand."""

import time
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote
from urllib.request import urlopen

import pytest

import in_browser
from osetra.core.records import StudyState, Task, TrialState
from osetra.store.sql import open_store
from osetra.study.asked import OF_DATA, OF_SEARCH
from osetra.study.writing import writing
from osetra.ui.seeing import UNSEEN_S
from report.made_study import HOSTILE, configuration, curve, made, measured, record, trials

from .looking import LOOKS, Page, until

in_browser.require()
MANY = 60
"""Trials of the large study: more than one page."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def store(folder):
    """Studies of every kind; `training` runs, by its record."""
    opened = open_store(folder / "osetra.db")
    made(store=opened, name="classes", count=MANY)
    # As `fit` keeps it, of data that are not there any more.
    asked = dict.fromkeys((*OF_DATA, *OF_SEARCH)) | {"data": "/data/made.csv", "target": "y", "drop": [], "strategy": "waves", "test": True}
    made(store=opened, name="overfitted", dev=measured(0.25), test=measured(0.26), asked=asked)
    made(Task.REGRESSION, store=opened, name="prices")
    made(Task.OBJECTIVE, store=opened, name="a function/of mine", space=record().facts["space"])
    made(store=opened, name=HOSTILE, labels=(HOSTILE, "yes"), names=(HOSTILE, "north"), notes=[HOSTILE])
    going_on = record(
        name="training",
        **dict.fromkeys(("best", "dev", "test", "ended", "seconds", "trials", "epochs")),
        budget={"seconds": None, "trials": 10, "epochs": None},
    )
    opened.create_study(replace(going_on, state=StudyState.RUNNING, reason="", finished=None))
    with writing(opened, "training"):
        yield opened
    opened.close()


@pytest.fixture(scope="module")
def url(store, folder, dashboard_url):
    return dashboard_url(folder / "osetra.db", folder)


class StudyPage(Page):
    """With figures that one can look at and drag over."""

    def drawn(self):
        """Titles of the cards in view whose figure shows points."""
        script = """return [...document.querySelectorAll('section.card')].filter(one => one.offsetParent
            && one.querySelector('.plot .scatterlayer .trace, .plot .barlayer .trace')).map(one => one.querySelector('h2').innerText)"""
        return self.run(script)

    def zoom(self):
        """Drag over a part of the first figure; the range that is seen then."""
        from selenium.webdriver import ActionChains

        ground = self.browser.find_element("css selector", ".plot .nsewdrag")
        seen = "return document.querySelector('.plot').layout.xaxis.range"
        before = self.run(seen)
        ActionChains(self.browser).move_to_element(ground).click_and_hold().move_by_offset(120, 60).release().perform()
        return until(lambda: now if (now := self.run(seen))[0] > before[0] else None, "the zoom")

    def curve_points(self):
        """How many points the figure of the curves has."""
        script = """const plot = document.querySelector('.plot');
            const points = (plot && plot._fullData || []).flatMap(one => [...one.x]);
            return points.filter(at => at != null && !Number.isNaN(at)).length"""
        return self.run(script)


def test_an_unknown_study_is_a_sentence(browser, url):
    in_browser.look(browser)
    browser.get(f"{url}/study/none%20such")
    page = until(lambda: browser.find_elements("css selector", ".empty"), "the sentence")
    assert "'none such'" in page[0].text


def test_the_page_begins_with_the_verdict_and_draws_the_curves(browser, url):
    page = StudyPage(browser, f"{url}/study/classes")
    until(lambda: "Curves" in page.drawn(), "the curves")
    assert page.texts("h1") == ["classes"]
    assert any("9.00 %" in one for one in page.texts(".numbers .main"))
    # It takes longer to be found than curves take to be drawn.
    until(lambda: "bias" in "".join(page.texts(".verdict .lead")).lower(), "the verdict")
    assert page.texts(".facts dt")[-5:] == ["learning_rate", "hidden_units", "keep_prob", "num_layers", "schedule"]
    before = page.curve_points()
    page.choose("Coloured by", "how far they came")
    # One colour a rung; the points are the same ones, but for their order.
    until(lambda: page.run("return document.querySelector('.plot').data.length") > 3, "curves by rung")
    assert page.curve_points() >= before
    page.sound(LOOKS[1:])


def test_trials_are_sorted_filtered_and_paged_where_they_are_kept(browser, url):
    page = StudyPage(browser, f"{url}/study/classes?tab=trials")
    until(lambda: page.column("trial"), "the leaderboard")
    assert len(page.column("trial")) == 25
    assert page.column("trial")[0].startswith("7")
    by_rate = sorted(range(MANY), key=lambda number: configuration(number)["learning_rate"])
    page.press("learning_rate")
    # The lowest of all trials, which are on three pages.
    until(lambda: page.column("trial")[0] == str(by_rate[0]), "the order of learning rates")
    assert page.column("trial") == [str(number) if number != 7 else "7 best" for number in by_rate[:25]]
    page.press("learning_rate")
    until(lambda: page.column("trial")[0].split()[0] == str(by_rate[-1]), "the other way round")
    page.press("Next")
    until(lambda: page.column("trial")[0].split()[0] == str(by_rate[-26]), "the next page")
    assert "26 to 50 of 60" in page.texts(".pages")[0]
    page.choose("State", "diverged")
    until(lambda: page.column("trial") == ["3"], "the one that diverged")
    assert page.texts("[role=status]")[-1] == "1 of 60 trials"
    page.choose("State", "any state")
    page.choose("Where", "hidden_units")
    page.type("at least", "100")
    expected = {number for number in range(MANY) if configuration(number)["hidden_units"] >= 100}
    until(lambda: {int(one.split()[0]) for one in page.column("trial")} == expected, "the large networks")
    page.sound(LOOKS[1:])
    # A trial is a link away, and who comes back finds the order as it was.
    link = browser.find_element("css selector", "tbody a")
    assert link.get_attribute("href").endswith(f"/trial/{link.text}")
    link.click()
    until(lambda: "/trial/" in browser.current_url, "the trial")
    browser.back()
    until(lambda: (page.column("trial") or [""])[0].split() == [str(by_rate[-1])], "the order of learning rates")


def test_a_study_that_trains_is_followed_without_a_reload(browser, url, store):
    page = StudyPage(browser, f"{url}/study/training")
    until(lambda: page.texts(".numbers .main"), "the numbers")
    assert "No trial has come to a result yet" in until(lambda: page.texts(".verdict .lead"), "the verdict")[0]
    ready = [replace(one, state=TrialState.RUNNING, epochs=4) for one in trials(2)]
    store.record("training", trials=ready, epochs={one.number: curve(one, 16)[:4] for one in ready})
    # Both curves, and what the best one came to in training.
    until(lambda: page.curve_points() == 12, "two trials of four epochs")
    assert "In training now" in page.texts("h2")
    zoomed = page.zoom()
    for epochs in (5, 6, 7):
        more = [replace(one, epochs=epochs) for one in ready]
        store.record("training", trials=more, epochs={one.number: curve(one, 16)[epochs - 1 : epochs] for one in more})
        until(lambda so_many=3 * epochs: page.curve_points() == so_many, f"{epochs} epochs")
    assert page.run("return document.querySelector('.plot').layout.xaxis.range") == zoomed
    assert any("14" in one for one in page.texts(".numbers .main"))
    over = [replace(one, state=TrialState.FINISHED, epochs=7) for one in ready]
    store.record("training", trials=over)
    ended = replace(store.study("training"), state=StudyState.STOPPED, reason="it was interrupted")
    store.update_study(replace(ended, finished=ended.created + timedelta(seconds=9)))
    until(lambda: page.texts("h1 + .state") == ["stopped"], "the end")
    assert "it was interrupted" in page.texts(".study-top")[0]
    assert "Resume" in page.texts("button")
    page.sound(LOOKS[1:])


def test_a_page_that_nobody_sees_rests_and_is_true_again_once_it_is_seen(browser, url, store):
    going_on = replace(record(name="unseen", **dict.fromkeys(("best", "dev", "test", "ended", "seconds", "trials", "epochs"))), reason="")
    store.create_study(replace(going_on, state=StudyState.RUNNING, finished=None))
    begun = [replace(one, state=TrialState.RUNNING, epochs=4, train_error=None) for one in trials(2)]
    store.record("unseen", trials=begun, epochs={one.number: curve(one, 16)[:4] for one in begun})
    page = StudyPage(browser, f"{url}/study/unseen")
    until(lambda: page.curve_points() == 12, "two trials of four epochs")
    see = """Object.defineProperty(document, 'hidden', {configurable: true, get: () => arguments[0]});
        document.dispatchEvent(new Event('visibilitychange'))"""
    page.run(see.replace("arguments[0]", "true"))
    # What was asked for before comes still.
    time.sleep(2)
    hidden = time.monotonic()
    more = [replace(one, epochs=5) for one in begun]
    store.record("unseen", trials=more, epochs={one.number: curve(one, 16)[4:5] for one in more})
    time.sleep(2)
    seen = page.curve_points()
    # A machine that was busy for so long may have looked by itself meanwhile.
    assert seen == 12 or time.monotonic() - hidden > UNSEEN_S / 2
    page.run(see.replace("arguments[0]", "false"))
    until(lambda: page.curve_points() == 15, "the fifth epochs")
    page.fits()


OF_NETWORKS = {"Bias and variance", "Beside simple references", "Slices: where it is worst"}
OF_SEARCHES = {"One hyperparameter", "Importance of each hyperparameter", "Parallel coordinates"}


def opened(page, tab, drawn):
    """A tab with all its figures, among them these."""
    page.press(tab, within=".tabs")
    until(lambda: drawn <= set(page.drawn()), f"the figures of {tab}, not only {page.drawn()}")
    until(lambda: "Drawing …" not in page.texts("p"), "every figure, or why there is none")
    until(lambda: page.texts(".numbers .main"), "the numbers")


def test_every_tab_is_sound_wide_and_dark_and_on_a_telephone_in_light(browser, url):
    page = StudyPage(browser, f"{url}/study/classes", dark=True)
    for tab, drawn in (
        ("Overview", {"Curves"}),
        ("Trials", set()),
        ("Search", OF_SEARCHES),
        ("Diagnosis", OF_NETWORKS),
        ("Record", {"Events"}),
    ):
        opened(page, tab, drawn)
        page.sound()


def test_a_study_of_an_objective_has_no_network_to_speak_of(browser, url):
    page = StudyPage(browser, f"{url}/study/{quote('a function/of mine', safe='')}", size=in_browser.NARROW)
    opened(page, "Diagnosis", set())
    said = until(lambda: "".join(page.texts(".verdict .lead")), "the verdict")
    assert said.startswith("No verdict on bias and variance")
    assert "Model" not in page.texts("a")
    assert not OF_NETWORKS & set(page.texts("h2"))
    opened(page, "Search", OF_SEARCHES)
    page.fits()


def test_what_a_study_holds_is_never_markup(browser, url):
    page = StudyPage(browser, f"{url}/study/{quote(HOSTILE, safe='')}")
    assert page.texts("h1") == [HOSTILE]
    for tab, drawn in (("Overview", {"Curves"}), ("Trials", set()), ("Diagnosis", OF_NETWORKS), ("Record", {"Events"})):
        opened(page, tab, drawn)
    assert page.run("return [...document.querySelectorAll('img, b, script:not([src]):not([nonce])')].length") == 0
    assert page.run("return window.hacked") is None
    assert in_browser.complaints(browser) == []


def test_an_action_is_asked_for_once_and_what_cannot_be_done_is_said(browser, url):
    page = StudyPage(browser, f"{url}/study/overfitted?tab=diagnosis")
    until(lambda: page.texts(".actions li"), "the actions")
    assert all(word in page.texts(".actions li")[0] for word in ("Because", "Can bring", "Takes"))
    page.press("Apply …")
    assert until(lambda: page.texts(".q-dialog h2"), "the question") == ["Run the next search?"]
    page.sound(LOOKS[:1])
    page.press("Run it")
    until(lambda: not page.texts(".q-dialog h2"), "the end of the question")
    # The data that the study names are not there, which the search says as it would in a terminal.
    until(lambda: any("/data/made.csv" in one for one in page.texts("section[aria-label='Started from this dashboard']")), "why not")
    page.fits()


def test_the_report_is_a_file_to_download(url):
    with urlopen(f"{url}/study/{quote(HOSTILE, safe='')}/report.html") as answer:
        assert answer.headers["content-disposition"].startswith('attachment; filename="')
        assert "<" not in answer.headers["content-disposition"]
        assert answer.read().startswith(b"<!doctype html>")
