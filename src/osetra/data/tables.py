"""A table, or images, whose target is known: checked, its task told or inferred, rows without a target dropped.

Knows nothing of: files, splits, how features become network inputs.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.data.images import Images
from osetra.data.sources import Table
from osetra.data.values import column_of, kind_of, numbers, require_finite, texts

if TYPE_CHECKING:
    import pandas as pd

MIN_ROWS = 10
"""With fewer, a dev part is a row or two and says nothing."""
MAX_CLASSES = 1000
FEW_VALUES = 20
"""Whole numbers are taken for classes up to this many distinct values ..."""
FEW_VALUES_SHARE = 0.1
"""... if they are also at most this share of the rows (two values always are)."""

_TASKS = (*(task.value for task in Task if task is not Task.OBJECTIVE), "classification")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Features and targets of the same rows, none of which lacks a target."""

    features: "pd.DataFrame | Images"
    """As they came, missing values and all; rows are numbered from 0. Either kind has `len` and `take`."""
    target: "pd.DataFrame"
    """One or more columns: labels for classification, finite float64 for regression."""
    task: Task
    target_names: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()
    """What was inferred or dropped, in sentences for a person."""
    given: np.ndarray | None = None
    """int8 [rows] where the data came with parts: 0 training, 1 dev, 2 test."""

    def __post_init__(self) -> None:
        assert self.given is None or self.given.shape == (len(self.target),), "a part for every row"
        assert len(self.features) == len(self.target), f"{len(self.features)} rows of features, {len(self.target)} of targets"
        assert tuple(self.target.columns) == self.target_names, f"target columns {tuple(self.target.columns)}, names {self.target_names}"

    @property
    def num_rows(self) -> int:
        return len(self.features)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of the features; none for images."""
        return () if isinstance(self.features, Images) else tuple(map(str, self.features.columns))

    def table(self, rows: np.ndarray) -> Table:
        """The rows numbered `rows`, int64, with their targets, as the table that they would come in."""
        import pandas as pd

        target = self.target.take(rows).reset_index(drop=True)
        if isinstance(self.features, Images):
            return Table(frame=target, images=self.features.take(rows), source=self.source)
        return Table(frame=pd.concat([self.features.take(rows).reset_index(drop=True), target], axis=1), source=self.source)


def dataset(table: Table, *, target: str | Sequence[str], task: Task | str | None = None, drop: Sequence[str] = ()) -> Dataset:
    """Say what is to be predicted from what.

    target: the column to predict, or several for regression with several targets. task: a Task, its name or "classification".
    drop: columns to leave out.

    Without `task` it is inferred from the values of the target:
      - truth values, text and categories are classes;
      - whole numbers are classes if there are two of them, or if there are at most 20 and at most a tenth as many as rows;
      - other numbers, and several targets together, are regression.

    Rows without a target are dropped and counted in the notes. Raises DataError if a column does not exist, no feature is left, fewer than
    10 rows have a target, a number is infinite, or the target does not suit the task (one class, over 1,000 classes, regression on text).
    """
    names, left_out = _names(target), _names(drop)
    if table.images is not None and left_out:
        raise DataError(f"images have no columns to drop, got {_listed(left_out)}; leave drop out")
    frame = table.frame
    _require_columns(names, frame.columns, what="the target")
    _require_columns(left_out, frame.columns, what="a column to drop")
    if not names or len(set(names)) < len(names) or set(names) & set(left_out):
        raise DataError(f"target must name columns, each once and none of them dropped, got {', '.join(map(repr, names)) or 'none'}")
    features = _column_features(table, names, left_out) if table.images is None else table.images

    kinds = [_target_kind(column_of(frame, name)) for name in names]
    targets, notes = _known(frame.loc[:, list(names)], kinds)
    if len(targets) < MIN_ROWS:
        raise DataError(
            f"{table.source} must have at least {MIN_ROWS} rows with a target, got {len(targets)}"
            + "".join(f" ({note})" for note in notes)
            + "; give more data"
        )
    asked = _asked(task)
    chosen = _infer(targets, kinds) if asked is None or asked == "classification" else Task(asked)
    if asked == "classification" and chosen is Task.REGRESSION:
        chosen = Task.BINARY if len(names) == 1 and column_of(targets, names[0]).nunique() == 2 else Task.MULTICLASS
    if chosen is Task.REGRESSION:
        targets = _regression_targets(targets, kinds)
        notes += [_regression_note(targets)]
    else:
        notes += _check_classes(targets, chosen)
    kept = features if len(targets) == len(features) else features.take(targets.index.to_numpy())
    if isinstance(kept, Images):
        classes = f", {column_of(targets, names[0]).nunique():,} classes" if chosen.is_classification else ""
        notes = [f"{kept.in_words()}{classes}", *table.notes, *notes]
    else:
        notes = [*table.notes, *notes]
    return Dataset(
        features=kept if isinstance(kept, Images) else kept.reset_index(drop=True),
        target=targets.reset_index(drop=True),
        task=chosen,
        target_names=names,
        source=table.source,
        notes=tuple(notes),
        given=None if table.given is None else table.given[targets.index.to_numpy()],
    )


def _column_features(table: Table, names: Sequence[str], left_out: Sequence[str]) -> "pd.DataFrame":
    features = table.frame.drop(columns=[*names, *left_out])
    if features.shape[1] == 0:
        raise DataError(
            f"{table.source} must have a column besides the target {_listed(names)}, got none; give it features to predict from"
        )
    for name, column in features.items():
        _require_usable(column, str(name))
    return features


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    # Tables name their columns by text, also those that were numbers in a frame.
    return (str(given),) if isinstance(given, str) or not isinstance(given, Iterable) else tuple(str(name) for name in given)


def _asked(task: Task | str | None) -> str | None:
    if task is not None and task not in _TASKS:
        raise DataError(f"task must be one of {', '.join(_TASKS)}, got {str(task)!r}; choose one or leave it out")
    return task


def _require_columns(wanted: Sequence[str], columns: Iterable[str], *, what: str) -> None:
    columns = list(columns)
    for name in wanted:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=3)
            meant = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
            listed = _listed(columns[:20]) + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")
            raise DataError(f"{what} must be a column of the table, got {name!r}; {meant}the columns are {listed}")


def _require_usable(column: "pd.Series", name: str) -> None:
    kind = column.dtype.kind
    if kind == "c":
        raise DataError(f"{name!r} must hold real numbers, got complex ones; give the real and imaginary parts as two columns")
    example = next(iter(column.dropna().head(1)), None) if kind == "O" else None
    if isinstance(example, list | tuple | dict | set | np.ndarray):
        raise DataError(f"{name!r} must hold single values, got {type(example).__name__}s; drop it or spread it over several columns")
    if kind == "f":
        require_finite(column.to_numpy(dtype=np.float64, na_value=np.nan), column=name)


def _target_kind(column: "pd.Series") -> str:
    """`text` (also truth values and categories), `whole`, `number`; DataError for dates and blanks."""
    _require_usable(column, str(column.name))
    match kind_of(column):
        case "empty":
            raise DataError(f"the target {column.name!r} must have values, got none at all; name another column")
        case "date":
            raise DataError(
                f"the target {column.name!r} must hold numbers or labels, got dates; turn it into a number, such as days from a start"
            )
        case "text":
            return "text"
    present = column.dropna()
    if column.dtype.kind == "b" or isinstance(present.iloc[0], bool | np.bool_):
        return "text"
    values = numbers(column, column=str(column.name))
    values = values[~np.isnan(values)]
    return "whole" if bool(np.all(values == np.floor(values))) else "number"


def _known(targets: "pd.DataFrame", kinds: Sequence[str]) -> "tuple[pd.DataFrame, list[str]]":
    """The rows with every target known, and a note of how many are not."""
    import pandas as pd

    missing = targets.isna().to_numpy().any(axis=1)
    for name in targets.columns:
        if column_of(targets, name).dtype.kind == "O":
            missing |= texts(column_of(targets, name))[0] < 0
    if not missing.any():
        return targets, []
    columns = {}
    for name, kind in zip(targets.columns, kinds, strict=True):
        known = column_of(targets, name).loc[~missing].infer_objects()
        # Blanks turned whole numbers into floats; without the blanks the label 3.0 is 3 again.
        is_exact = kind == "whole" and known.dtype == np.float64 and bool(known.abs().max() < 2**53)
        columns[name] = known.astype(np.int64) if is_exact else known
    known = pd.DataFrame(columns)
    count = int(missing.sum())
    return known, [f"{count:,} row{'s' if count > 1 else ''} without a target {'were' if count > 1 else 'was'} dropped"]


def _infer(targets: "pd.DataFrame", kinds: Sequence[str]) -> Task:
    if len(kinds) > 1 or kinds[0] == "number":
        return Task.REGRESSION
    distinct = int(targets.iloc[:, 0].nunique())
    is_few = distinct <= 2 or distinct <= min(FEW_VALUES, FEW_VALUES_SHARE * len(targets))
    if kinds[0] == "whole" and not is_few:
        return Task.REGRESSION
    return Task.MULTICLASS if distinct > 2 else Task.BINARY


def _regression_targets(targets: "pd.DataFrame", kinds: Sequence[str]) -> "pd.DataFrame":
    import pandas as pd

    columns = {}
    for name, kind in zip(targets.columns, kinds, strict=True):
        try:
            values = numbers(column_of(targets, name), column=str(name))
        except DataError as error:
            if kind != "text":
                raise
            raise DataError(
                f"the target {name!r} must hold numbers for regression, got text such as {str(targets[name].iloc[0])!r}; "
                "choose classification or another target"
            ) from error
        if values.min() == values.max():
            raise DataError(f"the target {name!r} must have at least 2 distinct values, got {values[0]:g} throughout; name another column")
        columns[name] = values
    return pd.DataFrame(columns, index=targets.index)


def _regression_note(targets: "pd.DataFrame") -> str:
    if targets.shape[1] > 1:
        return f"{_listed(targets.columns)} are {targets.shape[1]} targets: regression"
    name = targets.columns[0]
    return f"{name} has {column_of(targets, name).nunique():,} distinct values: regression"


def _check_classes(targets: "pd.DataFrame", task: Task) -> list[str]:
    if targets.shape[1] > 1:
        raise DataError(f"classification must have one target, got {_listed(targets.columns)}; name one, or choose regression")
    name = targets.columns[0]
    counts = {label: rows for label, rows in column_of(targets, name).value_counts().items() if rows > 0}
    if len(counts) < 2:
        raise DataError(f"the target {name!r} must have at least 2 classes, got only {str(*counts)!r}; add rows of another class")
    if task is Task.BINARY and len(counts) > 2:
        raise DataError(f"the target {name!r} must have 2 classes for the binary task, got {len(counts):,}; choose multiclass")
    if len(counts) > MAX_CLASSES:
        raise DataError(
            f"the target {name!r} must have at most {MAX_CLASSES:,} classes, got {len(counts):,} distinct values; "
            "choose regression if it is a quantity, or merge classes"
        )
    if 2 * len(counts) > len(targets):
        raise DataError(
            f"the target {name!r} must have at least 2 rows a class on average, got {len(counts):,} classes in {len(targets):,} rows; "
            "choose regression if it is a quantity, or another target"
        )
    notes = [f"{name} has {len(counts):,} distinct values: {task.in_words}"]
    rare = [str(label) for label, rows in counts.items() if rows < 3]
    if rare:
        shown = ", ".join(rare[:5]) + (" ..." if len(rare) > 5 else "")
        notes.append(
            f"{len(rare):,} class{'es have' if len(rare) > 1 else ' has'} fewer than 3 rows ({shown}): too few to be in every part"
        )
    return notes


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
