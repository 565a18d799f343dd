"""Tables of measured learning curves, replayed to searches at no cost but arithmetic.

A task is a space, a number of steps and, for any configuration of the space, the error after each step (lower is better). A folder may
hold any of three formats, told apart by what is in the files: TaskSet (`valid_loss`, `X`), the MIT curves (`NAME__X`, `NAME__curve`) and
LCBench's surrogate (`val_accuracy`, `X`, and beside them `*model.onnx` and `*encoding.json`, which evaluate any configuration).

In a table of fixed rows a configuration gets the row nearest to it in unit coordinates, for every method alike; a row proposed again is
paid for again. Values that are not numbers count as the worst finite one.
Knows nothing of: who searches.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from osetra.core.records import Configuration
from osetra.space import Space, integer, linear, log, log_integer

SURROGATE_SAMPLE = 4_000
"""Random configurations of which the best is taken to be improved locally, to know what is the best of a surrogate."""
SURROGATE_ROUNDS = 40


class Table(ABC):
    """One task."""

    name: str
    family: str
    space: Space
    steps: int
    best: float
    """The best final error known: regret 0."""
    start: float
    """The median error after the first step: regret 1."""

    @abstractmethod
    def errors(self, configuration: Configuration, start: int, until: int) -> np.ndarray:
        """After steps start + 1 .. until, float64; NaN where it diverged."""

    def regret(self, error: float) -> float:
        """0 at the best known final error (and for anything better), 1 at the median of the first step."""
        return max(0.0, (error - self.best) / (self.start - self.best))

    def forget(self) -> None:
        """Drop what is kept for speed; most keep nothing."""
        return


class Rows(Table):
    """Fixed rows: X [n, d] in unit coordinates, curves [n, steps], lower is better."""

    def __init__(self, *, name: str, family: str, space: Space, unit: np.ndarray, curves: np.ndarray) -> None:
        self.name, self.family, self.space = name, family, space
        self.steps = curves.shape[1]
        worst = np.nanmax(curves)
        filled = np.where(np.isnan(curves), worst, curves)
        self.worst = float(worst)
        self.best, self.start = float(filled[:, -1].min()), float(np.median(filled[:, 0]))
        self._unit, self._curves = unit, curves

    def errors(self, configuration: Configuration, start: int, until: int) -> np.ndarray:
        point = self.space.encode(configuration)
        row = int(np.argmin(((self._unit - point) ** 2).sum(axis=1)))
        return self._curves[row, start:until]


class Surrogate(Table):
    """LCBench by its surrogate: any configuration, any epoch."""

    def __init__(self, *, name: str, space: Space, steps: int, session: Any, task: int, inputs: Sequence[str]) -> None:
        self.name, self.family, self.space, self.steps = name, "lcbench", space, steps
        self._session, self._task, self._inputs = session, task, inputs
        self._kept: dict[tuple[Any, ...], np.ndarray] = {}
        generator = np.random.default_rng(0)
        sample = generator.random((SURROGATE_SAMPLE, len(space.names)))
        self.start = float(np.median(self._evaluate(sample[:1000], 1)))
        self.best = self._best_known(sample, generator)

    def errors(self, configuration: Configuration, start: int, until: int) -> np.ndarray:
        key = tuple(configuration[name] for name in self._inputs)
        kept = self._kept.setdefault(key, np.empty(0))
        if len(kept) < until:
            epochs = np.arange(len(kept) + 1, until + 1, dtype=np.float32)
            rows = np.column_stack([epochs, np.tile(np.array(key, dtype=np.float32), (len(epochs), 1))])
            kept = self._kept[key] = np.concatenate([kept, self._run(rows)])
        return kept[start:until]

    def forget(self) -> None:
        self._kept.clear()

    def _run(self, rows: np.ndarray) -> np.ndarray:
        task = np.full((len(rows), 1), self._task, dtype=np.int32)
        return 100.0 - self._session.run(None, {"x_cat": task, "x_cont": rows.astype(np.float32)})[0][:, 1].astype(np.float64)

    def _evaluate(self, points: np.ndarray, epoch: int) -> np.ndarray:
        decoded = [self.space.decode(point) for point in points]
        return self._run(np.array([[epoch, *(configuration[name] for name in self._inputs)] for configuration in decoded]))

    def _best_known(self, sample: np.ndarray, generator: np.random.Generator) -> float:
        """Random configurations, then steps of shrinking width around the best twenty: far more than any search may spend."""
        points, errors = sample, self._evaluate(sample, self.steps)
        for round_ in range(SURROGATE_ROUNDS):
            order = np.argsort(errors, kind="stable")[:20]
            points, errors = points[order], errors[order]
            width = 0.2 * 0.9**round_
            moved = points[np.arange(200) % len(points)] + width * generator.standard_normal((200, points.shape[1]))
            moved = np.abs(moved)
            moved = np.where(moved > 1, np.clip(2 - moved, 0, 1), moved)
            points, errors = np.concatenate([points, moved]), np.concatenate([errors, self._evaluate(moved, self.steps)])
        return float(errors.min())


def load(folder: Path, wanted: Sequence[str] = ()) -> Iterator[Table]:
    """Every task of a folder whose name contains one of `wanted` (all, if none is given), one at a time."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if "valid_loss" in arrays:
            yield from _taskset(arrays, wanted)
        elif "val_accuracy" in arrays:
            yield from _lcbench(arrays, folder, wanted)
        else:
            yield from _curves(arrays, wanted)


def _is_wanted(name: str, wanted: Sequence[str]) -> bool:
    return not wanted or any(part.lower() in name.lower() for part in wanted)


def _space_of(X: np.ndarray, names: Sequence[str], is_log: Sequence[bool]) -> tuple[Space, np.ndarray]:
    """A space that just holds the rows, and the rows in its unit coordinates; a column that is constant is left out."""
    scales, columns = {}, {}
    for name, values, logarithmic in zip(names, X.T, is_log, strict=True):
        low, high = float(values.min()), float(values.max())
        if low < high:
            scales[str(name)] = log(low, high) if logarithmic else linear(low, high)
            columns[str(name)] = np.log(values / low) / np.log(high / low) if logarithmic else (values - low) / (high - low)
    space = Space(scales)
    return space, np.column_stack([columns[name] for name in space.names])


def _taskset(arrays: dict[str, np.ndarray], wanted: Sequence[str]) -> Iterator[Table]:
    space, unit = _space_of(arrays["X"], arrays["hp_names"], arrays["hp_log"])
    for name, curves in zip(arrays["tasks"], arrays["valid_loss"], strict=True):
        if _is_wanted(f"taskset {name}", wanted):
            short = str(name).removeprefix("FixedTextRNNClassification_")
            yield Rows(name=short, family="taskset", space=space, unit=unit, curves=curves.astype(np.float64))


def _curves(arrays: dict[str, np.ndarray], wanted: Sequence[str]) -> Iterator[Table]:
    for key in sorted(arrays):
        name = key.removesuffix("__curve")
        if name == key or not _is_wanted(f"mit {name}", wanted):
            continue
        X = arrays[f"{name}__X"]
        # The files do not say which columns are meant by factor: those that are positive and span two decades.
        is_log = [bool(values.min() > 0 and values.max() >= 100 * values.min()) for values in X.T]
        space, unit = _space_of(X, arrays[f"{name}__hp_names"], is_log)
        yield Rows(name=name, family="mit", space=space, unit=unit, curves=-arrays[key].astype(np.float64))


def _lcbench(arrays: dict[str, np.ndarray], folder: Path, wanted: Sequence[str]) -> Iterator[Table]:
    names = [str(name) for name in arrays["hp_names"]]
    scales = {}
    for name, low, high, is_log, is_int in zip(names, arrays["hp_low"], arrays["hp_high"], arrays["hp_log"], arrays["hp_int"], strict=True):
        if is_int:
            scales[name] = log_integer(int(low), int(high)) if is_log else integer(int(low), int(high))
        else:
            scales[name] = log(float(low), float(high)) if is_log else linear(float(low), float(high))
    space = Space(scales)
    steps = int(arrays["val_accuracy"].shape[2])
    (model,) = folder.glob("*model.onnx")
    (encoding,) = folder.glob("*encoding.json")
    numbers = next(iter(json.loads(encoding.read_text()).values()))
    session = None
    for identifier, name in zip(arrays["openml_task_id"], arrays["task_name"], strict=True):
        if _is_wanted(f"lcbench {name}", wanted):
            session = session or _open(model)
            yield Surrogate(name=str(name), space=space, steps=steps, session=session, task=numbers[str(identifier)], inputs=names)


def _open(model: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise SystemExit("LCBench's surrogate needs onnxruntime: pip install onnxruntime (see benchmarks/README.md)") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options)
