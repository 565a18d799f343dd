"""Did a change help: a gap before and after it, and the dev error of both networks on the same rows.

    gap    after - before, with a square-and-add interval, as `difference` makes it; it shrank where that lies below 0
    dev    after - before; where both networks were measured on the same rows, with a percentile bootstrap over those rows, each drawn with
           the errors of both (Efron 1979), which is much narrower than the intervals of the two errors suggest; else square-and-add

Both networks were chosen on the dev part, the later one after more looks at it, so a small gain there is worth less than it says.
Knows nothing of: studies, what the change was.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from osetra.diagnosis.bias_variance import Gap, amount, difference
from osetra.diagnosis.intervals import Measured

RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """After less before, in the error's units, with its 95 % interval; below 0 is better."""

    value: float
    low: float
    high: float
    is_paired: bool
    """Whether both were measured on the same rows, row by row."""

    @property
    def is_better(self) -> bool:
        return self.high < 0

    @property
    def is_worse(self) -> bool:
        return self.low > 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one gap and of the dev error."""

    gap: str | None
    """avoidable bias or variance; None where none was high."""
    before: Gap | None
    after: Gap | None
    """None where the later network's errors cannot be compared."""
    of_gap: Difference | None
    dev_before: Measured
    dev_after: Measured
    dev: Difference
    error_name: str

    @property
    def has_shrunk(self) -> bool:
        """Whether the gap is smaller beyond its interval."""
        return self.of_gap is not None and self.of_gap.is_better

    @property
    def is_gain(self) -> bool:
        """Whether dev is better beyond its interval, or bias shrank and dev is not worse beyond it.

        Less variance at the same dev error has been paid for with bias, and is none.
        """
        return self.dev.is_better or (self.gap == "avoidable bias" and self.has_shrunk and not self.dev.is_worse)

    @property
    def sentence(self) -> str:
        """`High bias shrank from 6.1 points (5.2 to 7.0) to 2.2 points (1.7 to 2.8); dev error 9.0 % -> 5.8 % (better beyond ...)`."""
        before, after = (_error(of.value, self.error_name) for of in (self.dev_before, self.dev_after))
        how = "no clear difference"
        if self.dev.is_better or self.dev.is_worse:
            how = f"{'better' if self.dev.is_better else 'worse'} beyond the interval"
        low, high = (amount(end, self.error_name).removesuffix(" points") for end in (self.dev.low, self.dev.high))
        named = "dev error" if self.error_name == "error rate" else f"dev {self.error_name}"
        dev = f"{named} {before} -> {after} ({how}: {amount(self.dev.value, self.error_name)}, {low} to {high})"
        gap = self._gap_in_words()
        return f"{gap}; {dev}" if gap else dev[:1].upper() + dev[1:]

    def _gap_in_words(self) -> str:
        if self.before is None or self.gap is None:
            return ""
        high = "High bias" if self.gap == "avoidable bias" else f"High {self.gap}"
        before = _gap(self.before, self.error_name)
        if self.after is None or self.of_gap is None:
            return f"{high} was {before}, and what it is now cannot be told"
        after = _gap(self.after, self.error_name)
        if not self.has_shrunk:
            clearly = "" if self.of_gap.is_worse or self.of_gap.value >= 0 else " beyond the interval"
            return f"{high} did not shrink{clearly}: {before} before, {after} after"
        rest = "" if self.after.is_high else ", no longer high"
        return f"{high} shrank from {before} to {after}{rest}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "gap": self.gap,
            "before": {"gap": _gap_facts(self.before), "dev": self.dev_before.to_dict()},
            "after": {"gap": _gap_facts(self.after), "dev": self.dev_after.to_dict()},
            "gap_difference": None if self.of_gap is None else self.of_gap.to_dict(),
            "dev_difference": self.dev.to_dict(),
            "has_shrunk": self.has_shrunk,
            "is_gain": self.is_gain,
            "sentence": self.sentence,
        }


def compare(
    before: Gap | None,
    after: Gap | None,
    *,
    dev_before: Measured,
    dev_after: Measured,
    dev: Difference | None,
    error_name: str,
    training: tuple[Measured, Measured] | None = None,
) -> Change:
    """What became of a gap.

    dev: of the same rows, from `paired`; None where the networks were not measured on the same rows. training: errors before and after of
    the networks whose gaps and dev errors these are. Of a bias above the same base, their difference is that of the gaps, and what is not
    sure of the base drops out; of a variance it is taken from that of dev, paired. None: the gaps are compared by their own intervals.
    """
    of_dev = _unpaired(dev_after, dev_before) if dev is None else dev
    of_gap = None
    if before is not None and after is not None:
        of_gap = _unpaired(_as_measured(after), _as_measured(before))
        if training is not None:
            of_training = _unpaired(training[1], training[0])
            if before.name == "avoidable bias":
                of_gap = of_training
            elif before.name == "variance" and of_dev.is_paired:
                of_gap = _unpaired(_as_measured(of_dev), _as_measured(of_training))
    return Change(
        gap=None if before is None else before.name, before=before, after=after, of_gap=of_gap, dev_before=dev_before, dev_after=dev_after,
        dev=of_dev, error_name=error_name,
    )  # fmt: skip


def paired(before: np.ndarray, after: np.ndarray, *, is_rate: bool, weights: np.ndarray | None = None) -> Difference:
    """After less before of the same rows: 0 or 1, or squared errors, float64 [rows]; weights > 0 [rows]. The same for the same errors."""
    assert before.shape == after.shape, f"{before.shape} and {after.shape}"
    rows = len(before)
    weighed = np.stack([before, after]) * (1.0 if weights is None else weights)
    total = np.ones(rows) if weights is None else weights
    generator = np.random.default_rng(rows)

    def less(drawn: np.ndarray) -> float:
        first, second = weighed[:, drawn].sum(axis=1) / total[drawn].sum()
        return float(second - first) if is_rate else float(np.sqrt(second) - np.sqrt(first))

    value = less(np.arange(rows))
    resampled = [less(generator.integers(0, rows, rows)) for _ in range(RESAMPLES)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Difference(value=value, low=min(value, float(low)), high=max(value, float(high)), is_paired=True)


def _unpaired(after: Measured, before: Measured) -> Difference:
    value, low, high = difference(after, before)
    return Difference(value=value, low=low, high=high, is_paired=False)


def _as_measured(gap: Gap | Difference) -> Measured:
    return Measured(value=gap.value, low=gap.low, high=gap.high, rows=0)


def _gap(gap: Gap, error_name: str) -> str:
    low, high = (amount(end, error_name).split(" ")[0] for end in (gap.low, gap.high))
    return f"{amount(gap.value, error_name)} ({low} to {high})"


def _error(value: float, error_name: str) -> str:
    return f"{100 * value:.1f} %" if error_name == "error rate" else f"{value:.4g}"


def _gap_facts(gap: Gap | None) -> dict[str, Any] | None:
    return None if gap is None else asdict(gap)
