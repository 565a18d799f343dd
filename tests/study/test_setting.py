"""What is decided before a study begins: how far a full training goes."""

import numpy as np
import pandas as pd
import pytest

from osetra.core.errors import StudyError
from osetra.study.budget import Budget
from osetra.study.setting import decide
from osetra.study.table import PreparedTable


@pytest.fixture(scope="module")
def tables():
    generator = np.random.default_rng(0)
    made = {rows: pd.DataFrame({"a": generator.normal(size=rows), "y": generator.normal(size=rows)}) for rows in (60, 40_000)}
    return {rows: PreparedTable.of(frame, "y") for rows, frame in made.items()}


def decided(table, *, epochs_per_trial=None, patience=None, **budget):
    return decide(
        table, Budget(**budget), edits={}, strategy="waves", finals=False, ensemble=False, epochs_per_trial=epochs_per_trial,
        patience=patience, workers=2,
    )  # fmt: skip


def test_a_full_training_is_a_million_rows_from_10_to_200_epochs(tables):
    small, large = tables[60], tables[40_000]
    assert decided(small, epochs=2_000).epochs_per_trial == 200
    by_rows = round(1_000_000 / large.training.num_rows)
    assert 10 < by_rows < 200
    assert decided(large, epochs=20 * by_rows).epochs_per_trial == by_rows
    # A budget of trials says nothing of how much time there is.
    assert decided(large, trials=10_000).epochs_per_trial == by_rows


def test_where_there_is_room_for_more_than_twenty_it_is_longer_up_to_four_times(tables):
    large = tables[40_000]
    by_rows = decided(large, trials=1).epochs_per_trial
    assert decided(large, epochs=40 * by_rows).epochs_per_trial == 2 * by_rows
    assert decided(large, epochs=800 * by_rows).epochs_per_trial == 4 * by_rows
    assert decided(large, epochs=40 * by_rows, trials=5).epochs_per_trial == by_rows
    assert decided(large, seconds=5.0).epochs_per_trial == by_rows
    assert decided(large, seconds=1e6).epochs_per_trial == 4 * by_rows
    # The tighter bound decides.
    assert decided(large, seconds=1e6, epochs=40 * by_rows).epochs_per_trial == 2 * by_rows


def test_it_never_exceeds_the_budget_and_what_is_asked_for_holds(tables):
    small = tables[60]
    assert decided(small, epochs=7).epochs_per_trial == 7
    assert decided(small, epochs=10_000, epochs_per_trial=33).epochs_per_trial == 33
    assert [decided(small, epochs=5_000, patience=given).patience for given in (None, 0, 4)] == [83, None, 4]


def test_a_bound_below_one_is_refused(tables):
    with pytest.raises(StudyError, match="epochs_per_trial must be >= 1, got 0; leave it out to have it chosen"):
        decided(tables[60], epochs=9, epochs_per_trial=0)
