"""What an action can bring and what it costs, in words with numbers from the study's own records.

    effect    the gap that an action works on is the most that it can bring; what more rows bring, a learning curve says
    cost      epochs of the same rows take time in proportion to the network's parameters: a layer of k times the units has k times the
              weights towards inputs and outputs, k^2 times those between hidden layers. Small networks grow slower than that, so `at most`.

Knows nothing of: studies, how an action comes about.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from osetra.core.records import Configuration
from osetra.diagnosis.base_error import REFERENCES
from osetra.diagnosis.bias_variance import BiasVariance, Gap, amount
from osetra.space.conditions import When
from osetra.space.counted import Integer, LogInteger, PowersOfTwo

if TYPE_CHECKING:
    from osetra.diagnosis.actions import Action, Circumstances

BIAS = ("bigger network", "longer training", "better optimiser", "another architecture")
VARIANCE = ("more data", "more l2 or dropout", "augmentation", "early stopping", "smaller network")
UNKNOWN = "seen only by trying"


def effect_of(action: "Action", judged: BiasVariance | None, given: "Circumstances") -> str:
    """What it can bring."""
    name = action.name
    if name == "more data" and given.learning_curve:
        return str(given.learning_curve["sentence"])
    if name.startswith("wider range"):
        return f"{UNKNOWN}; the best trials lie at that end"
    if judged is None:
        return f"{UNKNOWN}; a training that goes well comes before everything else"
    bias, variance, *over = judged.gaps
    if name == "more data":
        return f"{_most(variance, judged)}; a learning curve (--learning-curve) tells how much of it"
    if name == "smaller network":
        return f"{_most(variance, judged)}, paid with some bias"
    # Longer training is also advised where a curve still falls and neither gap is high.
    if name in BIAS and bias.value > 0:
        return _bias(judged)
    if name in VARIANCE:
        return f"{_most(variance, judged)}, as far as training error does not rise instead"
    if name == "parts that are alike":
        gap = next((gap for gap in judged.gaps[1:] if gap.is_high), variance)
        return f"at most {amount(gap.value, judged.error_name)}, by which {gap.upper} is above {gap.lower}"
    if name == "a larger dev part" and over:
        return f"no lower error, but a dev error nearer to test: it is {amount(over[0].value, judged.error_name)} below"
    return f"{UNKNOWN}; training error and what follows from it are those of a training that does not go well"


def cost_of(action: "Action", given: "Circumstances") -> str:
    """What it takes."""
    if action.name == "more data":
        return "the rows themselves, and trials that take longer in proportion to them"
    if action.name == "parts that are alike":
        return "new rows, and a study anew"
    if action.name == "a larger dev part":
        return "rows that no longer train, and a study anew"
    if action.name == "early stopping":
        return "none: trials end sooner"
    times = growth(action.edits, given.best, given.num_parameters)
    if times is None:
        return ""
    epochs = action.options.get("epochs_per_trial")
    times *= epochs / given.epochs_per_trial if epochs else 1.0
    seconds = given.trial_seconds
    if times == 1:
        return "a search again, trials as long as now" + (f" (about {_duration(seconds)} each)" if seconds else "")
    compared = f" ({_duration(seconds * times)} instead of {_duration(seconds)})" if seconds else ""
    return f"a search again, each trial at most {times:.2g} times as long{compared}"


def growth(edits: Mapping[str, Any], best: Configuration, num_parameters: int | None) -> float | None:
    """Times the best network's parameters that the largest network of these edits has; 1 where they leave its size, None if unknown."""
    edited = [name for name in ("hidden_units", "num_layers") if name in edits]
    if not edited:
        return 1.0
    units, layers = _layers(best.get("hidden_units"), best.get("num_layers"))
    if not units or num_parameters is None:
        return None
    inner = sum(one * other for one, other in pairwise(units))
    outer = max(0, num_parameters - inner)
    times = 1.0
    if "hidden_units" in edits:
        largest, _ = _layers(_top(edits["hidden_units"]), layers)
        if not largest:
            return None
        times = largest[0] / units[0]
    added = 0
    if "num_layers" in edits:
        top = _top(edits["num_layers"])
        added = max(0, int(top) - layers) if isinstance(top, int) else 0
    between = (inner + added * units[-1] ** 2) * times**2
    return (outer * times + between) / num_parameters


def _bias(judged: BiasVariance) -> str:
    """What there is of it to win: known from above where the base error was given, and from below where a reference reached it."""
    bias = judged.gaps[0]
    if judged.base.source != REFERENCES or not judged.base.shows_bias:
        return _most(bias, judged)
    found, most = amount(bias.value, judged.error_name), amount(bias.high, judged.error_name)
    return f"up to {found} of training error, which a reference shows can be had, and at the very most {most}"


def _most(gap: Gap, judged: BiasVariance) -> str:
    low, high = (amount(max(end, 0.0), judged.error_name).split(" ")[0] for end in (gap.low, gap.high))
    return f"at most {amount(gap.value, judged.error_name)} ({low} to {high}), the {gap.name}"


def _layers(units: Any, num_layers: Any) -> tuple[list[int], int]:
    """Units of each hidden layer, and how many layers; empty where they are not known."""
    if isinstance(units, str):
        each = [int(part) for part in units.split("-")]
        return each, len(each)
    if isinstance(units, int) and isinstance(num_layers, int):
        return [units] * num_layers, num_layers
    return [], 0


def _top(entry: Any) -> Any:
    """The largest value of an entry of a space."""
    scale = entry.entry if isinstance(entry, When) else entry
    return scale.high if isinstance(scale, Integer | LogInteger | PowersOfTwo) else scale


def _duration(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 99.5 else f"{seconds / 60:.2g} min"
