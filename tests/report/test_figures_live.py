"""Figures of the dashboard: curves told apart by wave and rung, log axes, one trial with what happened to it, samples of many trials."""

import math
from itertools import pairwise

import numpy as np
import pytest

from osetra.core import drawing
from osetra.core.errors import StudyError
from osetra.core.records import Event
from osetra.report.figures import one_trial
from osetra.report.figures.curves import MOST_SPOKEN
from osetra.report.figures.curves import curves as figure_of
from osetra.report.figures.grouping import BY, MOST_GROUPS, groups_of
from osetra.report.figures.sample import curves_of, median_place, points_of
from osetra.report.figures.theme import scaled_axis, text_of, title_of

from . import made_study
from .made_study import BEGAN, HOSTILE, made
from .test_figures import RATE, best_first, traces


def event(kind, epoch, who="ann", **detail):
    return Event(trial=7, epoch=epoch, kind=kind, detail=detail, who=who, at=BEGAN)


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_every_curve_is_in_one_group_and_groups_are_few_and_in_order(by, count):
    epochs = {3 * number + 1: 1 + number % 9 for number in range(count)}
    groups = groups_of(epochs, by=by, trials=200)
    assert sorted(number for group in groups for number in group.numbers) == sorted(epochs)
    assert len(groups) <= MOST_GROUPS
    assert len({group.colour for group in groups}) == len({group.name for group in groups}) == len(groups)
    if by == "wave":
        assert [number for group in groups for number in group.numbers] == sorted(epochs)
    if by == "rung":
        spans = [[epochs[number] for number in group.numbers] for group in groups]
        assert all(max(before) < min(after) for before, after in pairwise(spans))


def test_groups_are_named_by_what_is_in_them():
    assert [group.name for group in groups_of({0: 4, 1: 4, 2: 9}, by="rung", trials=3)] == ["epochs 4", "epochs 5–9"]
    assert [group.name for group in groups_of({0: 1, 99: 1}, by="wave", trials=99)] == ["trials 0–19", "trials 80–99"]
    with pytest.raises(StudyError, match="told apart by trial, wave, rung, got 'colour'"):
        groups_of({0: 1}, by="colour", trials=1)


def test_curves_by_rung_are_the_same_curves_in_other_colours():
    study = made()
    plain, by_rung = study.plot.curves(), study.plot.curves(by="rung")

    def points(figure):
        found = set()
        for trace in figure.data:
            spoken = [(None, None)] * len(trace.x) if trace.customdata is None else trace.customdata
            for x, y, said in zip(trace.x, trace.y, spoken, strict=True):
                if said[0] is not None:
                    found.add((said[0], x, y))
        return found

    assert points(plain) == points(by_rung)
    assert {"epochs 4", "epochs 5–8", "epochs 9–16"} <= set(traces(by_rung))
    assert "other trials" not in traces(by_rung)
    assert text_of(plain) == text_of(by_rung)


def test_a_point_of_a_curve_names_its_trial_and_what_was_searched():
    study = made()
    drawn = traces(study.plot.curves())["other trials"]
    number, said = drawn.customdata[0]
    searched = {name: study.trial(number).configuration[name] for name in study.space.names}
    assert all(name in said for name in searched)
    assert "optimizer" not in said
    assert f"{searched['learning_rate']:.3g}" in said
    assert "%{customdata[1]}" in drawn.hovertemplate


def test_a_hostile_configuration_is_no_markup_where_one_points_at_it():
    listed = best_first(2)
    curves = {trial.number: made_study.curve(trial) for trial in listed}
    figure = figure_of(
        curves, best=listed[0].number, error_name=RATE, trials=2, configurations={number: {"name": HOSTILE} for number in curves}
    )
    assert all("<" not in entry[1] for trace in figure.data if trace.customdata is not None for entry in trace.customdata if entry[1])


def test_curves_that_say_much_have_fewer_points_but_the_best_one():
    listed = best_first(60)
    curves = {trial.number: made_study.curve(trial, epochs=500) for trial in listed}
    figure = figure_of(curves, best=listed[0].number, error_name=RATE, trials=60, configurations={number: {} for number in curves})
    assert sum(math.isfinite(x) for trace in figure.data if trace.name == "other trials" for x in trace.x) <= MOST_SPOKEN
    assert len(figure.data[-1].x) == 200


def test_a_log_axis_shows_what_is_above_zero():
    axis = scaled_axis(RATE, (0.0, 1.0), [0.0, 0.01, 1.0, math.nan], log=True)
    assert axis["type"] == "log"
    low, high = axis["range"]
    assert 10**low < 0.01
    assert 10**high > 1
    assert "type" not in scaled_axis(RATE, (0.0, 1.0), [0.5], log=False)
    # Values of an objective may all be below 0.
    assert "type" not in scaled_axis("value", (-2.0, -1.0), [-2.0, -1.0], log=True)
    assert made().plot.curves(log=True).layout.yaxis.type == "log"


def test_the_figure_of_a_trial_has_its_curve_its_events_and_the_epoch_of_every_point():
    study = made()
    trial, curve = study.trial(7), study.curve(7)
    events = [
        event("started", 0), event("probe", 4, layers=[]), event("promoted", 4, until=16),
        event("set", 5, settings={"learning_rate": 0.01}, old={"learning_rate": 0.1}, why="it jumps"),
        event("rolled back", 6, **{"from": 9, "forgotten": []}),
        event("suggested", 8, who="babysitter", rule="plateau", settings={"learning_rate": 0.001}, rollback_to=None, why="flat"),
        event("paused", 9), event("finished", 16, reason="it was trained to its end"),
    ]  # fmt: skip
    figure = one_trial.curve(trial, curve, events, error_name=RATE)
    drawn = traces(figure)
    assert list(drawn["dev error rate"].y) == [record.dev_error for record in curve]
    assert [said[0] for said in drawn["dev error rate"].customdata] == [record.epoch for record in curve]
    marks = {name: [tuple(said) for said in drawn[name].customdata] for name in ("changed", "rolled back", "suggested", "other events")}
    assert [at for at, _ in marks["changed"]] == [5]
    assert "ann set learning_rate from 0.1 to 0.01 (it jumps)" in marks["changed"][0][1]
    assert [at for at, _ in marks["rolled back"]] == [6]
    assert [at for at, _ in marks["suggested"]] == [8]
    assert [at for at, _ in marks["other events"]] == [4, 9, 16]
    assert drawn["changed"].y[0] == curve[4].dev_error
    assert "6 events on the curve" in text_of(figure)
    assert title_of(figure) == "Trial 7"
    for trace in figure.data:
        assert [said[0] for said in trace.customdata] == list(trace.x)


def test_an_event_of_an_epoch_that_was_taken_back_is_marked_at_the_nearest():
    study = made()
    figure = one_trial.curve(study.trial(7), study.curve(7)[:4], [event("paused", 9), event("paused", 0)], error_name=RATE)
    assert list(traces(figure)["other events"].x) == [4, 1]


def test_a_trial_without_an_epoch_has_no_curve_and_says_so():
    with pytest.raises(StudyError, match="needs an epoch completed, got none; let it train"):
        one_trial.curve(made().trial(7), [], [], error_name=RATE)


def test_the_figure_of_a_trial_holds_no_markup_of_a_persons_words():
    study = made()
    figure = one_trial.curve(study.trial(7), study.curve(7), [event("paused", 3, who=HOSTILE, why=HOSTILE)], error_name=RATE)
    assert "<" not in traces(figure)["other events"].customdata[0][1]


def test_keys_tell_all_numbers_apart_and_are_the_same_in_arrays():
    numbers = np.arange(200_000, dtype=np.int64)
    keys = drawing.key(numbers)
    assert len(set(keys.tolist())) == len(numbers)
    assert [drawing.key(int(number)) for number in (0, 1, 777, 199_999)] == keys[[0, 1, 777, 199_999]].tolist()
    assert drawing.key(2**31 - 3) < drawing.MODULUS


def test_what_is_drawn_by_key_is_spread_over_numbers_and_over_what_goes_round_by_number():
    numbers = np.arange(100_000, dtype=np.int64)
    drawn = np.sort(numbers[np.argsort(drawing.key(numbers))[:2_000]])
    # Of each hundredth of the study, of each residue and of each part of a golden-ratio sequence its share, but for chance.
    for groups in (drawn // 1_000, drawn % 8, (drawn * 0.6180339887498949 % 1 * 20).astype(int)):
        counts = np.bincount(groups)
        expected = 2_000 / len(counts)
        chi_squared = ((counts - expected) ** 2 / expected).sum()
        assert chi_squared < len(counts) + 4 * math.sqrt(2 * len(counts))


def test_samples_keep_the_best_and_the_order():
    listed = best_first(1_000)
    for chosen, ahead in ((points_of(listed, most=200), 20), (curves_of(listed), 12)):
        assert chosen[:ahead] == listed[:ahead]
        places = [listed.index(trial) for trial in chosen]
        assert places == sorted(places)
        rest = [trial.number for trial in listed if trial not in chosen]
        assert max(drawing.key(trial.number) for trial in chosen[ahead:]) < min(map(drawing.key, rest))


def test_the_median_of_a_sample_is_that_of_all_as_far_as_it_can_tell():
    assert median_place(99, 99) == 49
    ranks = [*range(200), *np.linspace(200, 99_999, 1_800).astype(int).tolist()]
    assert ranks[median_place(2_000, 100_000)] == pytest.approx(50_000, rel=0.01)
