"""Figures: what is drawn is what the records say, in numbers and in words, and no text of a study is markup."""

import html
import json
import math
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import StudyError
from osetra.core.records import Event, Task, TrialState
from osetra.report.figures import outcome, searching, where
from osetra.report.figures.curves import curves
from osetra.report.figures.ladder import MOST_RUNGS, ladder
from osetra.report.figures.layers import MOST_PROBES, layers
from osetra.report.figures.sample import MOST_CURVES, curves_of, points_of, spread
from osetra.report.figures.theme import GREY, VERMILLION, beyond, plain, robust_range, shade, template, text_of, title_of
from osetra.report.gathered import probes_of
from osetra.space.scales import choice, linear, log

from . import made_study
from .made_study import HOSTILE, LEARNING_CURVE, REFERENCES, SPACE, made

ALL = (
    "curves", "leaderboard", "importance", "parallel", "ladder", "layers", "events", "bias_variance", "references", "confusion",
    "calibration", "slices", "worst_rows", "boundary", "learning_curve",
)  # fmt: skip
RATE = "error rate"


@pytest.fixture(scope="module")
def study():
    return made()


def best_first(count=24):
    return sorted(made_study.trials(count), key=lambda trial: trial.dev_error)


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_every_figure_has_a_title_and_words_with_numbers(study):
    for name in ALL:
        figure = getattr(study.plot, name)()
        assert title_of(figure)
        assert any(c.isdigit() for c in text_of(figure)), (name, text_of(figure))


def test_curves_are_those_of_the_records_and_failed_trials_stand_apart(study):
    drawn = traces(study.plot.curves())
    of_best = study.curve(7)
    assert list(drawn["best, trial 7, dev error rate"].y) == [record.dev_error for record in of_best]
    assert list(drawn["best, training error rate"].y) == [record.train_error for record in of_best]
    failed, others = drawn["diverged or failed"], drawn["other trials"]
    assert {said[0] for said in failed.customdata if said[0] is not None} == {3}
    assert {said[0] for said in others.customdata if said[0] is not None} == set(range(24)) - {3, 7}
    at = [said[0] for said in others.customdata].index(5)
    assert others.y[at] == study.curve(5)[0].dev_error


def test_of_many_trials_sixty_curves_are_drawn_and_the_words_say_so():
    listed = best_first(2_000)
    chosen = curves_of(listed)
    assert len(chosen) == MOST_CURVES
    assert chosen[:12] == listed[:12]
    assert chosen == [trial for trial in listed if trial in chosen]
    figure = curves({t.number: made_study.curve(t) for t in chosen}, best=listed[0].number, error_name=RATE, trials=2_000)
    assert "60 of 2,000 trials drawn" in text_of(figure)
    assert len(figure.data) <= 4


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    (trial, *_) = best_first()
    figure = curves({trial.number: made_study.curve(trial, epochs=5_000)}, best=trial.number, error_name=RATE, trials=1)
    x = figure.data[-1].x
    assert len(x) <= 200
    assert (x[0], x[-1]) == (1, 5_000)


def test_the_best_so_far_only_gets_better_and_ends_with_the_best():
    figure = searching.leaderboard(best_first(), error_name=RATE)
    line = traces(figure)["best so far"].y
    assert all(after <= before for before, after in pairwise(line))
    assert line[-1] == min(trial.dev_error for trial in made_study.trials() if trial.state.can_win)
    points = [x for name, trace in traces(figure).items() if name != "best so far" for x in trace.x]
    assert sorted(points) == list(range(24))
    assert list(traces(figure)["diverged or failed"].x) == [3]


def test_where_the_greatest_wins_the_best_so_far_rises():
    listed = best_first()[::-1]
    line = traces(searching.leaderboard(listed, error_name="value", maximize=True))["best so far"].y
    assert all(after >= before for before, after in pairwise(line))


def test_where_the_greatest_wins_no_figure_takes_the_lowest_for_the_best():
    objective = made(Task.OBJECTIVE, direction="maximize", best=None)
    greatest = objective.best
    assert greatest.value == max(trial.value for trial in objective.trials() if trial.state.can_win)
    assert f"trial {greatest.number}, came to" in text_of(objective.plot.leaderboard())
    assert "to its greatest" in text_of(objective.plot.curves())
    line = [y for y in traces(objective.plot.ladder())["best of a rung"].y if y is not None]
    assert max(line) == greatest.value
    for name in ("curves", "leaderboard", "ladder"):
        low, high = getattr(objective.plot, name)().layout.yaxis.range
        assert low <= greatest.value <= high


def test_the_winner_of_finals_is_the_best_in_every_figure():
    study = made(best=5)
    assert "trial 5, came to" in text_of(study.plot.leaderboard())
    assert text_of(study.plot.parallel()).startswith("The best, trial 5:")
    assert "best, trial 5, dev error rate" in traces(study.plot.curves())


def test_plotly_is_loaded_only_when_a_figure_is_drawn():
    program = "import sys, osetra.study.plot, osetra.report.html, osetra.cli.report; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_importance_shows_each_share_with_its_interval(study):
    found = study.importance()
    shown = {}
    figure = study.plot.importance()
    for trace in figure.data:
        for place, (name, low, high) in enumerate(trace.customdata):
            shown[name] = (trace.x[place], low, high)
            assert trace.x[place] + trace.error_x.array[place] == pytest.approx(high)
            assert figure.layout.yaxis.ticktext[trace.y[place]] == name
    assert shown == {one.name: (one.share, one.low, one.high) for one in found.hyperparameters}
    assert text_of(figure) == " ".join(found.sentences)


def test_parallel_lines_lie_where_the_scales_say():
    listed = best_first()
    figure = searching.parallel(listed, SPACE, error_name=RATE, order=["keep_prob"])
    assert figure.layout.yaxis.ticktext[0] == "keep_prob"
    best = traces(figure)["the best"]
    for place, name in enumerate(figure.layout.yaxis.ticktext):
        assert best.x[place] == pytest.approx(SPACE.scales[name].encode(listed[0].configuration[name]))
        assert best.y[place] == figure.layout.yaxis.tickvals[place]


@pytest.mark.parametrize(
    ("scale", "values", "ticks"),
    [
        (log(1e-4, 1e-1), [1e-4, 1e-2, 1e-1], ["0.0001", "0.001", "0.01", "0.1"]),
        (choice("relu", "tanh"), ["relu", "tanh", "relu"], ["relu", "tanh"]),
        (linear(0.0, 1.0), [0.0, 0.5, 1.0], ["0", "0.25", "0.5", "0.75", "1"]),
    ],
)
def test_a_scatter_is_on_the_hyperparameters_own_scale(scale, values, ticks):
    from dataclasses import replace

    listed = [replace(trial, configuration={"h": value}) for trial, value in zip(best_first(), values, strict=False)]
    figure = searching.scatter(listed, "h", scale, error_name=RATE)
    assert list(figure.layout.xaxis.ticktext) == ticks
    shown = {(x, y) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True)}
    assert shown == {(scale.encode(trial.configuration["h"]), trial.dev_error) for trial in listed}


def test_a_value_that_is_not_on_the_scale_any_more_is_drawn_at_its_end():
    from dataclasses import replace

    listed = [replace(trial, configuration={"h": 5.0}) for trial in best_first()[:2]]
    assert searching.scatter(listed, "h", log(1e-4, 1e-1), error_name=RATE).data[-1].x[0] == 1.0


def test_the_ladder_counts_every_trial_once_and_its_line_is_the_best_of_each_rung():
    listed = [trial for trial in best_first() if trial.state.can_win]
    figure = ladder(listed, error_name=RATE, rungs=[8])
    counts = [int(text.split("<br>")[1]) for text in figure.layout.xaxis.ticktext]
    assert figure.layout.xaxis.ticktext[0].startswith("4–7")
    assert counts == [sum(t.epochs < 8 for t in listed), sum(t.epochs >= 8 for t in listed)]
    line = traces(figure)["best of a rung"].y
    assert list(line) == [min(t.dev_error for t in listed if (t.epochs < 8) is low) for low in (True, False)]


def test_a_ladder_of_many_lengths_has_few_rungs():
    from dataclasses import replace

    listed = [replace(trial, epochs=place + 1) for place, trial in enumerate(best_first(300))]
    figure = ladder(listed, error_name=RATE)
    counts = [int(text.split("<br>")[1]) for text in figure.layout.xaxis.ticktext]
    assert len(counts) <= MOST_RUNGS
    assert sum(counts) == 300


def test_layers_show_what_probes_saw_the_last_one_strongest(study):
    figure = study.plot.layers()
    last = [trace for trace in figure.data if trace.name == "after 16 epochs"]
    assert [list(trace.y) for trace in last] == [[0.1, 0.1], [3e-3, 17e-3]]
    assert len({trace.name for trace in figure.data}) == MOST_PROBES
    assert "25 % of units dead" in text_of(figure)


def test_a_probe_that_does_not_say_all_is_passed_over(study):
    probes = probes_of(study.events(study.best.number))
    told = {"layer": 1, "gradient_norm": 0.1}
    broken = [{"epoch": 17, "layers": [*probes[-1]["layers"], told]}, {"epoch": 18, "layers": []}, {"epoch": 19}]
    assert layers([*broken, *probes], trial=7).to_json() == layers(probes, trial=7).to_json()
    with pytest.raises(StudyError, match="layers need probes of trial 7, got none"):
        layers(broken, trial=7)
    silent = Event(trial=7, epoch=20, kind="probe", detail={}, at=datetime.now(UTC))
    assert probes_of([silent]) == [{"epoch": 20, "layers": []}]


def test_events_count_up_to_what_happened(study):
    drawn = traces(study.plot.events())
    last = {name: (trace.x[-1], trace.y[-1]) for name, trace in drawn.items()}
    promoted = sum(trial.epochs > 4 for trial in made_study.trials())
    assert {name: y for name, (_, y) in last.items()} == {
        "started": 24, "promoted": promoted, "finished or stopped": 23, "diverged or failed": 1,
    }  # fmt: skip
    assert {x for x, _ in last.values()} == {83.0}


errors = st.floats(min_value=0.0, max_value=1.0)


@settings(max_examples=25)
@given(base=errors, train=errors, dev=errors, test=st.none() | errors)
def test_the_pieces_of_each_bar_add_up_to_the_error_of_its_part(base, train, dev, test):
    parts = {"training": train, "dev": dev, **({} if test is None else {"test": test})}
    judged = {"error_name": RATE, "base_error": base, "errors": {name: made_study.measured(v) for name, v in parts.items()}, "gaps": []}
    figure = outcome.bias_variance(judged)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    for place, (name, value) in enumerate(parts.items()):
        assert math.isclose(sum(bar.x[place] for bar in bars), value, abs_tol=1e-9), name
    assert all(length >= 0 for bar in bars for length in bar.x)


def test_bias_and_variance_has_the_gaps_of_the_diagnosis(study):
    figure = study.plot.bias_variance(0.01)
    gaps = study.diagnose(0.01).to_dict()["gaps"]
    bars = {bar.name: bar.x for bar in figure.data if bar.type == "bar"}
    assert bars["bias"][0] == pytest.approx(gaps[0]["value"])
    assert gaps[0]["reading"] in text_of(figure)


def test_references_are_sorted_with_the_network_among_them():
    figure = outcome.references(REFERENCES, error_name=RATE, network=made_study.measured(0.04))
    assert list(figure.layout.yaxis.ticktext) == ["majority class", "histogram gradient boosting", "osetra's network"]
    assert list(figure.data[0].x) == [0.5, 0.08, 0.04]


def test_a_confusion_matrix_is_of_shares_of_the_actual_class(study):
    figure = study.plot.confusion()
    assert [list(row) for row in figure.data[0].z] == [[0.9, 0.1], [0.025, 0.975]]
    assert list(figure.data[1].text) == ["180", "20", "5", "195"]
    assert figure.layout.yaxis.title.text == "actual"
    assert "375 of 400 dev rows right" in text_of(figure)
    assert "“no” taken for “yes” in 20 rows" in text_of(figure)


def test_of_many_classes_those_with_mistakes_are_shown():
    labels = [f"class {k}" for k in range(40)]
    counts = [[10 if row == column else int(row == 39 and column == 0) * 3 for column in range(40)] for row in range(40)]
    figure = outcome.confusion({"labels": labels, "counts": counts})
    assert len(figure.layout.xaxis.ticktext) == outcome.MOST_CLASSES
    assert "class 39" in figure.layout.xaxis.ticktext
    assert "30 of 40 classes" in text_of(figure)


def test_residuals_and_calibration_are_the_evaluations():
    study = made(Task.REGRESSION)
    figure = study.plot.residuals()
    points = traces(figure)["dev rows"]
    assert (list(points.x), list(points.y), list(points.customdata)) == ([1.0, 2.0, 3.0], [1.5, 2.0, 2.0], [0.5, 0.0, -1.0])
    assert "half are off by no more than 0.5, the worst by 1" in text_of(figure)
    with pytest.raises(StudyError, match="choose one of y"):
        study.plot.residuals("z")
    bins = made().facts["evaluation"]["calibration"]["bins"]
    dots = made().plot.calibration().data[1]
    assert list(dots.x) == [one["confidence"] for one in bins]
    assert [y + up for y, up in zip(dots.y, dots.error_y.array, strict=True)] == pytest.approx([one["accuracy_high"] for one in bins])


def test_slices_and_worst_rows_are_the_evaluations(study):
    figure = study.plot.slices()
    assert list(traces(figure)["surely worse than the rest"].x) == [0.3]
    assert list(traces(figure)["all other rows"].x) == [0.1, 0.11]
    assert "Worst where east 0.1 .. 0.4: 30.00 % on 90 rows, 10.00 % on all others" in text_of(figure)
    worst = study.plot.worst_rows()
    assert list(worst.data[0].x) == [0.987]
    assert "row 17: actual no, predicted yes, sure to 98.7%" in text_of(worst)


def test_the_boundary_is_the_grid_with_each_class_in_its_own_colour(study):
    figure = study.plot.boundary()
    ground, *points = figure.data
    evaluated = study.facts["evaluation"]["boundary"]
    assert [list(row) for row in ground.z] == evaluated["predicted"]
    assert [point.name for point in points] == ["no", "yes"]
    assert sum(len(point.x) for point in points) == 40
    # The ground of a class is of the colour of its points.
    for place, point in enumerate(points):
        assert ground.colorscale[2 * place][1] == ground.colorscale[2 * place + 1][1] == shade(point.marker.color, 0.28)
    assert "100% of them lie on the ground" in text_of(figure)


def test_the_boundary_of_a_regression_shows_values():
    figure = made(Task.REGRESSION).plot.boundary()
    assert "from 0 to 11" in text_of(figure)
    assert list(traces(figure)["dev rows"].customdata)[:2] == [0.0, 0.25]


def test_a_learning_curve_has_its_points_its_fit_and_its_forecast():
    figure = where.learning_curve(LEARNING_CURVE, error_name=RATE)
    fitted, measured, forecast = (traces(figure)[name] for name in ("fitted", "measured", "forecast"))
    assert all(y == pytest.approx(0.05 + 2.0 / x) for x, y in zip(fitted.x, fitted.y, strict=True))
    assert list(measured.x) == [100, 200, 400]
    assert list(forecast.y) == [0.0525]
    assert text_of(figure).startswith("Twice the rows would bring")


LACKING = [name for name in ALL if name in ("references", "confusion", "calibration", "slices", "worst_rows", "boundary", "learning_curve")]


@pytest.mark.parametrize("name", [*LACKING, "residuals"])
def test_a_figure_whose_data_the_study_lacks_says_why(name):
    objective = made(Task.OBJECTIVE)
    with pytest.raises(StudyError, match=r"needs .*tunes an objective"):
        getattr(objective.plot, name)()
    older = made(evaluation=None, references=None, learning_curve=None)
    with pytest.raises(StudyError, match="fit the data anew"):
        getattr(older.plot, name)()


def test_a_study_without_trials_has_no_figures_and_says_what_to_do():
    empty = made(count=0, best=None)
    for name in ("curves", "leaderboard", "parallel", "ladder", "events"):
        with pytest.raises(StudyError, match="got none"):
            getattr(empty.plot, name)()
    with pytest.raises(StudyError, match="no trained trial"):
        empty.plot.layers()


def test_a_scatter_of_what_was_not_searched_names_what_was(study):
    with pytest.raises(StudyError, match="got 'optimizer'; it searched learning_rate, hidden_units"):
        study.plot.scatter("optimizer")
    assert title_of(study.plot.scatter("learning_rate")) == "learning_rate"


def test_an_objectives_search_is_drawn():
    objective = made(Task.OBJECTIVE)
    for name in ("curves", "leaderboard", "importance", "parallel", "ladder", "events"):
        assert getattr(objective.plot, name)().data
    assert objective.plot.leaderboard().layout.yaxis.title.text == "value"


def test_no_text_of_a_study_is_markup_in_a_figure():
    hostile = made(names=(HOSTILE, "north"), labels=(HOSTILE, "yes"), name=HOSTILE)
    for name in ALL:
        text = json.dumps(
            getattr(hostile.plot, name)().to_plotly_json(), default=lambda entry: entry.tolist() if hasattr(entry, "tolist") else str(entry)
        )
        # Words for the page are escaped there; what is left is what Plotly reads.
        drawn = json.loads(text)
        del drawn["layout"]["meta"]
        told = json.dumps(drawn)
        for own in ("<br>", "<extra></extra>"):
            told = told.replace(own, "")
        assert "<" not in told, (name, told[max(0, told.find("<") - 80) :][:200])
        templates = [trace.get("hovertemplate") or "" for trace in drawn["data"]]
        assert not any("hacked" in one for one in templates), name


@given(st.text(max_size=50))
def test_plain_text_shows_what_it_was_and_holds_no_markup(text):
    shown = plain(text)
    assert "<" not in shown
    assert ">" not in shown
    if text.isprintable():
        assert html.unescape(shown) == text


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40), st.floats(allow_nan=False, allow_infinity=False))
def test_an_axis_holds_what_it_must_and_says_what_it_leaves_out(values, must):
    limits = robust_range(values, must=[must])
    if limits is not None and all(map(math.isfinite, limits)):
        assert limits[0] <= must <= limits[1]
        out = sum(math.isfinite(v) and not limits[0] <= v <= limits[1] for v in values)
        assert (f" {out} of" in beyond(values, limits)) is (out > 0)
    else:
        assert limits is None or not any(map(math.isfinite, values)) or max(map(abs, filter(math.isfinite, [*values, must]))) > 1e300


@given(st.lists(st.integers(), min_size=1, max_size=80, unique=True), st.integers(1, 40))
def test_a_spread_sample_keeps_order_and_ends(items, most):
    chosen = spread(items, most)
    assert len(chosen) == min(len(items), most)
    assert [items.index(one) for one in chosen] == sorted(items.index(one) for one in chosen)
    assert chosen[0] == items[0]
    assert len(set(chosen)) == len(chosen)


def test_points_keep_the_best_of_many():
    listed = best_first(500)
    chosen = points_of(listed, most=100)
    assert len(chosen) == 100
    assert chosen[:10] == listed[:10]


def test_both_themes_speak_of_the_same_things_in_other_colours():
    light, dark = template(), template(dark=True)
    assert light["layout"].keys() == dark["layout"].keys()
    assert light["layout"]["font"]["color"] != dark["layout"]["font"]["color"]
    assert light["layout"]["colorway"] == dark["layout"]["colorway"]


def luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return sum(
        w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True)
    )


@pytest.mark.parametrize("ground", ["#ffffff", "#1b2026"])
def test_colours_of_figures_stand_out_from_both_grounds(ground):
    from osetra.report.figures.theme import CATEGORIES

    assert {GREY, VERMILLION} <= set(CATEGORIES)
    for colour in CATEGORIES:
        light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3.0, colour


def test_a_trial_under_way_is_not_called_stopped():
    from dataclasses import replace

    listed = [replace(trial, state=TrialState.RUNNING) for trial in best_first()[:3]]
    assert "stopped or under way" in traces(searching.leaderboard(listed, error_name=RATE))
