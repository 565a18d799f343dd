"""A learning-rate range test of osetra's own network on one's own data, before anything is tuned.

Knows nothing of: terminals, stores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osetra.core.errors import InputError
from osetra.core.records import Configuration
from osetra.core.seeding import Seed
from osetra.space.values import is_whole
from osetra.study.table import PreparedTable

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from osetra.training.range_test import RangeTest


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateRange:
    """A range test, and of what."""

    source: str
    rows: int
    """Of the training part."""
    configuration: Configuration
    """Of the network tested; its own learning rate and schedule played no part."""
    test: "RangeTest"

    def figure(self) -> "go.Figure":
        """Cost by learning rate."""
        from osetra.report.figures.range_test import range_test

        return range_test(self.test)


def learning_rate_range(
    data: Any,
    target: str | Sequence[str] | None = None,
    *,
    y: Any = None,
    task: str | None = None,
    drop: Sequence[str] = (),
    space: Mapping[str, Any] | None = None,
    low: float | None = None,
    high: float | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> LearningRateRange:
    """Raise the rate from `low` to `high` over `steps` mini-batches of the training part, and say which rates are worth a search.

    data, target, y, task, drop: as in `osetra.fit`; dev and test parts are the same, too, and not looked at. space: edits of the default
    space; what is tested is the configuration that a fit with them would try first. What is None is as in `osetra.training.range_test`.
    Nothing is written. Raises DataError, SpaceError, StudyError; InputError for a seed that makes no sense.
    """
    if not (is_whole(seed) and seed >= 0):
        raise InputError(f"seed must be a whole number >= 0, got {seed!r}; leave it out for 0")
    table = PreparedTable.of(data, target, y=y, task=task, drop=drop, seed=seed)

    from osetra.engines.native.engine import NativeEngine
    from osetra.study.budget import Budget
    from osetra.study.setting import decide
    from osetra.training.range_test import range_test
    from osetra.training.recipe import build_member

    setting = decide(
        table, Budget(trials=1), edits=space or {}, strategy="waves", finals=False, ensemble=False, epochs_per_trial=None, patience=None,
        workers=1,
    )  # fmt: skip
    member = build_member(
        setting.first, num_inputs=table.preparation.num_inputs, num_outputs=table.preparation.num_outputs, task=table.dataset.task,
        seed=Seed(study=seed, trial=0), total_epochs=setting.epochs_per_trial,
    )  # fmt: skip
    given = {name: value for name, value in (("low", low), ("high", high), ("steps", steps)) if value is not None}
    test = range_test(member, NativeEngine(), table.training, **given)  # pyright: ignore[reportArgumentType]
    return LearningRateRange(source=table.dataset.source, rows=table.training.num_rows, configuration=setting.first, test=test)
