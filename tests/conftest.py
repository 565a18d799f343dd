"""Settings for every test: property tests draw anew each time, but the same in CI, whose verdict is on the change and not on the draw."""

import os

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.register_profile("the same each time", deadline=None, derandomize=True)
settings.load_profile("the same each time" if os.environ.get("CI") else "unhurried")
