"""The data of a study: read, its task known, split, prepared on the training part.

Knows nothing of: trials.
"""

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from osetra.core.errors import DataError
from osetra.core.seeding import Seed
from osetra.data.images import Images
from osetra.data.parts import join_parts, read_part, repeats
from osetra.data.prepare import Label, Preparation
from osetra.data.sources import Table, read_table, table_from_arrays
from osetra.data.split import Split, split
from osetra.data.tables import MIN_ROWS, Dataset, dataset
from osetra.data.weights import ClassWeight, class_weights, column_weights, training_weights
from osetra.diagnosis.intervals import effective_rows
from osetra.engines.port import ImageShape, TrainingData


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTable:
    """Everything about the data that a study needs."""

    dataset: Dataset
    split: Split
    preparation: Preparation
    """Fitted on the training part."""
    training: TrainingData
    weights: np.ndarray | None = None
    """Of each row of `dataset`, float64 > 0; None: all count the same."""
    class_weights: Mapping[Label, float] | None = None
    """What a mistake on each class costs, in training and in the dev error that chooses; None: all the same."""

    @staticmethod
    def of(
        data: Any,
        target: str | Sequence[str] | None,
        *,
        y: Any = None,
        task: str | None = None,
        drop: Sequence[str] = (),
        sizes: tuple[float, float, float] | None = None,
        groups: str | None = None,
        time_column: str | None = None,
        dev: Any = None,
        test: Any = True,
        weights: str | None = None,
        class_weight: ClassWeight | None = None,
        seed: int = 0,
    ) -> "PreparedTable":
        """As in `osetra.fit`. Raises DataError."""
        if y is not None:
            table = table_from_arrays(data, y)
            target = target or ("target" if table.images is None else None)
        else:
            table = read_table(data)
        target = _only_target(table) if target is None and table.images is not None else target
        if target is None:
            columns = ", ".join(map(str, table.frame.columns[:20]))
            raise DataError(f"a target is required, the column to predict; choose one of {columns}")
        table = _joined(table, dev, None if isinstance(test, bool | np.bool_) else test, target, drop)
        rows = dataset(table, target=target, task=task, drop=drop)
        rows, row_weights = (rows, None) if weights is None else _weighed(rows, weights)
        parts = split(
            rows, seed=Seed(study=seed), sizes=sizes, test=not isinstance(test, bool | np.bool_) or bool(test),
            groups=_column(rows, groups) if groups else None, time=_column(rows, time_column) if time_column else None,
        )  # fmt: skip
        if groups and not isinstance(rows.features, Images):
            # A group of dev or test is never one that was trained on, so its name teaches nothing.
            rows = replace(rows, features=rows.features.drop(columns=groups))
        rows = replace(rows, notes=(*rows.notes, *repeats(rows.features, rows.target, parts)))
        preparation = Preparation.fit(rows, parts.train)
        train_inputs, train_targets = _prepared(rows, preparation, parts.train)
        dev_inputs, dev_targets = _prepared(rows, preparation, parts.dev)
        train_weights, dev_weights = (None, None) if row_weights is None else (row_weights[parts.train], row_weights[parts.dev])
        of_class = None
        if class_weight is not None:
            of_class = class_weights(
                class_weight, task=rows.task, classes=preparation.classes, targets=train_targets, weights=train_weights
            )
        training = TrainingData(
            train_inputs=train_inputs, train_targets=train_targets, train_weights=training_weights(train_weights, of_class, train_targets),
            dev_inputs=dev_inputs, dev_targets=dev_targets, dev_weights=training_weights(dev_weights, of_class, dev_targets),
            error_scale=preparation.error_scale, image=_image(preparation),
        )  # fmt: skip
        return PreparedTable(
            dataset=rows, split=parts, preparation=preparation, training=training, weights=row_weights, class_weights=of_class
        )


def _prepared(rows: Dataset, preparation: Preparation, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return preparation.inputs(rows.features.take(indices)), preparation.targets(rows.target.iloc[indices])


def _joined(table: Table, dev: Any, test: Any, target: str | Sequence[str], drop: Sequence[str]) -> Table:
    """The table with the parts that came besides it."""
    targets = [target] if isinstance(target, str) else [str(name) for name in target]
    given = [None if part is None else read_part(part, training=table, targets=targets) for part in (dev, test)]
    return join_parts(table, dev=given[0], test=given[1], ignore=drop)


def _weighed(rows: Dataset, name: str) -> tuple[Dataset, np.ndarray]:
    """The rows of weight > 0 without their column of weights, and their weights."""
    column = _column(rows, name)
    assert not isinstance(rows.features, Images), "images have no columns"
    weights = column_weights(column)
    features = rows.features.drop(columns=name)
    if features.shape[1] == 0:
        raise DataError(f"{rows.source} must have a column besides the target and the weights {name!r}, got none; give it features")
    kept = np.flatnonzero(weights)
    target = rows.target.take(kept).reset_index(drop=True)
    if rows.task.is_classification and target.iloc[:, 0].nunique() < 2:
        raise DataError(
            f"the target {rows.target_names[0]!r} must have at least 2 classes in rows of a weight above 0, got only "
            f"{str(target.iloc[0, 0])!r}; give rows of another class a weight"
        )
    if len(kept) < MIN_ROWS:
        raise DataError(f"{rows.source} must have at least {MIN_ROWS} rows of a weight above 0, got {len(kept)}; give more")
    notes = rows.notes
    if left_out := len(weights) - len(kept):
        notes = (*notes, f"{left_out:,} row{'s' if left_out > 1 else ''} of weight 0 {'were' if left_out > 1 else 'was'} left out")
    kept_rows = replace(
        rows, features=features.take(kept).reset_index(drop=True), target=target,
        given=None if rows.given is None else rows.given[kept], notes=notes,
    )  # fmt: skip
    return kept_rows, weights[kept]


def _only_target(table: Table) -> list[str]:
    """All that is known of images besides their pixels is what to predict."""
    if table.frame.shape[1] == 0:
        raise DataError(
            f"images to train on need a target each, got none in {table.source}; sort the files into folders, one a class, or give y"
        )
    return list(table.frame.columns)


def _image(preparation: Preparation) -> ImageShape | None:
    if preparation.image_shape is None:
        return None
    height, width, channels = preparation.image_shape
    return ImageShape(height=height, width=width, channels=channels, fill=preparation.fill)


def _column(rows: Dataset, name: str) -> Any:
    if isinstance(rows.features, Images):
        raise DataError(f"images have no columns to group, order or weigh them by, got {name!r}; leave it out")
    if name not in rows.features.columns:
        raise DataError(
            f"the column that groups, orders or weighs rows must be in the table, got {name!r}; "
            f"choose one of {', '.join(map(str, rows.features.columns[:20]))}"
        )
    return rows.features[name]


def weighing_facts(table: PreparedTable, column: str | None) -> dict[str, Any]:
    """Weights for the study's record, `weights` and `class_weight`; each None where there are none."""
    weights, of_class = table.weights, table.class_weights
    parts = {"train": table.split.train, "dev": table.split.dev, "test": table.split.test}
    return {
        "weights": None
        if weights is None
        else {
            "column": column,
            # Of each part: so many equal rows would be as informative, and its rows.
            "effective_rows": {name: [effective_rows(weights[rows]), len(rows)] for name, rows in parts.items() if len(rows)},
        },
        "class_weight": None if of_class is None else {str(label): weight for label, weight in of_class.items()},
    }


def split_facts(parts: Split) -> dict[str, Any]:
    """A split for the study's record: sizes, rule, and the indices of dev and test (all others train), small enough for JSON."""
    return {
        "rule": parts.rule,
        "sizes": [len(parts.train), len(parts.dev), len(parts.test)],
        "dev": _pack(parts.dev),
        "test": _pack(parts.test),
    }


def split_from_facts(facts: Mapping[str, Any]) -> Split:
    """The split that `split_facts` recorded."""
    dev, test = _unpack(facts["dev"]), _unpack(facts["test"])
    train = np.setdiff1d(np.arange(sum(facts["sizes"])), np.concatenate([dev, test]), assume_unique=True)
    return Split(train=train, dev=dev, test=test, rule=facts["rule"])


def _pack(indices: np.ndarray) -> str:
    """Ascending indices as compressed steps from one to the next, in base 64."""
    steps = np.diff(indices, prepend=0).astype("<u4")
    return base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode("ascii")


def _unpack(text: str) -> np.ndarray:
    return np.cumsum(np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<u4"), dtype=np.int64)
