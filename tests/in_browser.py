"""Pages as a browser shows them: headless Chromium, wide and narrow, light and dark, and what axe-core has to say of them.

Without Chromium or its driver such tests are skipped; in CI they must run.
"""

import os
import shutil
from importlib import resources

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
WAIT_S = 60.0
WIDE, NARROW = (1440, 900), (390, 844)


def _why_not():
    if BROWSER is None or DRIVER is None:
        return "needs Chromium and its driver: apt-get install chromium chromium-driver"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "needs selenium, which the extra dev brings"
    return None


WHY_NOT = _why_not()


def require():
    """Called by a module whose tests all need the browser."""
    if WHY_NOT and not os.environ.get("CI"):
        pytest.skip(WHY_NOT, allow_module_level=True)


def started():
    """A browser, which its maker quits."""
    assert WHY_NOT is None, WHY_NOT
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(WAIT_S)
    return driver


def look(browser, *, size=WIDE, dark=False):
    """From now on a screen of this size, in these colours, that of a phone where it is narrow."""
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
    )
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == NARROW}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def complaints(browser):
    """What the console says since it was last asked."""
    return [entry["message"] for entry in browser.get_log("browser")]


def beyond_the_screen(browser):
    """Pixels by which the page is wider than the screen."""
    return browser.execute_script("const root = document.documentElement; return root.scrollWidth - root.clientWidth")


def barriers(browser):
    """What axe-core finds that is serious or critical: the rule, and where."""
    axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    if not browser.execute_script("return !!window.axe"):
        browser.execute_script(axe)
    found = browser.execute_async_script("const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done)")
    return [
        f"{one['impact']}: {one['id']} at {node['target']}: {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
