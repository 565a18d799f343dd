"""The list of studies in a browser, made from records: what each came to, what is due, and finding one among many."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import in_browser
from osetra.core.records import StudyState, Task
from osetra.store.sql import open_store
from osetra.study.asked import OF_DATA, OF_SEARCH
from osetra.study.writing import writing
from osetra.ui.pages.studies import MANY
from report.made_study import HOSTILE, made, record

from .looking import Page

in_browser.require()
LATER_S = 3_700
NEVER = {"days": 0.0, "drift": 0.0, "versions": False}
"""The policy of a study that is never due."""
TOO_OLD = "last tested 400 days ago, with 90 allowed"


def going_on(name, began):
    """A study whose record says that it is trained."""
    unknown = dict.fromkeys(("best", "dev", "test", "ended", "seconds", "trials", "epochs"))
    study = record(name=name, **unknown, budget={"seconds": None, "trials": 10, "epochs": None})
    return replace(study, state=StudyState.RUNNING, reason="", created=began, finished=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Studies of every kind: one is trained by this process, one was by a process that is gone, one was tested long ago."""
    folder = tmp_path_factory.mktemp("listed")
    store = open_store(folder / "osetra.db")
    made(store=store, name="classes", retest_policy=NEVER)
    made(Task.REGRESSION, store=store, name="prices", retest_policy=NEVER)
    made(store=store, name=HOSTILE, labels=(HOSTILE, "yes"), names=(HOSTILE, "north"), notes=[HOSTILE], retest_policy=NEVER)
    now = datetime.now(UTC)
    (folder / "rows.csv").write_text("y,a\n1,2\n", encoding="utf-8")
    asked = dict.fromkeys((*OF_DATA, *OF_SEARCH)) | {"data": str(folder / "rows.csv"), "target": "y", "drop": [], "test": True}
    asked |= {"strategy": "waves"}
    old = record(name="old", asked=asked, model="models/old", retest_policy=NEVER | {"days": 90.0})
    long_ago = now - timedelta(days=400, hours=1)
    store.create_study(replace(old, created=long_ago - timedelta(minutes=1), finished=long_ago))
    store.create_study(going_on("trained now", now))
    store.create_study(going_on("killed", now - timedelta(seconds=LATER_S)))
    with writing(store, "trained now"):
        yield folder
    store.close()


@pytest.fixture(scope="module")
def url(folder, dashboard_url):
    return dashboard_url(folder / "osetra.db", folder)


def listed(page):
    """State and best of each study, by its name; the list must be there."""
    page.until(lambda: page.column("study"), "the list")
    names, states, bests = page.columns("study", "state", "best")
    return {name.splitlines()[0]: (state, best) for name, state, best in zip(names, states, bests, strict=True)}


def test_the_list_says_what_each_study_came_to_and_which_broke_off(browser, url):
    page = Page(browser, url)
    page.until(lambda: page.column("re-test"), "what is due")
    shown = listed(page)
    assert set(shown) == {"classes", "prices", HOSTILE, "old", "trained now", "killed"}
    assert shown["classes"][0] == "finished"
    assert "9.00 %" in shown["classes"][1]
    assert "test error rate, 8.50 to 9.50 %" in shown["classes"][1]
    assert "test RMSE" in shown["prices"][1]
    assert shown["trained now"][0].split()[0] == "running"
    assert shown["killed"][0].splitlines()[0].strip() == "broken off"
    assert "last heard from 1 h 1 min ago" in shown["killed"][0]
    # Why it is due stands beside it, and only there.
    due = dict(zip(shown, page.column("re-test"), strict=True))
    assert due.pop("old").split(maxsplit=1) == ["due", TOO_OLD]
    assert set(due.values()) == {""}
    page.sound()


def test_a_store_without_a_study_says_what_to_type(browser, dashboard_url, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    page = Page(browser, dashboard_url(empty / "osetra.db", empty))
    assert page.until(lambda: page.texts(".empty pre"), "what to type") == ["osetra fit DATA --target COLUMN"]
    page.sound(looks=((in_browser.NARROW, False),))


def test_one_among_many_is_found_by_name_and_state_and_what_comes_later_is_listed_too(browser, url, folder):
    page = Page(browser, url)
    listed(page)
    assert "Filter by name" not in page.texts("label")
    store = open_store(folder / "osetra.db")
    for number in range(MANY):
        made(store=store, name=f"digits {number}", retest_policy=NEVER)
    # Without a reload: the fields come with the eighth study.
    page.until(lambda: len(listed(page)) == MANY + 6, "the new studies")
    page.type("Filter by name", "DIGITS")
    page.until(lambda: set(listed(page)) == {f"digits {number}" for number in range(MANY)}, "those called so")
    assert f"{MANY} of {MANY + 6} studies" in page.texts("[role=status]")
    page.type("Filter by name", "digits 3")
    page.until(lambda: set(listed(page)) == {"digits 3"}, "one of them")
    page.type("Filter by name", "none such")
    page.until(lambda: not page.column("study"), "none")
    assert f"0 of {MANY + 6} studies" in page.texts("[role=status]")
    page.type("Filter by name", "")
    for state, names in (("broken off", {"killed"}), ("running", {"trained now"}), ("due for re-test", {"old"})):
        page.choose("State", state)
        page.until(lambda names=names: set(listed(page)) == names, state)
    page.sound()
    page.choose("State", "any state")
    page.until(lambda: len(listed(page)) == MANY + 6, "all of them")
    store.close()
