"""What the network came to: errors and the gaps between them, references, and its answers on the dev part.

Numbers of the dev part are those of a study's `evaluation`. Knows nothing of: how they were measured.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StudyError
from osetra.report import words
from osetra.report.figures.theme import (
    BLUE,
    CATEGORIES,
    GREY,
    PURPLE,
    VERMILLION,
    error_axis,
    figure,
    hover_number,
    plain,
    rows_axis,
    say,
    shade,
    whiskers,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_CLASSES = 30
"""Of a confusion matrix; of more, those with the most mistakes are drawn."""
MOST_WRITTEN = 12
"""Classes up to which counts are written into the cells."""


def bias_variance(judged: Mapping[str, Any]) -> "go.Figure":
    """The error of each part with its interval, made up of base error, bias, variance and over-tuning on dev.

    judged: as `BiasVariance.to_dict` gives it. Raises StudyError where there is no verdict.
    """
    import plotly.graph_objects as go

    errors = judged.get("errors") or {}
    if "training" not in errors or "dev" not in errors:
        raise StudyError("bias and variance need a training and a dev error, got none; see osetra diagnose")
    error_name = judged["error_name"]
    parts = [part for part in ("training", "dev", "test") if part in errors]
    base = judged["base_error"]
    # What each part adds to the one before; a part below the one before has no more than its own error.
    stages = {"base error": base} | dict(
        zip(("bias", "variance", "over-tuning on dev"), (errors[part]["value"] for part in parts), strict=False)
    )
    at = hover_number(error_name)
    made = figure("Bias and variance", height=110 + 52 * len(parts))
    colours = (GREY, VERMILLION, BLUE, PURPLE)
    for stage, (name, colour) in enumerate(zip(stages, colours, strict=False)):
        lengths = []
        for row, part in enumerate(parts):
            own, levels = errors[part]["value"], [base, *(errors[parts[k]]["value"] for k in range(row + 1))]
            low = 0.0 if stage == 0 else max(levels[:stage], default=0.0)
            high = levels[stage] if stage < len(levels) else low
            lengths.append(max(0.0, min(own, high) - min(own, low)))
        if any(lengths):
            made.add_trace(
                go.Bar(
                    x=lengths,
                    y=list(range(len(parts))),
                    orientation="h",
                    name=name,
                    marker={"color": shade(colour, 0.75)},
                    width=0.55,
                    hovertemplate=f"{name}: %{{x:{at}}}<extra></extra>",
                )
            )
    values = [errors[part] for part in parts]
    made.add_trace(
        go.Scatter(
            x=[one["value"] for one in values],
            y=list(range(len(parts))),
            mode="markers",
            name="error, 95 % interval",
            marker={"color": GREY, "size": 8, "symbol": "line-ns-open", "line": {"width": 2}},
            error_x=whiskers(values),
            customdata=[[one["low"], one["high"], one["rows"]] for one in values],
            hovertemplate=f"%{{x:{at}}} (%{{customdata[0]:{at}}} to %{{customdata[1]:{at}}}), %{{customdata[2]:,}} rows<extra></extra>",
        )
    )
    made.update_layout(
        barmode="stack", xaxis={**error_axis(error_name, ""), "rangemode": "tozero"},
        yaxis=rows_axis(parts, is_downward=True),
    )  # fmt: skip
    gaps = [f"{gap['name']} {_amount(gap, error_name)}, {gap['reading']}" for gap in judged["gaps"]]
    told = [f"{part} {words.error(errors[part]['value'], error_name)}" for part in parts]
    return say(made, f"{_capital(', '.join(told))}. {_capital('; '.join(gaps))}.")


def references(given: Mapping[str, Any], *, error_name: str, network: Mapping[str, Any] | None = None) -> "go.Figure":
    """Dev errors of simple references beside the network's. given: as a study's `references`; network: its dev error."""
    import plotly.graph_objects as go

    rows = [(one["name"], one["dev"], GREY) for one in given.get("references", ())]
    if not rows:
        raise StudyError("references need a study that measured them, got none; fit the data anew with this version")
    rows = [*rows, ("osetra's network", network, BLUE)] if network else rows
    rows.sort(key=lambda row: -row[1]["value"])
    at = hover_number(error_name)
    made = figure("References", height=90 + 34 * len(rows))
    made.add_trace(
        go.Scatter(
            x=[error["value"] for _, error, _ in rows],
            y=list(range(len(rows))),
            mode="markers",
            showlegend=False,
            marker={"size": 10, "color": [colour for *_, colour in rows]},
            error_x=whiskers([error for _, error, _ in rows]),
            customdata=[[plain(name), error["low"], error["high"]] for name, error, _ in rows],
            hovertemplate=f"%{{customdata[0]}}: %{{x:{at}}} (%{{customdata[1]:{at}}} to %{{customdata[2]:{at}}})<extra></extra>",
        )
    )
    made.update_layout(
        xaxis={**error_axis(error_name), "rangemode": "tozero"}, margin={"t": 8},
        yaxis=rows_axis([plain(name) for name, *_ in rows]),
    )  # fmt: skip
    told = [f"{name} {words.error(error['value'], error_name)}" for name, error, _ in reversed(rows)]
    return say(made, f"From best to worst on dev: {', '.join(told)}.")


def confusion(given: Mapping[str, Any]) -> "go.Figure":
    """Which class was taken for which on dev: rows are what was there, columns what was predicted; shares of each row.

    given: `labels` and `counts`, rows by actual class. Of many classes those with the most mistakes.
    """
    import plotly.graph_objects as go

    labels, counts = given["labels"], given["counts"]
    wrong = [sum(row) - row[place] for place, row in enumerate(counts)]
    kept = sorted(sorted(range(len(labels)), key=lambda place: -wrong[place])[:MOST_CLASSES])
    names = [plain(labels[place], 20) for place in kept]
    shares = [[counts[row][column] / max(1, sum(counts[row])) for column in kept] for row in kept]
    made = figure("Confusion matrix", height=max(280, min(640, 120 + 34 * len(kept))))
    at = list(range(len(kept)))
    told = [[[names[row], names[column], counts[kept[row]][kept[column]]] for column in at] for row in at]
    made.add_trace(
        go.Heatmap(
            x=at,
            y=at,
            z=shares,
            zmin=0,
            zmax=1,
            customdata=told,
            xgap=1,
            ygap=1,
            showscale=False,
            # Never so full that the theme's own ink could not be read on it.
            colorscale=[[0, shade(BLUE, 0.04)], [0.02, shade(BLUE, 0.1)], [1, shade(BLUE, 0.6)]],
            hovertemplate="was %{customdata[0]}, predicted %{customdata[1]}: %{customdata[2]:,} rows, %{z:.1%} of its row<extra></extra>",
        )
    )
    if len(kept) <= MOST_WRITTEN:
        cells = [(row, column) for row in at for column in at]
        written = [f"{counts[kept[row]][kept[column]]:,}" for row, column in cells]
        made.add_trace(
            go.Scatter(
                x=[column for _, column in cells],
                y=[row for row, _ in cells],
                text=written,
                mode="text",
                hoverinfo="skip",
                showlegend=False,
            )
        )
    edges, side = [-0.5, len(kept) - 0.5], {**rows_axis(names), "showgrid": False}
    made.update_layout(
        margin={"t": 8}, xaxis={**side, "title": {"text": "predicted"}, "range": edges},
        yaxis={**side, "title": {"text": "actual"}, "range": edges[::-1]},
    )  # fmt: skip
    total = sum(map(sum, counts))
    places = range(len(labels))
    mistakes = [
        (counts[was][taken], labels[was], labels[taken]) for was in places for taken in places if was != taken and counts[was][taken]
    ]
    mistakes.sort(key=lambda one: -one[0])
    most = "; ".join(f"“{_cut(was)}” taken for “{_cut(taken)}” in {words.counted(count, 'row')}" for count, was, taken in mistakes[:3])
    left = f" The {len(kept)} of {len(labels):,} classes with the most mistakes are shown." if len(kept) < len(labels) else ""
    return say(
        made, f"{total - sum(wrong):,} of {words.counted(total, 'dev row')} right.{f' Most often confused: {most}.' if most else ''}{left}"
    )


def residuals(given: Mapping[str, Any]) -> "go.Figure":
    """Predicted against actual values of one target on dev rows; a perfect answer lies on the line.

    given: `target`, `actual`, `predicted`, as one of a study's evaluation.
    """
    import plotly.graph_objects as go

    actual, predicted = given["actual"], given["predicted"]
    if not actual:
        raise StudyError("residuals need predictions of dev rows, got none; fit the data anew with this version")
    target = plain(given["target"], 40)
    off = [guess - truth for truth, guess in zip(actual, predicted, strict=True)]
    made = figure(f"Residuals of {target}", height=400)
    ends = [min(*actual, *predicted), max(*actual, *predicted)]
    made.add_trace(
        go.Scatter(
            x=ends, y=ends, mode="lines", name="a perfect answer", line={"color": GREY, "width": 1.5, "dash": "dash"}, hoverinfo="skip"
        )
    )
    made.add_trace(
        go.Scatter(
            x=actual,
            y=predicted,
            customdata=off,
            mode="markers",
            name="dev rows",
            marker={"color": shade(BLUE, 0.7), "size": 5},
            hovertemplate="actual %{x:,.5~g}, predicted %{y:,.5~g}, off by %{customdata:+,.4~g}<extra></extra>",
        )
    )
    made.update_layout(xaxis={"title": {"text": f"actual {target}"}}, yaxis={"title": {"text": f"predicted {target}"}})
    sizes = sorted(map(abs, off))
    mean = math.fsum(off) / len(off)
    half = sizes[(len(sizes) - 1) // 2]
    told = f"{words.counted(len(off), 'dev row')}: half are off by no more than {half:,.4g}, the worst by {sizes[-1]:,.4g}"
    return say(made, f"{told}; on average predictions are {abs(mean):,.3g} too {'high' if mean > 0 else 'low'}.")


def calibration(given: Mapping[str, Any], *, label: Any = None) -> "go.Figure":
    """How often what the network said came true, against how likely it said it was, in bins of dev rows.

    given: `bins` and `error`, as a study's evaluation. label: of two classes, the one whose probability it is; None: the predicted one's.
    """
    import plotly.graph_objects as go

    bins = [one for one in given["bins"] if one["rows"]]
    if not bins:
        raise StudyError("calibration needs probabilities of dev rows, got none; fit the data anew with this version")
    made = figure("Calibration", height=360)
    made.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            name="perfectly calibrated",
            line={"color": GREY, "width": 1.5, "dash": "dash"},
            hoverinfo="skip",
        )
    )
    most = max(one["rows"] for one in bins)
    made.add_trace(
        go.Scatter(
            x=[one["confidence"] for one in bins], y=[one["accuracy"] for one in bins], mode="markers+lines", name="dev rows, in bins",
            line={"color": shade(BLUE, 0.5), "width": 1},
            marker={"color": BLUE, "size": [6 + 12 * math.sqrt(one["rows"] / most) for one in bins]},
            error_y=whiskers(bins, of="accuracy", low="accuracy_low", high="accuracy_high"),
            customdata=[one["rows"] for one in bins],
            hovertemplate="said %{x:.1%}, came %{y:.1%} of %{customdata:,} rows<extra></extra>",
        )
    )  # fmt: skip
    low = min(one[name] for one in bins for name in ("confidence", "accuracy_low", "accuracy")) - 0.03
    of_class = None if label is None else plain(label, 30)
    said = "probability of the predicted class" if of_class is None else f"probability of {of_class}"
    came = "how often right" if of_class is None else f"share of {of_class}"
    made.update_layout(
        xaxis={"title": {"text": said}, "tickformat": ".0%", "range": [low, 1.03]},
        yaxis={"title": {"text": came}, "tickformat": ".0%", "range": [low, 1.03]},
    )  # fmt: skip
    surest = bins[-1]
    shares = [f"{100 * surest[name]:.1f} %" for name in ("confidence", "accuracy")]
    of_bin = f"{shares[0]} on average, it was so in {shares[1]} of {words.counted(surest['rows'], 'row')}"
    most_likely = "Where it was surest" if label is None else f"Where it found {_cut(label)} likeliest"
    return say(
        made, f"{most_likely}, {of_bin}. Over all bins the two differ by {100 * given['error']:.1f} points (expected calibration error)."
    )


def colours_of(count: int) -> list[str]:
    """One for each of so many classes, in order; the last is shared by all beyond seven."""
    return [CATEGORIES[min(place, len(CATEGORIES) - 1)] for place in range(count)]


def _amount(gap: Mapping[str, Any], error_name: str) -> str:
    return f"{100 * gap['value']:.1f} points" if error_name == "error rate" else f"{gap['value']:.4g}"


def _cut(label: Any) -> str:
    text = str(label)
    return text if len(text) <= 30 else f"{text[:29]}…"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
