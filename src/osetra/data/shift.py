"""Do two parts come from one distribution? A small classifier is told to tell their rows apart.

The classifier is gradient boosting of small trees (scikit-learn's). Of four it found most for its time: at 2 x 2,000 rows and 15 inputs,
AUC for a mean moved by 0.4 sigma, 1.6 times the sigma, a level of 20 instead of 40 %, a correlation of -0.5 instead of 0.5:

    boosting                          0.59  0.62  0.62  0.70     extremely randomised trees   0.59  0.61  0.64  0.64  (3 times its time)
    ridge on squares and products     0.57  0.55  0.62  0.62     random forest                0.58  0.62  0.62  0.68  (6 times)

It learns from half of the rows; the other half, which it has not
seen, says how well it does (AUC, the share of pairs of rows, one of each part, that it puts in the right order). A half held out, and
no cross-validation: the classifiers of several folds share rows, so that the AUC of parts alike varies 1.8 times as much as an interval
for independent rows allows (200 and 100 rows, 120 draws: false alarms in 6.7 % instead of 2.5 %).

The interval is the score interval of the Mann-Whitney statistic with Hanley & McNeil's variance (1982, Radiology 143:29), which is
method 5 of Newcombe (2006, Statistics in Medicine 25:559), for m and n rows held out of either part, N = m + n:

    |AUC - A| = z sqrt(V(A)),  V(A) = A (1 - A) (1 + (N/2 - 1) ((1 - A)/(2 - A) + A/(1 + A))) / (m n)

At A = 1/2, V = (N + 1)/(12 m n): the interval lies above 1/2 exactly if the two-sided Mann-Whitney test rejects at 5 %, so for parts of
one distribution that happens in 1 check of 40. It does not collapse at AUC 1.

Knows nothing of: what the parts are for, words.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.seeding import Seed
from osetra.data.images import Images, resized
from osetra.data.split import Split
from osetra.data.treatments import fit_column
from osetra.data.values import column_of

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 4_000
"""Rows of a part that are looked at, drawn at random ..."""
MAX_VALUES = 400_000
"""... fewer where the table is wide: so many values of a part at most, but no fewer rows than `FEWEST_DRAWN`."""
FEWEST_DRAWN = 400
MIN_ROWS = 16
"""A part of fewer is not compared."""
MAX_INPUTS = 32
"""The classifier sees so many inputs, those whose mean or variance differs most in the rows that it learns from."""
NOTICEABLE_AUC = 0.55
"""What is smaller than this says little about the error, however sure it is."""
MAX_COLUMNS = 5
AREAS = 8
"""Images are compared as so many areas in either direction."""
PIXELS = "pixels"
"""What the inputs of images are called."""
_LEAST_DROP = 0.01
_SHARE_OF_LARGEST_DROP = 0.1
_Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How well the rows of two parts can be told apart."""

    first: str
    """Name of a part: training, dev or test."""
    second: str
    auc: float
    """Area under the ROC curve on held-out rows: 0.5 is chance, 1 tells all apart."""
    low: float
    """95 % interval of `auc`."""
    high: float
    rows: tuple[int, int]
    """Held out of each part, on which it was measured."""
    columns: tuple[str, ...] = ()
    """At most 5 that give the difference away, the plainest first; empty where none was found."""

    @property
    def is_found(self) -> bool:
        """Whether the interval lies above 0.5 and the difference is large enough to matter."""
        return self.low > 0.5 and self.auc > NOTICEABLE_AUC

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "first": self.first,
            "second": self.second,
            "auc": self.auc,
            "low": self.low,
            "high": self.high,
            "rows": list(self.rows),
            "found": self.is_found,
            "columns": list(self.columns),
        }


def part_shifts(features: "pd.DataFrame | Images", target: "pd.DataFrame", split: Split, *, seed: Seed) -> tuple[Shift, ...]:
    """Training against dev and dev against test, in this order; a pair with a part of fewer than 16 rows is left out.

    features, target: a row for each row of the split. The target is compared as well: its own shares, and how it goes with the
    features. Of images, the mean colours of 8 x 8 areas. 0.05 to 0.3 s a pair, however many rows and columns there are.
    """
    pairs = (("training", split.train, "dev", split.dev), ("dev", split.dev, "test", split.test))
    found = []
    for first, first_rows, second, second_rows in pairs:
        if min(len(first_rows), len(second_rows)) < MIN_ROWS:
            continue
        generator = seed.generator(f"shift of {first} and {second}")
        most = _most_rows(features)
        drawn = [_drawn(part, most, generator) for part in (first_rows, second_rows)]
        inputs, owners = _inputs(features, target, np.concatenate(drawn))
        cut = len(drawn[0])
        found.append(two_sample(inputs[:cut], inputs[cut:], owners=owners, generator=generator, names=(first, second)))
    return tuple(found)


def _most_rows(features: "pd.DataFrame | Images") -> int:
    width = AREAS**2 if isinstance(features, Images) else features.shape[1]
    return int(np.clip(MAX_VALUES // max(width, 1), FEWEST_DRAWN, MAX_ROWS))


def _drawn(part: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    return part if len(part) <= most else np.sort(generator.choice(part, most, replace=False))


def _inputs(features: "pd.DataFrame | Images", target: "pd.DataFrame", rows: np.ndarray) -> tuple[np.ndarray, list[str]]:
    answers, answered = table_inputs(target.iloc[rows])
    if isinstance(features, Images):
        height, width, _ = features.shape
        areas = resized(features.pixels[rows], min(height, AREAS), min(width, AREAS)).reshape(len(rows), -1).astype(np.float32)
        names = [PIXELS] * areas.shape[1]
    else:
        areas, names = table_inputs(features.iloc[rows])
    return np.concatenate([areas, answers], axis=1), names + answered


def table_inputs(frame: "pd.DataFrame") -> tuple[np.ndarray, list[str]]:
    """The columns as numbers, float32 [rows, inputs], and the column that each input belongs to.

    Treated as for training, but fitted on all these rows, so that what only one part has is seen too.
    """
    blocks, owners = [], []
    for name in map(str, frame.columns):
        series = column_of(frame, name)
        column, _ = fit_column(series)
        if column is not None:
            block = np.empty((len(frame), len(column.inputs)), dtype=np.float32)
            column.fill(series, block)
            blocks.append(block)
            owners += [name] * block.shape[1]
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((len(frame), 0), dtype=np.float32), owners


def two_sample(
    first: np.ndarray,
    second: np.ndarray,
    *,
    owners: Sequence[str],
    generator: np.random.Generator,
    names: tuple[str, str] = ("first", "second"),
) -> Shift:
    """Compare rows [rows, inputs] with rows [rows, inputs], both of at least 16 rows and without NaN.

    owners: what each input belongs to, [inputs]; these are the names in `columns`. Where a difference is found, each owner's inputs are
    shuffled among the held-out rows, and those whose shuffling costs most AUC are named.
    """
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    m, n = len(first), len(second)
    assert min(m, n) >= MIN_ROWS, f"{m} and {n} rows"
    rows = np.concatenate([first, second])
    part = np.repeat([0, 1], [m, n])
    held = np.concatenate([generator.permutation(m) % 2, generator.permutation(n) % 2]) == 1
    seen = _telling(rows[~held], part[~held])
    asked, truth = rows[np.ix_(held, seen)], part[held]
    auc, classifier = 0.5, None
    # One thread, so that the sums in the trees, and with them the outcome, do not depend on the cores.
    with threadpool_limits(1):
        if len(seen):
            classifier = _classifier(len(part) - len(truth), generator).fit(rows[np.ix_(~held, seen)], part[~held])
            auc = float(roc_auc_score(truth, classifier.decision_function(asked)))
        sizes = int(np.count_nonzero(truth == 0)), int(np.count_nonzero(truth == 1))
        low, high = auc_interval(auc, *sizes)
        shift = Shift(first=names[0], second=names[1], auc=auc, low=low, high=high, rows=sizes)
        if not shift.is_found:
            return shift
        return replace(shift, columns=_most_telling(classifier, asked, truth, [owners[int(k)] for k in seen], auc, generator))


def auc_interval(auc: float, first: int, second: int) -> tuple[float, float]:
    """The 95 % interval of an AUC measured on so many rows of either kind; see the formula above."""
    half = (first + second) / 2 - 1

    def is_beyond(a: float) -> bool:
        variance = a * (1 - a) * (1 + half * ((1 - a) / (2 - a) + a / (1 + a))) / (first * second)
        return abs(auc - a) > _Z_95 * math.sqrt(max(variance, 0.0))

    ends = []
    for far in (0.0, 1.0):
        near = auc
        for _ in range(60):
            middle = (near + far) / 2
            near, far = (near, middle) if is_beyond(middle) else (middle, far)
        ends.append(near)
    return ends[0], ends[1]


def _classifier(rows: int, generator: np.random.Generator) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # It stops early by itself above 10,000 rows only, which it never sees.
    return HistGradientBoostingClassifier(
        max_iter=30,
        learning_rate=0.1,
        max_leaf_nodes=8,
        min_samples_leaf=int(np.clip(rows // 40, 3, 10)),
        l2_regularization=1.0,
        random_state=int(generator.integers(2**31)),
    )


def _telling(rows: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The inputs that vary, [at most MAX_INPUTS]: of many, those whose mean or mean square differs most between the parts."""
    varies = np.flatnonzero(np.ptp(rows, axis=0) > 0)
    if len(varies) <= MAX_INPUTS:
        return varies
    score = np.zeros(len(varies))
    centred = rows[:, varies] - rows[:, varies].mean(axis=0)
    for values in (centred, np.square(centred)):
        a, b = values[part == 0], values[part == 1]
        spread = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
        gap = np.abs(a.mean(axis=0) - b.mean(axis=0))
        score = np.maximum(score, np.divide(gap, spread, out=np.zeros(len(varies)), where=spread > 0))
    return np.sort(varies[np.argsort(-score, kind="stable")[:MAX_INPUTS]])


def _most_telling(
    classifier: Any, asked: np.ndarray, part: np.ndarray, owners: Sequence[str], auc: float, generator: np.random.Generator
) -> tuple[str, ...]:
    """Permutation importance (Breiman 2001, Machine Learning 45:5): the AUC that is lost where an owner's inputs are shuffled."""
    from sklearn.metrics import roc_auc_score

    shuffled = asked[generator.permutation(len(asked))]
    lost = {}
    for name, places in _places(owners).items():
        rows = asked.copy()
        rows[:, places] = shuffled[:, places]
        lost[name] = auc - float(roc_auc_score(part, classifier.decision_function(rows)))
    least = max(_LEAST_DROP, _SHARE_OF_LARGEST_DROP * max(lost.values()))
    told = sorted((name for name in lost if lost[name] >= least), key=lambda name: -lost[name])
    return tuple(told[:MAX_COLUMNS])


def _places(names: Sequence[str]) -> Mapping[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    return places
