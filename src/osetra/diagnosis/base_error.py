"""The base error, where nobody gave one: what is known of the lowest error that anything could reach.

Whatever a model reaches on rows that it was not trained on, bounds the base error from above. So avoidable bias is shown, and only then is
it called high, where the training error lies above what another model reaches on the dev part, or above what rows with the same inputs
allow. It is not shown by a training error above 0, which may be noise in the targets. In this order:

    references   the training error is clearly above the best reference's dev error: that error is the base, and bias at least the rest
    duplicates   enough rows share their inputs and disagree: their estimate and its interval (`duplicates`), if below the best reference
    references   no reference clearly errs less than the network does on its training rows: the base is the training error at most. How much
                 of it can be avoided is not known, anything from nothing to all; the bias is not called high
    0            nothing is known

In its interval the base reaches down to what duplicates say, or 0. Knows nothing of: how a reference came about, verdicts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from osetra.diagnosis.finding import Finding
from osetra.diagnosis.intervals import Measured, difference

GIVEN, DUPLICATES, REFERENCES, NOTHING = "given", "duplicates", "references", "0"
ENOUGH_ROWS = 100
ENOUGH_SHARE = 0.25
"""Of all rows: those that share their inputs with no other may be of another kind."""
CONSTANT = ("majority class", "mean")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseError:
    """The lowest error that anything could reach, as far as it is known."""

    error: Measured
    source: str
    """given, duplicates, references or 0."""
    shows_bias: bool = True
    """Whether a training error above it means anything; False where it is no more than a bound that is not exceeded."""
    in_words: str = ""
    """What the training error is compared with; empty: the base error and its value."""
    note: str = ""
    """Where it came from, in a sentence; empty where it was given."""


def estimate(training: Measured, facts: Mapping[str, Any] | None, *, error_name: str) -> BaseError:
    """From a study's facts["references"]; None there is for studies that kept none.

    training: the network's error on its training rows, in units of the references' errors.
    """
    best = best_reference(facts)
    found = (facts or {}).get("duplicates")
    lowest = found["low"] if found and _is_enough(found) else 0.0
    if best is not None:
        name, dev = best
        bound = Measured(value=dev.value, low=min(lowest, dev.value), high=dev.high, rows=dev.rows)
        if difference(training, bound)[1] > 0:
            told = f"No base error was given. It is at most {_plain(dev.value, error_name)}, which {name} reaches on the dev part"
            return BaseError(
                error=bound, source=REFERENCES, note=f"{told}, so the bias is at least what is above that.",
                in_words=f"the {_plain(dev.value, error_name)} that {name} reaches on dev",
            )  # fmt: skip
    if found and _is_enough(found) and (best is None or found["disagreement"] <= best[1].value):
        error = Measured(value=found["disagreement"], low=found["low"], high=found["high"], rows=found["rows"])
        told = f"{found['rows']:,} rows have the same inputs as others, and by how far they disagree the base error is about"
        ends = [_plain(error.low, error_name).removesuffix(" %"), _plain(error.high, error_name)]
        return BaseError(
            error=error, source=DUPLICATES,
            note=f"No base error was given. {told} {_plain(error.value, error_name)} ({ends[0]} to {ends[1]}).",
        )  # fmt: skip
    if best is not None:
        name, dev = best
        value, high = min((training.value, training.high), (dev.value, dev.high))
        error = Measured(value=value, low=min(lowest, value), high=high, rows=dev.rows)
        told = "No base error was given, and no reference clearly errs less than the network does in training: "
        told += f"the best, {name}, reaches {_plain(dev.value, error_name)} on the dev part. Give one to know what can be avoided."
        return BaseError(error=error, source=REFERENCES, shows_bias=False, note=told)
    return BaseError(error=Measured(value=0.0, low=0.0, high=0.0, rows=0), source=NOTHING)


def best_reference(facts: Mapping[str, Any] | None) -> tuple[str, Measured] | None:
    """The name and dev error of the reference that errs least; None without any."""
    listed = (facts or {}).get("references") or ()
    if not listed:
        return None
    best = min(listed, key=lambda one: one["dev"]["value"])
    return best["name"], measured_from(best["dev"])


def measured_from(fact: Mapping[str, Any]) -> Measured:
    """The inverse of `Measured.to_dict`."""
    return Measured(
        value=fact["value"], low=fact["low"], high=fact["high"], rows=fact["rows"], effective_rows=fact.get("effective_rows")
    )  # fmt: skip


def compared(training: Measured, dev: Measured, facts: Mapping[str, Any] | None, *, error_name: str) -> tuple[Finding, ...]:
    """How a network stands beside the references: one that does clearly better on dev, or that the network knows no more than nothing.

    Both are measured on the same rows, so that the difference is surer than its interval says.
    """
    best = best_reference(facts)
    if best is None:
        return ()
    name, reached = best
    ends = f"{name} reaches {_plain(reached.value, error_name)} on the same dev rows, this network {_plain(dev.value, error_name)}"
    value, low, high = difference(dev, reached)
    if low <= 0:
        return ()
    is_bias = training.value > reached.value
    said = f"{ends}: the target can be learned better than it was"
    helps = "a bigger network, longer training or other learning rates, as its training error is higher still than that"
    if name in CONSTANT:
        said, helps = f"{ends}: it does worse than knowing nothing of a row", "another learning rate, or longer training"
    elif not is_bias:
        helps = "more l2 or dropout, or a smaller network: its training error is lower than that, so it is the rows to come that it fails"
    sure = f"the difference is {_plain(value, error_name)} (95 % interval {_plain(low, error_name)} to {_plain(high, error_name)})"
    return (Finding(name="worse than a reference", sentence=said, remedy=helps, certainty=sure, figure="references"),)


def _is_enough(found: Mapping[str, Any]) -> bool:
    """Whether duplicates tell of the base error: rows that are copies of a record agree, and that they do says nothing."""
    return found["rows"] >= ENOUGH_ROWS and found["rows"] >= ENOUGH_SHARE * found["of_rows"] and found["low"] > 0


def _plain(value: float, error_name: str) -> str:
    return f"{100 * value:.1f} %" if error_name == "error rate" else f"{value:.4g}"
