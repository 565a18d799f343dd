"""What comes before a search: what `fit` and `plan` do alike, the reading of the data apart.

Knows nothing of: what follows.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from osetra.core.errors import StudyError
from osetra.core.ports import Progress
from osetra.core.seeding import Seed
from osetra.data.images import Images
from osetra.data.shift import part_shifts
from osetra.study.table import PreparedTable


class Silence:
    """A progress that says nothing."""

    def notice(self, text: str) -> None:
        """Nothing."""

    def update(self, facts: Mapping[str, Any]) -> None:
        """Nothing."""


def require_seed(seed: object) -> int:
    """The seed as a whole number. Raises StudyError for anything else."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise StudyError(f"seed must be a whole number >= 0, got {seed!r}; the same seed gives the same study")
    return int(seed)


def shift_facts(table: PreparedTable, time_column: str | None, *, seed: int) -> dict[str, Any]:
    """Whether the parts can be told apart, for the study's record; times are left out where rows were dealt out by them."""
    rows = table.dataset
    features = rows.features if time_column is None or isinstance(rows.features, Images) else rows.features.drop(columns=time_column)
    pairs = part_shifts(features, rows.target, table.split, seed=Seed(study=seed))
    return {"ways": list(table.split.ways), "pairs": [pair.to_dict() for pair in pairs]}


def compile_engine(progress: Progress) -> float:
    """Have the engine's compiled code ready; seconds spent on making it, 0 where it was there."""
    from osetra.engines.native.engine import NativeEngine

    if NativeEngine.is_compiled():
        return 0.0
    progress.notice("Compiling the training engine, once for this machine: about 20 s ...")
    at = time.monotonic()
    NativeEngine.compile()
    return time.monotonic() - at
