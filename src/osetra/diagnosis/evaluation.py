"""What a model does with the rows of a part, one by one, as records for figures.

    confusion     actual against predicted class, counted
    calibration   does what is said to be 70 % likely come true in 70 of 100 rows?
    residuals     actual and predicted values, of a sample of the rows
    worst rows    those where the model is most wrong
    boundary      what it says over a plane of two features

All records are JSON-able: plain numbers, text and None. Every row counts the same, whatever its weight.
Knows nothing of: models, tables, studies.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from osetra.diagnosis.intervals import wilson

MOST_LABELS = 30
BINS = 10
SAMPLED_ROWS = 500
SAMPLED_TARGETS = 8
WORST_ROWS = 10
WORST_FEATURES = 8
GRID = 60
POINTS = 300
_LONGEST = 60


def shown_labels(labels: Sequence[Any], actual: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """The labels that figures show, in their own order, and the place of each class among them, int64 [classes].

    labels: of the classes, plain values; actual: class numbers, int64 [rows]. Of more than 30 the 29 with the most rows are shown, and
    the others together, last, as `other` (`other classes` where a class is called `other`).
    """
    if len(labels) <= MOST_LABELS:
        return list(labels), np.arange(len(labels))
    counts = np.bincount(actual, minlength=len(labels))
    kept = np.sort(np.argsort(-counts, kind="stable")[: MOST_LABELS - 1])
    places = np.full(len(labels), len(kept))
    places[kept] = np.arange(len(kept))
    shown = [labels[number] for number in kept.tolist()]
    return [*shown, "other classes" if "other" in map(str, shown) else "other"], places


def confusion(labels: Sequence[Any], actual: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """`labels`, at most 30 as `shown_labels` says, and `counts` of rows, [actual][predicted]. Class numbers int64 [rows]."""
    shown, places = shown_labels(labels, actual)
    pairs = places[actual] * len(shown) + places[predicted]
    counts = np.bincount(pairs, minlength=len(shown) ** 2).reshape(len(shown), len(shown))
    return {"labels": shown, "counts": counts.tolist()}


def calibration(probabilities: np.ndarray, actual: np.ndarray) -> dict[str, Any]:
    """Ten equal bins of what the model says against what came true, and the expected calibration error.

    Of two classes it is the probability of the second, from 0 to 1, against how often that class came: both kinds of mistake show. Of
    more classes it is the probability of the predicted one against how often that was right. A bin holds low < probability <= high, the
    first one 0 as well; bins without rows are left out. Each share has Wilson's 95 % interval.

        error = sum over bins of rows in the bin / rows * |mean probability - share|     (Naeini et al. 2015, AAAI; Guo et al. 2017, ICML)

    probabilities: [rows, classes]; actual: class numbers, int64 [rows].
    """
    if probabilities.shape[1] == 2:
        said, came = probabilities[:, 1].astype(np.float64), actual == 1
    else:
        said, came = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == actual
    edges = np.linspace(0, 1, BINS + 1)
    places = np.searchsorted(edges[1:-1], said)
    rows, sums, hits = (np.bincount(places, weights=weights, minlength=BINS) for weights in (None, said, came))
    bins, error = [], 0.0
    for place in np.flatnonzero(rows).tolist():
        count = int(rows[place])
        confidence, share = float(sums[place]) / count, float(hits[place]) / count
        low, high = wilson(share, count)
        error += count / len(actual) * abs(confidence - share)
        bins.append(
            {"low": round(place / BINS, 1), "high": round((place + 1) / BINS, 1), "confidence": confidence, "accuracy": share,
             "accuracy_low": low, "accuracy_high": high, "rows": count}
        )  # fmt: skip
    return {"bins": bins, "error": error}


def residuals(names: Sequence[str], actual: np.ndarray, predicted: np.ndarray) -> list[dict[str, Any]]:
    """Of each target, the first 8 at most, `actual` and `predicted` of 500 rows or fewer, evenly spaced. Values float64 [rows, targets]."""
    rows = _spaced(len(actual), SAMPLED_ROWS)
    return [
        {"target": name, "actual": _short_all(actual[rows, place]), "predicted": _short_all(predicted[rows, place])}
        for place, name in enumerate(names[:SAMPLED_TARGETS])
    ]


def worst_classified(
    target: str, labels: Sequence[Any], probabilities: np.ndarray, actual: np.ndarray, numbers: np.ndarray
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Of the rows that got a wrong class the 10 whose own got the lowest probability, and their records without features.

    probabilities: [rows, classes]; actual: class numbers, int64 [rows]; numbers: what each row is called, int64 [rows].
    """
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != actual)
    worst = wrong[np.argsort(probabilities[wrong, actual[wrong]], kind="stable")[:WORST_ROWS]]
    records = [
        {"row": int(numbers[row]), "target": target, "actual": labels[int(actual[row])], "predicted": labels[said],
         "confidence": _short(float(probabilities[row, said])), "residual": None}
        for row, said in zip(worst.tolist(), predicted[worst].tolist(), strict=True)
    ]  # fmt: skip
    return worst, records


def worst_predicted(
    names: Sequence[str], scales: np.ndarray, actual: np.ndarray, predicted: np.ndarray, numbers: np.ndarray
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """The 10 rows with the largest residual, actual - predicted, of any target in units of its `scales` [targets]; as `worst_classified`.

    Values float64 [rows, targets]; `target` says which of them the record is about.
    """
    gaps = actual - predicted
    sizes = np.abs(gaps) / scales
    worst = np.argsort(-sizes.max(axis=1), kind="stable")[:WORST_ROWS]
    records = []
    for row in worst.tolist():
        at = int(sizes[row].argmax())
        records.append(
            {"row": int(numbers[row]), "target": names[at], "actual": _short(actual[row, at]), "predicted": _short(predicted[row, at]),
             "confidence": None, "residual": _short(gaps[row, at])}
        )  # fmt: skip
    return worst, records


def plane(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """60 values of each of two features, evenly spaced from their 1 % to their 99 % quantile and a twentieth of that beyond."""
    values = []
    for feature in (x, y):
        low, high = np.quantile(feature[~np.isnan(feature)], [0.01, 0.99])
        pad = 0.05 * (high - low) or 0.5
        values.append(np.linspace(low - pad, high + pad, GRID))
    return values[0], values[1]


def boundary(
    names: tuple[str, str], axes: tuple[np.ndarray, np.ndarray], over_plane: np.ndarray, points: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> dict[str, Any]:
    """What the model says over a plane. over_plane: class places or values, [60 of y, 60 of x], as `predicted[y][x]`.

    points: x, y and the actual class place or value of rows; 300 of them or fewer are kept, evenly spaced among those that lack neither.
    """
    known = np.flatnonzero(~(np.isnan(points[0]) | np.isnan(points[1])))
    rows = known[_spaced(len(known), POINTS)]
    x, y, actual = (_short_all(values[rows]) for values in points)
    return {
        "x": names[0], "y": names[1], "x_values": _short_all(axes[0]), "y_values": _short_all(axes[1]),
        "predicted": [_short_all(line) for line in over_plane], "points": {"x": x, "y": y, "actual": actual},
    }  # fmt: skip


def plain(value: Any) -> Any:
    """A value of a table as JSON can carry it: None for what is missing, text of dates, at most 60 characters of text."""
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, np.datetime64 | np.timedelta64):
        return _cut(str(value))
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return _short(value)
    return _cut(value.isoformat() if isinstance(value, date) else str(value))


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The first 8 features of a row, by name."""
    return {name: plain(value) for name, value in list(row.items())[:WORST_FEATURES]}


def _spaced(rows: int, most: int) -> np.ndarray:
    return np.arange(rows) if rows <= most else np.linspace(0, rows - 1, most).astype(np.int64)


def _short_all(values: np.ndarray) -> list[Any]:
    return values.tolist() if values.dtype.kind in "iub" else [_short(value) for value in values.tolist()]


def _short(value: float) -> float | None:
    """To 6 digits; None where it is not finite, which JSON has no word for."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
