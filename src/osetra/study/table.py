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
from osetra.data.prepare import Preparation
from osetra.data.sources import read_table, table_from_arrays
from osetra.data.split import Split, split
from osetra.data.tables import Dataset, dataset
from osetra.engines.port import TrainingData


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTable:
    """Everything about the data that a study needs."""

    dataset: Dataset
    split: Split
    preparation: Preparation
    """Fitted on the training part."""
    training: TrainingData

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
        test: bool = True,
        seed: int = 0,
    ) -> "PreparedTable":
        """As in `osetra.fit`. Raises DataError."""
        if y is not None:
            table = table_from_arrays(data, y)
            target = target or "target"
        else:
            table = read_table(data)
        if target is None:
            columns = ", ".join(map(str, table.frame.columns[:20]))
            raise DataError(f"a target is required, the column to predict; choose one of {columns}")
        rows = dataset(table, target=target, task=task, drop=drop)
        parts = split(
            rows, seed=Seed(study=seed), sizes=sizes, test=test,
            groups=_column(rows, groups) if groups else None, time=_column(rows, time_column) if time_column else None,
        )  # fmt: skip
        if groups:
            # A group of dev or test is never one that was trained on, so its name teaches nothing.
            rows = replace(rows, features=rows.features.drop(columns=groups))
        preparation = Preparation.fit(rows, parts.train)
        train_inputs, train_targets = _prepared(rows, preparation, parts.train)
        dev_inputs, dev_targets = _prepared(rows, preparation, parts.dev)
        training = TrainingData(
            train_inputs=train_inputs, train_targets=train_targets, dev_inputs=dev_inputs, dev_targets=dev_targets,
            error_scale=preparation.error_scale,
        )  # fmt: skip
        return PreparedTable(dataset=rows, split=parts, preparation=preparation, training=training)


def _prepared(rows: Dataset, preparation: Preparation, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return preparation.inputs(rows.features.iloc[indices]), preparation.targets(rows.target.iloc[indices])


def _column(rows: Dataset, name: str) -> Any:
    if name not in rows.features.columns:
        raise DataError(
            f"the column that groups or orders rows must be in the table, got {name!r}; "
            f"choose one of {', '.join(map(str, rows.features.columns[:20]))}"
        )
    return rows.features[name]


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
