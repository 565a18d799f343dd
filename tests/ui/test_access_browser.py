"""The way in as a browser goes it: the link, the field, and what a page's policy keeps from running."""

from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

import in_browser

in_browser.require()
TOKEN = "a-token-that-is-long-enough"


@pytest.fixture(scope="module")
def served(serving, demo_home):
    return serving(demo_home / "osetra.db", demo_home, OSETRA_TOKEN=TOKEN)


def _wait(browser, is_so):
    return WebDriverWait(browser, in_browser.WAIT_S).until(lambda _: is_so())


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [in_browser.WIDE, in_browser.NARROW])
def test_the_login_page_is_sound(browser, served, size, dark):
    in_browser.look(browser, size=size, dark=dark)
    browser.delete_all_cookies()
    browser.get(f"{served.url}/study/people")
    assert urlsplit(browser.current_url).path == "/login"
    assert in_browser.complaints(browser) == []
    assert in_browser.beyond_the_screen(browser) == 0
    assert in_browser.barriers(browser) == []
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (int(ground.removeprefix("rgb(").partition(",")[0]) < 128) == dark


def test_a_wrong_token_is_said_and_the_right_one_lets_in_for_good(browser, served):
    in_browser.look(browser)
    browser.delete_all_cookies()
    browser.get(f"{served.url}/login")
    browser.find_element(By.ID, "token").send_keys("wrong\n")
    _wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "[role=alert]"))
    assert "That is not the token" in browser.find_element(By.CSS_SELECTOR, "[role=alert]").text
    in_browser.complaints(browser)
    browser.find_element(By.ID, "token").send_keys(f"{TOKEN}\n")
    _wait(browser, lambda: browser.find_elements(By.TAG_NAME, "h1") and urlsplit(browser.current_url).path == "/")
    kept = browser.get_cookies()
    assert [(one["httpOnly"], one["sameSite"]) for one in kept] == [(True, "Strict")]
    assert browser.execute_script("return document.cookie") == ""
    # The socket is open: what the server shows later arrives.
    _wait(browser, lambda: "people" in browser.find_element(By.TAG_NAME, "body").text)
    assert _wait(browser, lambda: browser.execute_script("return !!window.socket && window.socket.connected"))
    assert in_browser.complaints(browser) == []


def test_markup_that_came_into_a_page_runs_nothing(browser, served):
    browser.get(f"{served.url}/login?token={TOKEN}")
    _wait(browser, lambda: urlsplit(browser.current_url).path == "/" and browser.find_elements(By.TAG_NAME, "h1"))
    in_browser.complaints(browser)
    browser.execute_script(
        "const put = (markup) => document.body.insertAdjacentHTML('beforeend', markup);"
        "put(`<img src='data:,' onerror='window.hit = 1'><iframe src='javascript:top.hit = 1'></iframe>`);"
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hit = 1'}));"
        "document.body.append(Object.assign(document.createElement('script'), {src: 'https://evil.example/x.js'}));"
    )
    _wait(browser, lambda: len(in_browser.complaints(browser)) > 0)
    assert browser.execute_script("return window.hit === undefined")
