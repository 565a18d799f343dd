"""The figure of one trial: what it shows of a curve that was steered."""

from datetime import UTC, datetime
from typing import Any

import pytest

from osetra.core.errors import StudyError
from osetra.core.records import EpochRecord, Event, Trial, TrialState
from osetra.diagnosis.smoothing import smooth
from osetra.report.figures.one_trial import MOST_POINTS, curve
from osetra.report.figures.theme import text_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def records(count):
    return [
        EpochRecord(epoch=n, train_cost=2.0 / n, train_error=0.4 / n, dev_loss=1.0 / n, dev_error=0.5 / n, seconds=0.1)
        for n in range(1, count + 1)
    ]


def trial(count):
    return Trial(
        number=3,
        configuration={},
        state=TrialState.RUNNING,
        epochs=count,
        best_epoch=count or None,
        dev_error=0.5 / count if count else None,
    )


def drawn(count, events=(), **options) -> Any:
    return curve(trial(count), records(count), events, error_name="error rate", **options)


def traces(made) -> dict[str, Any]:
    return {one.name: one for one in made.data}


def test_every_point_of_every_line_says_its_epoch_first():
    made = drawn(8, [Event(trial=3, epoch=5, kind="paused", who="ada", at=NOW)])
    for one in made.data:
        assert [custom[0] for custom in one.customdata] == list(one.x)


def test_loss_stands_in_for_error_and_says_so():
    made = drawn(4, loss=True)
    assert list(traces(made)["dev loss"].y) == [1.0, 0.5, 1 / 3, 0.25]
    assert list(traces(made)["training cost"].y) == [2.0, 1.0, 2 / 3, 0.5]
    assert made.layout.yaxis.title.text == "loss"
    assert made.layout.yaxis.tickformat == "~g"
    assert "dev loss 0.25" in text_of(made)


def test_a_smoothed_curve_lies_over_the_one_that_was_measured():
    raw = records(6)
    averaged = [
        EpochRecord(epoch=one.epoch, train_cost=0, train_error=0, dev_loss=0, dev_error=value, seconds=0)
        for one, value in zip(raw, smooth([one.dev_error for one in raw], 0.9).tolist(), strict=True)
    ]
    found = traces(curve(trial(6), raw, [], error_name="error rate", smoothed=averaged))
    assert list(found["dev error rate"].y) == [one.dev_error for one in raw]
    assert list(found["dev error rate, smoothed"].y) == [one.dev_error for one in averaged]


def test_ways_that_were_given_up_stay_to_be_seen():
    detail = {"from": 4, "dropped": [[3, 1.0, 0.2, 0.7, 0.25, 0.1], [4, None, None, None, None, 0.1]], "settings": {}, "forgotten": []}
    events = [Event(trial=3, epoch=2, kind="rolled back", detail=detail, who="ada", at=NOW)]
    given_up = traces(drawn(2, events))["given up"]
    assert list(given_up.x) == [3, 4, None]
    assert list(given_up.y) == [0.25, None, None]
    assert traces(drawn(2, events, loss=True))["given up"].y[0] == 0.7
    assert "given up" not in traces(drawn(2))


def test_a_long_curve_is_thinned_and_says_so_and_its_best_is_still_marked():
    made = drawn(3 * MOST_POINTS)
    assert len(traces(made)["dev error rate"].x) == MOST_POINTS
    assert f"{MOST_POINTS} of {3 * MOST_POINTS:,} epochs drawn" in text_of(made)
    assert list(traces(made)["best"].x) == [3 * MOST_POINTS]


def test_a_trial_without_an_epoch_has_no_curve():
    with pytest.raises(StudyError, match="needs an epoch completed, got none"):
        drawn(0)
