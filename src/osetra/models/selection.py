"""Which models to combine, and how much each counts: greedy ensemble selection.

    start from the best n alone, n <= 5 by what lowers the cost
    add, again and again, the model that lowers the cost of the mean most; a model may be added more than once
    weight = how often a model was added / how many were added, at the step where the cost was lowest

The cost is the error rate, ties by log loss; or the squared error. What is chosen on some rows flatters itself there. The source's guards:
models may come again, the start is the best few, and weights are averaged over bags. Its bags are halves of a thousand models; ours are
resampled rows, for among a few finalists the half without the good ones would have to take bad ones (8 models, one of them good, 1,000
rows: 42 % error against 21; 8 of falling quality, 100 rows: 26.8 against 24.6, and 25.3 with a single bag).
`gain` compares on rows that had no say.
Source: Caruana, Niculescu-Mizil, Crew & Ksikes 2004, Ensemble Selection from Libraries of Models, ICML, sections 2.1 to 2.4.
Knows nothing of: networks, data, files.
"""

from dataclasses import dataclass

import numpy as np

from osetra.core.errors import ModelError
from osetra.core.seeding import Seed

SIZE = 25
"""Models in one bag's ensemble, counting those that came again; more than twice the finalists, beyond which little changes."""
BAGS = 10
LARGEST_START = 5
FOLDS = 3
"""Parts of the rows of which each is once compared on and has no say."""
RESAMPLES = 1000
Z_95 = 1.959963984540054


def select(
    outputs: np.ndarray,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    size: int = SIZE,
    bags: int = BAGS,
    seed: int = 0,
) -> np.ndarray:
    """The weight of each model, float64 [models], >= 0 and of sum 1.

    outputs: [models, rows, outputs], probabilities for class numbers `targets` int [rows], or values for `targets` float [rows, outputs].
    weights: of the rows, > 0, [rows]. size: models of one bag's ensemble. bags: how many resamples of the rows;
    1 is all rows as they are.
    Raises ModelError for shapes that do not fit and for size or bags below 1.
    """
    _check(outputs, targets, weights, size, bags)
    return _select(outputs, targets, _counted(weights, len(targets)), size, bags, seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What an ensemble gains over the best of its candidates alone, in the error's own units."""

    best: int
    """The candidate with the lowest error on all rows."""
    best_error: float
    error: float
    """Of the ensemble, on the rows that chose its weights."""
    difference: float
    """Ensemble less best, below 0 where the ensemble is better, on rows that had no say in choosing either."""
    low: float
    high: float
    """Of the difference: 95 % interval."""
    rows: int

    def to_dict(self) -> dict[str, float | int]:
        """JSON-able."""
        return {name: getattr(self, name) for name in self.__slots__}


def gain(
    outputs: np.ndarray,
    targets: np.ndarray,
    chosen: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    size: int = SIZE,
    bags: int = BAGS,
    seed: int = 0,
    error_scale: float = 1.0,
) -> Gain:
    """Errors (rates, or root mean squared ones times `error_scale`) of the weights `chosen` [models] and of the best model, compared.

    For the difference the rows are dealt into 3 folds. On each, the weights and the best model that the other folds choose are compared,
    so its estimate is free of what choosing gains by chance. Rows are paired: the interval of a difference of rates is that of Agresti &
    Min 2005, Statistics in Medicine 24:729 (with row weights for (sum w)^2 / sum w^2 rows, Kish 1965); of RMSEs it is a percentile
    bootstrap over rows (Efron 1979). Shapes and errors as for `select`; ModelError for fewer than 2 rows.
    """
    _check(outputs, targets, weights, size, bags)
    rows = len(targets)
    if rows < 2:
        raise ModelError(f"comparing an ensemble needs at least 2 rows, got {rows}; give more")
    counted = _counted(weights, rows)
    fold = Seed(study=seed).generator("ensemble folds").permutation(np.arange(rows) % min(FOLDS, rows))
    losses = np.empty((2, rows))
    for held in range(fold.max() + 1):
        out, rest = np.flatnonzero(fold == held), np.flatnonzero(fold != held)
        seen = outputs[:, rest], targets[rest], counted[rest]
        losses[0, out] = row_losses(mix(outputs[:, out], _select(*seen, size, bags, seed)), targets[out])
        losses[1, out] = row_losses(outputs[_ranked(_judge(*seen))[0], out], targets[out])
    best = _ranked(_judge(outputs, targets, counted))[0]

    def error(of: np.ndarray) -> float:
        mean = float(np.average(row_losses(of, targets), weights=counted))
        return mean if targets.ndim == 1 else mean**0.5 * error_scale

    difference, low, high = _difference_of_rates(losses, counted) if targets.ndim == 1 else _difference_of_roots(losses, counted)
    scale = 1.0 if targets.ndim == 1 else error_scale
    return Gain(
        best=best, best_error=error(outputs[best]), error=error(mix(outputs, chosen)),
        difference=difference * scale, low=low * scale, high=high * scale, rows=rows,
    )  # fmt: skip


def mix(outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean of outputs [models, rows, outputs], summed in float64 in the order of the models; float32 [rows, outputs]."""
    total = np.zeros(outputs.shape[1:], np.float64)
    for one, weight in zip(outputs, weights, strict=True):
        if weight > 0:
            total += weight * one.astype(np.float64)
    return total.astype(np.float32)


def row_losses(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """1 for a wrong class and 0 for the right one, or the mean squared error over targets; float64 [rows]."""
    if targets.ndim == 1:
        return (outputs.argmax(axis=1) != targets).astype(np.float64)
    return ((outputs.astype(np.float64) - targets) ** 2).mean(axis=1)


class _Classes:
    """(error rate, log loss) of means of probabilities, lowest is best."""

    def __init__(self, outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> None:
        self.models = len(outputs)
        self._outputs, self._targets = outputs, targets
        self._share = weights / weights.sum()
        self._rows = np.arange(len(targets))
        self._scratch = np.empty(outputs.shape[1:], np.float64)

    def sum_of(self, models: list[int]) -> np.ndarray:
        return self._outputs[models].sum(axis=0, dtype=np.float64)

    def added(self, total: np.ndarray, model: int) -> np.ndarray:
        return total + self._outputs[model]

    def cost_with(self, total: np.ndarray, model: int, count: int) -> tuple[float, float]:
        # A fresh array for every try would cost more than the sum.
        return self.cost(np.add(total, self._outputs[model], out=self._scratch), count)

    def cost(self, total: np.ndarray, count: int) -> tuple[float, float]:
        wrong = float(self._share @ (total.argmax(axis=1) != self._targets))
        likelihood = np.maximum(total[self._rows, self._targets] / count, np.finfo(np.float32).tiny)
        # Rates that are equal but for rounding must tie.
        return round(wrong, 12), -float(self._share @ np.log(likelihood))


class _Values:
    """Squared error of a mean of values. It is n' M n / count^2 for the counts n, M the products of residuals; so rows are seen once."""

    def __init__(self, outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> None:
        self.models = len(outputs)
        residuals = (outputs.astype(np.float64) - targets) * np.sqrt(weights / weights.sum() / targets.shape[1])[:, np.newaxis]
        flat = residuals.reshape(len(outputs), -1)
        self._products = flat @ flat.T

    def sum_of(self, models: list[int]) -> np.ndarray:
        return np.bincount(models, minlength=len(self._products)).astype(np.float64)

    def added(self, total: np.ndarray, model: int) -> np.ndarray:
        total = total.copy()
        total[model] += 1
        return total

    def cost_with(self, total: np.ndarray, model: int, count: int) -> tuple[float, float]:
        return self.cost(self.added(total, model), count)

    def cost(self, total: np.ndarray, count: int) -> tuple[float, float]:
        return float(total @ self._products @ total) / count**2, 0.0


def _judge(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> _Classes | _Values:
    return (_Classes if targets.ndim == 1 else _Values)(outputs, targets, weights)


def _counted(weights: np.ndarray | None, rows: int) -> np.ndarray:
    return np.ones(rows) if weights is None else np.asarray(weights, np.float64)


def _select(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray, size: int, bags: int, seed: int) -> np.ndarray:
    if bags == 1 or len(outputs) == 1:
        return _grow(_judge(outputs, targets, weights), size)
    chosen = np.zeros(len(outputs))
    for bag in range(bags):
        times = Seed(study=seed).generator("ensemble bag", bag).multinomial(len(targets), np.full(len(targets), 1 / len(targets)))
        drawn = np.flatnonzero(times)
        chosen += _grow(_judge(outputs[:, drawn], targets[drawn], times[drawn] * weights[drawn]), size)
    return chosen / bags


def _grow(judge: _Classes | _Values, size: int) -> np.ndarray:
    """One bag's weights, [models]."""
    ranked = _ranked(judge)
    starts = [ranked[:count] for count in range(1, min(LARGEST_START, size, len(ranked)) + 1)]
    taken = min(starts, key=lambda start: judge.cost(judge.sum_of(start), len(start)))
    total = judge.sum_of(taken)
    steps = [(judge.cost(total, len(taken)), taken)]
    while len(taken) < size:
        cost, model = min((judge.cost_with(total, model, len(taken) + 1), model) for model in ranked)
        total, taken = judge.added(total, model), [*taken, model]
        steps.append((cost, taken))
    _, best = min(steps, key=lambda step: step[0])
    return np.bincount(best, minlength=len(ranked)) / len(best)


def _ranked(judge: _Classes | _Values) -> list[int]:
    """All models, best first by their own cost."""
    return sorted(range(judge.models), key=lambda model: (judge.cost(judge.sum_of([model]), 1), model))


def _difference_of_rates(wrong: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """First less second of `wrong` [2, rows] and its interval; half a row is added to each of the four outcomes of a pair."""
    share = weights / weights.sum()
    rows = 1.0 / float(np.square(share).sum())
    only_first = float(share @ (wrong[0] > wrong[1]))
    only_second = float(share @ (wrong[1] > wrong[0]))
    one, other = ((share * rows + 0.5) / (rows + 2) for share in (only_first, only_second))
    half = Z_95 * np.sqrt((one + other - (one - other) ** 2) / (rows + 2))
    difference = only_first - only_second
    return difference, min(difference, max(-1.0, one - other - half)), max(difference, min(1.0, one - other + half))


def _difference_of_roots(squared: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """First less second root of the mean of `squared` [2, rows], and its interval, which is the same for the same errors."""
    rows = squared.shape[1]
    generator = np.random.default_rng(rows)

    def roots(drawn: np.ndarray) -> float:
        first, second = np.sqrt(squared[:, drawn] @ weights[drawn] / weights[drawn].sum())
        return float(first - second)

    resampled = [roots(generator.integers(0, rows, rows)) for _ in range(RESAMPLES)]
    difference = roots(np.arange(rows))
    low, high = np.quantile(resampled, [0.025, 0.975])
    return difference, min(difference, float(low)), max(difference, float(high))


def _check(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None, size: int, bags: int) -> None:
    for name, number in (("size", size), ("bags", bags)):
        if number < 1:
            raise ModelError(f"{name} must be a whole number >= 1, got {number}; leave it out for the usual one")
    is_classes = targets.ndim == 1 and targets.dtype.kind in "iu"
    fits = outputs.ndim == 3 and len(outputs) > 0 and outputs.shape[1] == len(targets) > 0
    if not (fits and (is_classes or targets.shape == outputs.shape[1:])):
        raise ModelError(
            f"ensemble selection needs outputs [models, rows, outputs] with class numbers [rows] or values [rows, outputs], got "
            f"{list(outputs.shape)} with {targets.dtype} {list(targets.shape)}; give the same rows to all"
        )
    if is_classes and not 0 <= targets.min() <= targets.max() < outputs.shape[2]:
        raise ModelError(
            f"class numbers must be 0 to {outputs.shape[2] - 1}, got {targets.min()} to {targets.max()}; number them as outputs"
        )
    if weights is not None and (
        np.shape(weights) != (len(targets),) or not (np.isfinite(weights).all() and (np.asarray(weights) > 0).all())
    ):
        raise ModelError(f"weights must be > 0, one for each of {len(targets)} rows, got {list(np.shape(weights))}; leave other rows out")
