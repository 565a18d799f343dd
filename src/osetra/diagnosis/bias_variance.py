"""Bias and variance: which gap between errors is real, and how sure that is.

    avoidable bias        training - base error
    variance              dev - training
    over-tuning on dev    test - dev

All three errors are those of one network in scoring mode. Each gap has a 95 % interval. With a in [la, ua] and b in [lb, ub]:

    b - a - sqrt((b - lb)^2 + (ua - a)^2)  ..  b - a + sqrt((ub - b)^2 + (a - la)^2)

Of error rates, with Wilson's intervals, that is method 10 of Newcombe (1998, Statistics in Medicine 17:873); of RMSE, with bootstrap
intervals, the same square-and-add for any two intervals (Zou & Donner 2008, Statistics in Medicine 27:1693). A base error that was given
is taken as exact, so the interval of the bias is that of the training error, moved; an estimate of it (`base_error`) has an interval of
its own. Rows of the training part trained the network, so the training error's interval tells how far so many rows pin down such a rate,
not what other training rows would give.

A gap is high where its interval lies above 0 and it is larger than a practical size: 1 point of an error rate, 10 % of the dev RMSE.
Where rows have weights, the intervals of dev and test are those of their effective rows; the training error is of unweighed rows.
Knows nothing of: studies, stores, what is done about it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from osetra.core.errors import InputError
from osetra.diagnosis.base_error import GIVEN, BaseError
from osetra.diagnosis.intervals import Measured, difference, wilson

__all__ = ["BiasVariance", "Gap", "Verdict", "amount", "difference", "judge", "rate_of", "scaled_like"]

PRACTICAL_RATE = 0.01
"""A gap between error rates of at most this, 1 point, is not acted on however sure it is."""
PRACTICAL_SHARE = 0.1
"""The same for RMSE, as a share of the dev RMSE."""

SURE_OF_SHIFT = 2.807
"""Deviations; one-sided 0.25 %. A pair counts as told apart from 2.5 % on, and to call variance something else takes more than that."""
NOT_SHOWN = "not shown: no reference clearly errs less"


class Verdict(StrEnum):
    """What stands between a network and a better one."""

    HIGH_BIAS = "high bias"
    HIGH_VARIANCE = "high variance"
    BOTH = "high bias and high variance"
    NEITHER = "neither"
    MISMATCHED = "mismatched data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One error minus another, in the error's own units, with its 95 % interval."""

    name: str
    """avoidable bias, variance or over-tuning on dev."""
    upper: str
    """The error that the other is taken from: training, dev or test."""
    lower: str
    value: float
    low: float
    high: float
    practical: float
    """What is not larger than this is not acted on."""
    otherwise: str = ""
    """What it is called where it is not high, in place of noise."""

    @property
    def is_high(self) -> bool:
        return self.low > 0 and self.value > self.practical

    @property
    def is_noise(self) -> bool:
        """Whether its interval holds 0, or it is no larger than what is acted on."""
        return self.low <= 0 <= self.high or abs(self.value) <= self.practical

    def reading(self, error_name: str) -> str:
        """What it is called: high, noise, or below 0, with the reason."""
        if self.is_high:
            return "high"
        if self.otherwise:
            return self.otherwise
        if self.low <= 0 <= self.high:
            return "noise: the interval holds 0"
        if self.is_noise:
            return f"noise: no more than {amount(self.practical, error_name).replace('1.0 points', '1 point')}"
        return f"below 0: {self.upper} is lower than {self.lower}"

    def in_words(self, error_name: str) -> str:
        """`dev error is 3.1 points above training (2.0 to 4.1)`."""
        low, high = (amount(end, error_name).split(" ")[0] for end in (self.low, self.high))
        return f"{self.upper} error is {amount(self.value, error_name)} above {self.lower} ({low} to {high})"


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasVariance:
    """The verdict and what it rests on."""

    verdict: Verdict
    sentence: str
    error_name: str
    base_error: float
    errors: Mapping[str, Measured]
    """Of training, dev and, where there is one, test."""
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
    """What to bear in mind when reading the gaps."""
    base: BaseError
    """`base_error` with its interval and where it came from."""

    def gap(self, name: str) -> Gap | None:
        """The gap of that name, or None without a test part."""
        return next((gap for gap in self.gaps if gap.name == name), None)

    @property
    def has_bias(self) -> bool:
        return self.gaps[0].is_high

    @property
    def has_variance(self) -> bool:
        """Whether dev is above training, and the parts are not known to differ."""
        return self.gaps[1].is_high and self.verdict is not Verdict.MISMATCHED

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        gaps = [asdict(gap) | {"is_high": gap.is_high, "reading": gap.reading(self.error_name)} for gap in self.gaps]
        return {
            "verdict": str(self.verdict),
            "sentence": self.sentence,
            "error_name": self.error_name,
            "base_error": self.base_error,
            "base_from": self.base.source,
            "base_interval": [self.base.error.low, self.base.error.high],
            "errors": {name: measured.to_dict() for name, measured in self.errors.items()},
            "gaps": gaps,
            "notes": list(self.notes),
        }


def judge(
    training: Measured,
    dev: Measured,
    test: Measured | None = None,
    *,
    error_name: str,
    base_error: float | BaseError = 0.0,
    shifts: Sequence[Mapping[str, Any]] = (),
    notes: Sequence[str] = (),
) -> BiasVariance:
    """The verdict from the errors of the parts.

    base_error: the lowest error that anything could reach, in units of the error (0.05 is 5 %), or an estimate of it. shifts: pairs
    of parts compared, as a study's `shift` keeps them (`first`, `second`, `found`, `auc`, `rows`). Raises InputError for a base error
    that is no finite number >= 0, or an error rate above 1.
    """
    is_rate = error_name == "error rate"
    base = base_error if isinstance(base_error, BaseError) else _given(base_error, is_rate)
    practical = PRACTICAL_RATE if is_rate else PRACTICAL_SHARE * dev.value
    under_training = base.in_words or f"the base error {_plain(base.error.value, error_name)}"
    pairs = [
        ("avoidable bias", "training", training, under_training, base.error),
        ("variance", "dev", dev, "training", training),
    ]
    if test is not None:
        pairs.append(("over-tuning on dev", "test", test, "dev", dev))
    gaps = []
    for name, upper, of, lower, under in pairs:
        value, low, high = difference(of, under)
        otherwise = "" if under is not base.error or base.shows_bias else NOT_SHOWN
        gaps.append(Gap(name=name, upper=upper, lower=lower, value=value, low=low, high=high, practical=practical, otherwise=otherwise))
    shifted = [pair for pair in shifts if pair["found"]]
    higher = [pair for pair in shifted if any(gap.is_high and gap.upper == pair["second"] for gap in gaps[1:])]
    mismatched = [pair for pair in higher if _is_sure(pair)]
    said = list(notes)
    if base.note:
        said.append(base.note)
    elif base.error.value == 0:
        said.append("The base error is taken as 0, so all of the training error counts as bias; give one if some error cannot be avoided.")
    for pair in shifted:
        between = f"{pair['first']} and {pair['second']}"
        if pair in higher and pair not in mismatched:
            told = f"The rows of {between} can be told apart (AUC {pair['auc']:.2f}), as by chance in 1 study of 40"
            said.append(f"{told}; if they do differ, part of the gap between their errors is not variance.")
        elif pair not in mismatched:
            said.append(f"The rows of {between} can be told apart (AUC {pair['auc']:.2f}), but the error is not clearly higher for it.")
    verdict = _verdict(gaps, bool(mismatched))
    made = BiasVariance(
        verdict=verdict, sentence="", error_name=error_name, base_error=base.error.value, gaps=tuple(gaps), notes=tuple(said),
        base=base, errors={"training": training, "dev": dev} | ({"test": test} if test is not None else {}),
    )  # fmt: skip
    return replace(made, sentence=_sentence(made, mismatched))


def rate_of(value: float, rows: int, effective: float | None = None) -> Measured:
    """An error rate of which only the value and the number of rows are known, with Wilson's interval."""
    low, high = wilson(min(max(value, 0.0), 1.0), effective or rows)
    return Measured(value=value, low=low, high=high, rows=rows, effective_rows=effective)


def scaled_like(known: Measured, value: float, rows: int) -> Measured:
    """An RMSE of which only the value is known, its interval from another part's: as wide for its size, times the root of the rows' ratio.

    The errors' distribution is taken to have the same shape in both parts, so that the relative error of an RMSE goes with 1/sqrt(rows).
    """
    if known.value == 0:
        return Measured(value=value, low=value, high=value, rows=rows)
    factor = value / known.value * math.sqrt((known.effective_rows or known.rows) / rows)
    low, high = value - factor * (known.value - known.low), value + factor * (known.high - known.value)
    return Measured(value=value, low=max(0.0, low), high=high, rows=rows)


def amount(value: float, error_name: str) -> str:
    """A gap for people: `3.1 points` of an error rate, else four figures."""
    return f"{100 * value:.1f} points" if error_name == "error rate" else f"{value:.4g}"


def _given(base_error: Any, is_rate: bool) -> BaseError:
    is_number = isinstance(base_error, int | float) and not isinstance(base_error, bool) and math.isfinite(base_error)
    if not is_number or base_error < 0 or (is_rate and base_error > 1):
        required = "an error rate from 0 to 1" if is_rate else "an RMSE >= 0, in units of the target"
        example = "; 0.05 is 5 %" if is_rate else "; 0 where it is not known"
        raise InputError(f"base_error must be {required}, got {base_error!r}{example}")
    value = float(base_error)
    return BaseError(error=Measured(value=value, low=value, high=value, rows=0), source=GIVEN)


def _verdict(gaps: Sequence[Gap], is_mismatched: bool) -> Verdict:
    bias, variance = gaps[0].is_high, gaps[1].is_high
    if is_mismatched:
        return Verdict.MISMATCHED
    if bias and variance:
        return Verdict.BOTH
    return Verdict.HIGH_BIAS if bias else Verdict.HIGH_VARIANCE if variance else Verdict.NEITHER


def _is_sure(pair: Mapping[str, Any]) -> bool:
    """Whether the AUC is so far above 1/2 as by chance in 1 pair of 400: by the Mann-Whitney statistic's variance there."""
    m, n = pair["rows"]
    return (pair["auc"] - 0.5) / math.sqrt((m + n + 1) / (12 * m * n)) > SURE_OF_SHIFT


def _sentence(made: BiasVariance, mismatched: Sequence[Mapping[str, Any]]) -> str:
    bias, variance, *over = made.gaps
    name = made.error_name
    above_base = bias.in_words(name)
    match made.verdict:
        case Verdict.HIGH_BIAS:
            told = above_base
        case Verdict.HIGH_VARIANCE:
            told = variance.in_words(name)
        case Verdict.BOTH:
            told = f"{above_base}, and {variance.in_words(name)}"
        case Verdict.MISMATCHED:
            pair = mismatched[0]
            gap = next(gap for gap in made.gaps[1:] if gap.upper == pair["second"])
            told = f"{gap.in_words(name)}, and a classifier tells {pair['first']} rows from {pair['second']} rows (AUC {pair['auc']:.2f})"
            told += f"; beside that, {above_base}" if bias.is_high else ""
        case Verdict.NEITHER:
            gaps = [gap.in_words(name).split(" error is ", 1)[1] for gap in (bias, variance)]
            told = f"training error is {gaps[0]}, dev error {gaps[1]}"
            if not made.base.shows_bias:
                trained = _plain(made.errors["training"].value, name)
                told = f"no reference clearly errs less than the {trained} of training, and dev error is {gaps[1]}"
    opening = "Neither bias nor variance is high" if made.verdict is Verdict.NEITHER else str(made.verdict).capitalize()
    more = f"; {over[0].in_words(name)}" if over and over[0].is_high and made.verdict is not Verdict.MISMATCHED else ""
    return f"{opening}: {told}{more}"


def _plain(value: float, error_name: str) -> str:
    return f"{100 * value:.3g} %" if error_name == "error rate" and value else f"{value:.4g}"
