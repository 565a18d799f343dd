"""When a study was last heard of, and whether anybody still trains it, for all pages: what `osetra.study.heard` says.

Knows nothing of: pages.
"""

from osetra.study.heard import BROKEN_OFF, Heard, Hearing

__all__ = ["BROKEN_OFF", "Heard", "Hearing"]
