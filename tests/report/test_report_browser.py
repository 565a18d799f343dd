"""The report as a browser shows it: wide and narrow, light and dark."""

import time
from itertools import product

import pytest

import in_browser
from in_browser import NARROW, WAIT_S, WIDE, barriers, beyond_the_screen, complaints
from osetra.core.records import Task

from .made_study import HOSTILE, made

in_browser.require()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """A report with every figure, and one of each other kind of study, full of markup that must not be."""
    folder = tmp_path_factory.mktemp("reports")
    hostile = {"name": HOSTILE, "names": (HOSTILE, "north"), "labels": (HOSTILE, "yes"), "notes": [HOSTILE]}
    made(labels=("no", "a class with a name that is rather long"), names=("a_column_with_a_name_that_is_rather_long", "north")).report(
        folder / "classes.html"
    )
    made(**hostile).report(folder / "hostile.html")
    made(Task.REGRESSION).report(folder / "regression.html")
    made(Task.OBJECTIVE).report(folder / "objective.html")
    return folder


def opened(browser, path, *, size=WIDE, dark=False):
    """The page with all its figures drawn; what the browser complained of."""
    in_browser.look(browser, size=size, dark=dark)
    browser.get(path.as_uri())
    until = time.monotonic() + WAIT_S
    while not browser.execute_script("return document.documentElement.dataset.drawn"):
        assert time.monotonic() < until, f"not drawn in {WAIT_S} s: {complaints(browser)}"
        time.sleep(0.02)
    return complaints(browser)


FIGURES = """return [...document.querySelectorAll('.plot')].map(one => {
    const svg = one.querySelector('svg.main-svg'), box = svg && svg.getBoundingClientRect(), around = one.getBoundingClientRect();
    const marks = one.querySelectorAll('.scatterlayer .trace, .barlayer .trace, .heatmaplayer .hm, .hm image').length;
    return {id: one.id, drawn: !!svg && box.width > 100 && box.height > 100, fits: !!svg && box.right <= around.right + 1, marks};
})"""


def held(browser, complained, size):
    """What is held of every report."""
    assert complained == []
    figures = browser.execute_script(FIGURES)
    assert len(figures) == int(browser.execute_script("return document.documentElement.dataset.drawn"))
    assert [one["id"] for one in figures if not (one["drawn"] and one["fits"] and one["marks"])] == []
    assert (beyond_the_screen(browser), browser.execute_script("return window.innerWidth")) == (0, size[0])
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.execute_script("return window.hacked") is None
    return len(figures)


@pytest.mark.parametrize(("size", "dark"), list(product((WIDE, NARROW), (False, True))))
def test_every_figure_is_drawn_and_nothing_is_wider_than_the_screen(browser, reports, size, dark):
    assert held(browser, opened(browser, reports / "classes.html", size=size, dark=dark), size) >= 18


def test_axe_would_tell(browser):
    browser.get("data:text/html,<html lang=en><title>page</title><main><h1>page</h1><button></button></main>")
    assert any("button-name" in one for one in barriers(browser))


@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), (NARROW, True)])
def test_axe_finds_nothing_serious(browser, reports, size, dark):
    opened(browser, reports / "classes.html", size=size, dark=dark)
    assert barriers(browser) == []


@pytest.mark.parametrize("name", ["regression", "objective", "hostile"])
def test_the_other_kinds_of_study_are_drawn_too(browser, reports, name):
    assert held(browser, opened(browser, reports / f"{name}.html", size=NARROW), NARROW) >= 8


COLOURS = """const of = (one, name) => getComputedStyle(document.querySelector(one))[name];
    return {ground: of('body', 'backgroundColor'), ink: of('body', 'color'), tick: of('#figure-curves-0 .xtick text', 'fill')}"""


def brightness(colour):
    return sum(map(int, colour[colour.index("(") + 1 :].rstrip(")").split(",")[:3])) / 765


@pytest.mark.parametrize("dark", [False, True])
def test_page_and_figures_follow_the_system_and_the_button(browser, reports, dark):
    opened(browser, reports / "classes.html", dark=dark)

    def is_dark():
        colours = browser.execute_script(COLOURS)
        ground, ink, tick = (brightness(colours[name]) for name in ("ground", "ink", "tick"))
        assert abs(ground - ink) > 0.6
        assert abs(ground - tick) > 0.4
        assert (ink > ground) is (tick > ground)
        return ground < 0.5

    assert is_dark() is dark
    button = browser.find_element("id", "theme")
    assert button.text == ("Light" if dark else "Dark")
    button.click()
    assert is_dark() is not dark
    browser.refresh()
    assert browser.execute_script("return document.documentElement.dataset.theme") == ("light" if dark else "dark")
    browser.execute_script("localStorage.clear()")


def test_a_printed_report_is_light_and_whole(browser, reports):
    opened(browser, reports / "classes.html", dark=True)
    widths = "return [...document.querySelectorAll('.plot svg.main-svg')].map(one => one.getBoundingClientRect().width)"
    on_screen = browser.execute_script(widths)
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert max(browser.execute_script(widths)) <= 700 < max(on_screen)
    assert brightness(browser.execute_script(COLOURS)["tick"]) < 0.5
    assert browser.execute_script("return [...document.querySelectorAll('details')].every(one => one.open)")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert brightness(browser.execute_script(COLOURS)["ground"]) == 1.0
    assert browser.execute_script("return getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    browser.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert brightness(browser.execute_script(COLOURS)["tick"]) > 0.5
    assert browser.execute_script(widths) == pytest.approx(on_screen, abs=2)


def test_the_keyboard_reaches_the_report_the_contents_and_wide_tables(browser, reports):
    from selenium.webdriver.common.keys import Keys

    opened(browser, reports / "classes.html", size=NARROW)
    body = browser.find_element("tag name", "body")
    body.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("class") == "skip"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.execute_script("return document.activeElement.id") == "report"
    contents = browser.find_element("css selector", "nav summary")
    assert contents.is_displayed()
    contents.send_keys(Keys.ENTER)
    assert browser.find_element("css selector", "nav a[href='#curves']").is_displayed()
    table = browser.find_element("css selector", "#leaderboard .scroll")
    assert browser.execute_script("return arguments[0].scrollWidth > arguments[0].clientWidth && arguments[0].tabIndex === 0", table)
