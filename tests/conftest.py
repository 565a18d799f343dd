"""Settings for every test: property tests draw anew each time, but the same in CI, whose verdict is on the change and not on the draw."""

import os

import pytest
from hypothesis import settings

import in_browser

settings.register_profile("unhurried", deadline=None)
settings.register_profile("the same each time", deadline=None, derandomize=True)
settings.load_profile("the same each time" if os.environ.get("CI") else "unhurried")


@pytest.fixture(scope="session")
def browser():
    """One for all tests of pages."""
    driver = in_browser.started()
    yield driver
    driver.quit()
