"""The sections of a report: which there are for a study, and what each shows.

A section is there where the study has its data; where a reader would miss it, it says why it is not.
Knows nothing of: the page around them, stores.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StudyError
from osetra.report import told, words
from osetra.report.figures import outcome, searching, where
from osetra.report.figures.curves import curves
from osetra.report.figures.events import event_counts
from osetra.report.figures.ladder import ladder
from osetra.report.figures.layers import layers
from osetra.report.figures.sample import MOST_POINTS
from osetra.report.gathered import Gathered, second_of_two
from osetra.report.markup import Markup, details, join, table, tag
from osetra.report.records import (
    action_list,
    events_table,
    findings_list,
    gaps_table,
    leaders_table,
    repeating,
    worst_table,
)  # fmt: skip

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_SCATTERS = 6
_PLANNED = {"train_s": "seconds of training", "epoch_s": "seconds of an epoch", "full_trainings": "trainings to the end, in epochs spent"}
_SCATTER_POINTS = MOST_POINTS // MOST_SCATTERS
MOST_TARGETS = 4
"""Targets of a regression whose residuals are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the page. `name` is where it can be linked to, such as `curves`."""

    name: str
    title: str
    group: str
    figures: tuple["go.Figure", ...] = ()
    before: Markup = field(default_factory=Markup)
    """Above the figures."""
    after: Markup = field(default_factory=Markup)
    is_wide: bool = False
    """Whether it takes the whole width of a wide screen."""
    is_beside: bool = False
    """Whether what is `after` stands beside the figure where there is room."""


def sections(of: Gathered) -> list[Section]:
    """In the order in which they are read."""
    parts = [part for part in (*_search(of), *_network(of), *_record(of)) if part is not None]
    return [*_opening(of, [part.name for part in parts]), *parts]


def _opening(of: Gathered, shown: Sequence[str]) -> Iterable[Section]:
    noticed = told.findings(of)
    if of.diagnosis is not None:
        yield Section(name="next", title="What to do next", group="Verdict", before=action_list(of))
    elif of.no_diagnosis and not of.is_objective:
        yield Section(name="next", title="What to do next", group="Verdict", before=tag("p", _sentence(of.no_diagnosis)))
    if of.diagnosis is not None and noticed:
        yield Section(name="noticed", title="What was noticed", group="Verdict", before=findings_list(noticed, shown))
    lines = [tag("p", line) for line in told.what_was_done(of)]
    notes = of.facts.get("notes") or ()
    more = details(f"{words.counted(len(notes), 'note')} on the data", tag("ul", [tag("li", note) for note in notes])) if notes else None
    waves = told.how_it_narrowed(of)
    narrowed = details("How the search narrowed", tag("ul", [tag("li", line) for line in waves])) if waves else None
    yield Section(name="done", title="What was done", group="Verdict", before=join(lines, narrowed, more), is_wide=True)


def _search(of: Gathered) -> Iterable[Section | None]:
    name, best = of.error_name, None if of.best is None else of.best.number
    if not of.is_objective or any(len(curve) > 1 for curve in of.curves.values()):
        drawn = _try(
            lambda: curves(of.curves, best=best, error_name=name, trials=of.total, states=of.states, maximize=of.maximize, events=of.events)
        )
        yield _section("curves", "Curves", "The search", drawn, is_wide=True)
    drawn = _try(lambda: searching.leaderboard(of.trials, error_name=name, maximize=of.maximize, of=of.scored, leaders=of.leaders))
    yield _section("leaderboard", "Leaderboard", "The search", drawn, after=leaders_table(of), is_wide=True)
    if of.space is None or not of.space.names:
        return
    order = [one["name"] for one in (of.importance or {}).get("hyperparameters", ())]
    if of.importance is not None:
        found = of.importance
        yield _section("importance", "Importance of each hyperparameter", "The search", _try(lambda: searching.importance(found)))
    else:
        yield Section(
            name="importance", title="Importance of each hyperparameter", group="The search", before=tag("p", _sentence(of.no_importance))
        )
    space = of.space
    drawn = _try(lambda: searching.parallel(of.trials, space, error_name=name, maximize=of.maximize, order=order, of=of.scored))
    yield _section("parallel", "Parallel coordinates", "The search", drawn)
    names = (order or words.in_order(space.names))[:MOST_SCATTERS]
    scatters = [
        _try(lambda one=one: searching.scatter(of.trials, one, space.scales[one], error_name=name, most=_SCATTER_POINTS, of=of.scored))
        for one in names
    ]
    yield _scatters(f"Each hyperparameter against {words.part('dev', name)}", [one for one in scatters if one is not None])
    if len(of.lengths) > 1:
        drawn = _try(lambda: ladder(of.trials, error_name=name, rungs=of.rungs, maximize=of.maximize, levels=of.levels))
        yield _section("ladder", "The ladder: how far trials were trained", "The search", drawn, is_wide=True)


def _network(of: Gathered) -> Iterable[Section | None]:
    if of.is_objective:
        return
    name, known, judged = of.error_name, of.evaluation, of.diagnosis
    if judged is not None and judged.get("errors"):
        yield _section(
            "bias_variance",
            "Bias and variance",
            "The network",
            _try(lambda: outcome.bias_variance(judged)),
            after=gaps_table(judged),
            is_wide=True,
            is_beside=True,
        )
    given = of.facts.get("references")
    if given:
        drawn = _try(lambda: outcome.references(given, error_name=name, network=of.facts.get("dev")))
        yield _section("references", "Beside simple references", "The network", drawn, after=_more_of_references(given, name))
    if known.get("confusion"):
        yield _section("confusion", "Confusion matrix", "The network", _try(lambda: outcome.confusion(known["confusion"])))
    residuals = [_try(lambda one=one: outcome.residuals(one)) for one in (known.get("residuals") or ())[:MOST_TARGETS]]
    yield _section("residuals", "Residuals", "The network", *residuals, is_wide=len(residuals) > 1)
    if known.get("calibration"):
        yield _section(
            "calibration", "Calibration", "The network", _try(lambda: outcome.calibration(known["calibration"], label=second_of_two(known)))
        )
    if known.get("boundary"):
        labels = (known.get("confusion") or {}).get("labels") if of.study.task.is_classification else None
        yield _section("boundary", "Decision boundary", "The network", _try(lambda: where.boundary(known["boundary"], labels=labels)))
    if of.facts.get("learning_curve"):
        curve = of.facts["learning_curve"]
        yield _section("learning_curve", "Learning curve", "The network", _try(lambda: where.learning_curve(curve, error_name=name)))
    if of.probes and of.best is not None:
        number = of.best.number
        yield _section("layers", "Layers of the best network", "The network", _try(lambda: layers(of.probes, trial=number)))
    if known.get("slices"):
        yield _section(
            "slices", "Slices: where it is worst", "The network", _try(lambda: where.slices(known["slices"], error_name=name)), is_wide=True
        )
    if known.get("worst"):
        yield Section(name="worst_rows", title="Worst rows", group="The network", before=worst_table(known["worst"]), is_wide=True)


def _record(of: Gathered) -> Iterable[Section | None]:
    listed = events_table(of.notable, error_name=of.error_name)
    yield _section("events", "Events", "The record", _try(lambda: event_counts(of.times)), after=listed, is_wide=True)
    plan = of.facts.get("plan")
    if plan:
        yield _section("plan", "Planned and actual", "The record", after=_plan_table(plan), is_wide=True)
    yield Section(name="repeat", title="To repeat it", group="The record", before=repeating(of), is_wide=True)


def _section(
    name: str,
    title: str,
    group: str,
    *figures: "go.Figure | None",
    after: Markup | None = None,
    is_wide: bool = False,
    is_beside: bool = False,
) -> Section | None:
    """None where nothing could be drawn and there is nothing else to show."""
    drawn = tuple(one for one in figures if one is not None)
    if not drawn and not after:
        return None
    return Section(name=name, title=title, group=group, figures=drawn, after=after or Markup(), is_wide=is_wide, is_beside=is_beside)


def _scatters(title: str, drawn: Sequence["go.Figure"]) -> Section | None:
    """Small ones beside one another, with one legend in words."""
    for one in drawn:
        one.update_layout(showlegend=False, margin={"t": 8}, height=240)
    legend = tag("p", "Diamond: the best trial. Blue: trained at least half as long as the longest. Grey: trained less.", class_="quiet")
    return Section(name="scatter", title=title, group="The search", figures=tuple(drawn), before=legend, is_wide=True) if drawn else None


def _try(draw: "Callable[[], go.Figure]") -> "go.Figure | None":
    """A figure, or None where the study lacks its data."""
    try:
        return draw()
    except StudyError:
        return None


def _more_of_references(given: Mapping[str, Any], error_name: str) -> Markup:
    lines = []
    twins = given.get("duplicates")
    if twins:
        wrong = words.error(twins.get("disagreement"), error_name)
        lines.append(
            f"{twins['rows']:,} rows in {twins['groups']:,} groups have the same features; "
            f"their answers disagree by {wrong}, which no model can undo."
        )
    lines += [str(leak["sentence"]) for leak in given.get("leaks") or ()]
    return join([tag("p", _sentence(line)) for line in lines])


def _plan_table(plan: Mapping[str, Any]) -> Markup:
    predicted, actual = plan.get("predicted") or {}, plan.get("actual") or {}
    rows = [
        [_PLANNED.get(name, name.replace("_", " ")), _plain(predicted[name]), _plain(actual[name])]
        for name in actual
        if isinstance(predicted.get(name), int | float) and isinstance(actual[name], int | float)
    ]  # fmt: skip
    return table("What a probe of a few seconds predicted, and what came", ["", "predicted", "actual"], rows) if rows else Markup()


def _plain(value: float) -> str:
    return f"{value:,.3g}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('. ')}."
