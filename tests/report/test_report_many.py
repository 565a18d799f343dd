"""The report of a study of very many trials: a sample is drawn and said to be one, what is counted is counted over all, and the store is
never read whole."""

import json

import pytest

import osetra
from osetra.core.records import Task
from osetra.report.figures.theme import text_of
from osetra.report.html import report_page
from osetra.report.records import MOST_NOTABLE, events_table
from osetra.report.sections import sections
from osetra.study import plot

from .made_study import events, made, trials

COUNT = 2_600
"""More than are drawn as points."""


class ThinStore:
    """Another store, in which no call reads all trials, or the events of all."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def trials(self, study, *, limit=None, **options):
        assert limit is not None, "all trials are read"
        return self._store.trials(study, limit=limit, **options)

    def events(self, study, *, trial=None):
        assert trial is not None, "all events are read"
        return self._store.events(study, trial=trial)


@pytest.fixture(scope="module", params=[{}, {"task": Task.OBJECTIVE, "direction": "maximize", "best": None}], ids=["errors", "maximized"])
def both(request):
    """What is gathered of the same study, read whole and thinly."""
    study = made(count=COUNT, **request.param)
    whole = plot.gather(study)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plot, "MOST_READ", COUNT - 1)
        thin = plot.gather(osetra.Study(study.record, ThinStore(study.store)))  # pyright: ignore[reportArgumentType]
    return whole, thin


@pytest.fixture(scope="module")
def parts(both):
    """The sections of either, by name."""
    return [{part.name: part for part in sections(of)} for of in both]


def figure(parts, name):
    found = parts[name]
    return json.loads(found.figures[0].to_json() or ""), text_of(found.figures[0]), str(found.after)


def trace(drawn, name):
    return next(one for one in drawn["data"] if one.get("name") == name)


def test_what_is_counted_is_counted_over_all_trials(both):
    whole, thin = both
    assert len(thin.trials) == 2_000 < len(whole.trials)
    assert (thin.total, thin.counts, thin.lengths) == (whole.total, whole.counts, whole.lengths)
    assert thin.scored == sum(trial.dev_error is not None for trial in whole.trials)
    assert (thin.rungs, thin.times, thin.notable, thin.events) == (whole.rungs, whole.times, whole.notable, whole.events)
    assert thin.rungs == [4]


def test_the_best_are_listed_and_drawn_as_if_all_were_read(both, parts):
    (full, _, listed), (thinned, text, same) = (figure(of, "leaderboard") for of in parts)
    assert same == listed
    assert f"of {COUNT:,} trials" in listed
    assert trace(thinned, "best so far")["y"][:-1] == trace(full, "best so far")["y"][:-1]
    assert f"The best of {COUNT:,} trials, trial {both[0].trials[0].number}," in text
    assert f"2,000 of {COUNT:,} trials drawn" in text


def test_the_ladder_and_the_events_are_those_of_all(parts):
    (full, _, _), (thinned, text, _) = (figure(of, "ladder") for of in parts)
    assert thinned["layout"]["xaxis"]["ticktext"] == full["layout"]["xaxis"]["ticktext"]
    assert trace(thinned, "best of a rung")["y"] == trace(full, "best of a rung")["y"]
    assert f"2,000 of {COUNT:,} trials drawn" in text
    assert figure(parts[1], "events") == figure(parts[0], "events")


@pytest.mark.parametrize("name", ["parallel", "scatter", "curves"])
def test_each_figure_of_a_sample_says_of_how_many(parts, name):
    drawn, text, _ = figure(parts[1], name)
    assert f" of {COUNT:,} trials drawn" in text
    assert drawn["data"]


def test_the_page_says_how_many_trials_there_were_in_each_state(both):
    page = report_page(both[1])
    states = ", ".join(f"{count:,} {state}" for state, count in both[0].counts.items())
    assert "<dt>trials</dt><dd><span" in page
    assert states in page


def test_events_beyond_what_is_counted_are_said_to_be_more():
    one = [event for event in events(trials(4)) if event.kind == "diverged"]
    assert "the last 40 of 60)" not in events_table(one * 60, error_name="error rate")
    assert "the last 40 of 60<" in events_table(one * 60, error_name="error rate")
    assert f"the last 40 of more than {MOST_NOTABLE:,}<" in events_table(one * (MOST_NOTABLE + 1), error_name="error rate")
