"""Partial dependence of a saved model, by column: on rows of a table, or, without any, on the mean row of its training.

Bounded: at most 300 rows are looked at, 24 values of a column, and the 6 most influential of 60 columns, so that a page can ask for it.
Knows nothing of: how it is drawn, where rows come from.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import StudyError
from osetra.core.seeding import Seed
from osetra.data.columns import LEVEL, Column, DateColumn, HashedColumn, LevelColumn, NumberColumn
from osetra.data.values import column_of, dates, numbers, texts
from osetra.diagnosis.partial_dependence import influence, partial_dependence
from osetra.models.predictor import Predictor

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 300
MOST_VALUES = 24
MOST_LEVELS = 12
MOST_COLUMNS = 6
MOST_OUTPUTS = 5
MOST_LOOKED = 60
"""Columns of which influence is measured."""
_BLOCK = 500
DEVIATIONS = 2.0
"""Around the mean of a column in training, where no rows tell its range."""


def dependence(model: Predictor, frame: "pd.DataFrame | None" = None, *, columns: Sequence[str] = ()) -> dict[str, Any]:
    """What the model answers on average along its most influential columns, JSON-able:

        rows       how many were averaged over; 0: the mean row of the training stood for all
        outputs    what is answered: the likelier class of two, the classes with the highest mean, at most 5, or targets
        unit       probability or value
        columns    name, is_ordered, influence (None without rows), values, answers [output][value], by influence

    frame: rows with the columns of the model; of more than 300 an even choice. columns: these and no others.
    Raises StudyError for a model of images and for a column that the model does not have; DataError for rows that do not fit.
    """
    preparation = model.preparation
    if preparation.image_shape is not None:
        raise StudyError("partial dependence needs a model of a table, got one of images; look at its worst images instead")
    known = {column.column: number for number, column in enumerate(preparation.columns)}
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise StudyError(f"partial dependence needs columns of the model, got {unknown[0]!r}; it has {', '.join(list(known)[:20])}")
    if frame is not None and len(frame) > MOST_ROWS:
        frame = frame.iloc[np.linspace(0, len(frame) - 1, MOST_ROWS).astype(np.int64)].reset_index(drop=True)
    inputs = np.zeros((1, preparation.num_inputs), np.float32) if frame is None else preparation.inputs(frame)
    places = _places(preparation.columns)
    wanted = [known[name] for name in columns] or _foremost(model, places)
    moved: dict[int, float] = {}
    if frame is not None:
        draws = Seed(study=0).generator("partial dependence")
        moved = dict(
            zip(wanted, influence(model.prepared_outputs, inputs, [places[number] for number in wanted], draws).tolist(), strict=True)
        )
    if not columns:
        wanted = sorted(wanted, key=lambda number: -moved.get(number, 0.0))[:MOST_COLUMNS]
    outputs, decoded = _outputs(model, inputs)
    found = []
    for number in wanted:
        column = preparation.columns[number]
        values, is_ordered = _values(column, None if frame is None else column_of(frame, column.column))
        if len(values) < 2:
            continue
        answers = decoded(partial_dependence(model.prepared_outputs, inputs, places[number], _prepared(column, values)))
        found.append(
            {"name": column.column, "is_ordered": is_ordered, "influence": moved.get(number),
             "values": values, "answers": answers.T.tolist()}
        )  # fmt: skip
    return {
        "rows": 0 if frame is None else len(frame),
        "outputs": outputs,
        "unit": "probability" if preparation.task.is_classification else "value",
        "columns": found,
    }


def _places(columns: Sequence[Column]) -> list[slice]:
    ends = np.cumsum([0, *(len(column.inputs) for column in columns)]).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]


def _foremost(model: Predictor, places: Sequence[slice]) -> list[int]:
    """At most 60: those whose inputs, one deviation up, move the answer of the mean row most, the first ones first."""
    at_mean = np.zeros((1, model.preparation.num_inputs), np.float32)
    before, moved = model.prepared_outputs(at_mean), []
    for start in range(0, len(places), _BLOCK):
        block = places[start : start + _BLOCK]
        rows = np.zeros((len(block), at_mean.shape[1]), np.float32)
        for number, place in enumerate(block):
            rows[number, place] = 1
        moved.append(np.abs(model.prepared_outputs(rows) - before).sum(axis=1))
    return np.argsort(-np.concatenate(moved), kind="stable")[:MOST_LOOKED].tolist()


def _outputs(model: Predictor, inputs: np.ndarray) -> tuple[list[str], Any]:
    """What is shown of the outputs, and how it follows from them, [values, outputs] to [values, shown]."""
    preparation = model.preparation
    if not preparation.task.is_classification:
        kept = slice(0, MOST_OUTPUTS)
        return list(preparation.target_names[kept]), lambda said: (said * preparation.target_scale + preparation.target_mean)[:, kept]
    labels = [str(label) for label in model.classes]
    if len(labels) == 2:
        return labels[1:], lambda said: said[:, 1:]
    likeliest = np.sort(np.argsort(-model.prepared_outputs(inputs).mean(axis=0), kind="stable")[:MOST_OUTPUTS])
    return [labels[number] for number in likeliest], lambda said: said[:, likeliest]


def _values(column: Column, series: Any) -> tuple[list[Any], bool]:
    """What a column is set to, and whether that has an order."""
    if isinstance(column, NumberColumn):
        given = None if series is None else numbers(series, column=column.column)
        return [float(f"{value:.6g}") for value in _along(column, given, "value")], True
    if isinstance(column, DateColumn):
        stamps = None if series is None else dates(series, column=column.column)
        seconds = None if stamps is None else np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64) / 1e6)
        moments = _along(column, seconds, "seconds").astype(np.int64).astype("datetime64[s]")
        days = np.unique(moments.astype("datetime64[D]"))
        return [str(moment).replace("T", " ") for moment in (days if len(days) == len(moments) else moments)], True
    if series is not None:
        codes, levels = texts(series)
        counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        return [levels[number] for number in np.argsort(-counts, kind="stable")[:MOST_LEVELS]], False
    if isinstance(column, HashedColumn):
        return sorted(column.counts, key=lambda level: -column.counts[level])[:MOST_LEVELS], False
    assert isinstance(column, LevelColumn), column.kind
    levels = [item for item in column.inputs if item.part.startswith(LEVEL)]
    return [item.part.removeprefix(LEVEL) for item in sorted(levels, key=lambda item: -item.mean)[:MOST_LEVELS]], False


def _along(column: Column, given: np.ndarray | None, part: str) -> np.ndarray:
    """Values evenly over what rows have between their 1 % and 99 % quantile, those that occur where they are few; else around the mean."""
    item = next((item for item in column.inputs if item.part == part), None)
    if given is None:
        if item is None:
            return np.zeros(0)
        return np.linspace(item.mean - DEVIATIONS * item.scale, item.mean + DEVIATIONS * item.scale, MOST_VALUES)
    present = np.unique(given[~np.isnan(given)])
    if len(present) <= MOST_VALUES:
        return present
    low, high = np.quantile(given[~np.isnan(given)], [0.01, 0.99])
    return np.unique(np.linspace(low, high, MOST_VALUES))


def _prepared(column: Column, values: Sequence[Any]) -> np.ndarray:
    """float32 [values, inputs of the column]"""
    import pandas as pd

    out = np.empty((len(values), len(column.inputs)), np.float32)
    column.fill(pd.Series(list(values), name=column.column), out)
    return out


def described(given: Mapping[str, Any]) -> str:
    """On which rows it rests, in a sentence."""
    if given["rows"]:
        return f"Mean answer over {given['rows']:,} rows as one column moves and the others stay as they are."
    return "Answer for the mean row of the training as one column moves; the data are not at hand."
