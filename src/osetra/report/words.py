"""Numbers and records as a person reads them.

Knows nothing of: terminals, colours, where a record came from.
"""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from osetra.core.records import Configuration, EpochRecord, Study, Task, Trial

BLOCKS = "▁▂▃▄▅▆▇█"
FIRST = ("learning_rate", "momentum", "batch_size", "hidden_units", "keep_prob", "l2", "num_layers", "schedule")
"""Hyperparameters in the order in which a person asks for them: the tiers of the default space. Others follow in theirs."""
BROKEN_OFF = "broken off"
"""What stands in place of the state of a study that nobody trains, though its record says running."""
_E_NOTATION = 1e7


def error(value: float | None, error_name: str) -> str:
    """An error rate as a percentage, an RMSE to four figures; a dash where there is none."""
    return errors([value], error_name)[0]


def errors(values: Sequence[float | None], error_name: str) -> list[str]:
    """Errors to stand below one another: with as many decimals as give the smallest four figures."""
    known = [abs(value) for value in values if value is not None and math.isfinite(value)]
    if error_name == "error rate":
        return [f"{100 * value:.2f} %" if value is not None and math.isfinite(value) else "-" for value in values]
    smallest = min((value for value in known if value > 0), default=1.0)
    decimals = min(max(0, 3 - math.floor(math.log10(smallest))), 12)

    def words(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return "-"
        return f"{value:.3e}" if abs(value) >= _E_NOTATION else f"{value:,.{decimals}f}"

    return [words(value) for value in values]


def part(name: str, error_name: str) -> str:
    """What a part's error is called: `dev RMSE`; of an objective, which knows no parts, its `value`."""
    return error_name if error_name == "value" else f"{name} {error_name}"


def interval(measured: Mapping[str, Any] | None, error_name: str) -> str:
    """`14.20 % (95 % interval 13.11 to 15.40 %, 3,480 rows)`."""
    if measured is None:
        return "-"
    value, low, high = errors([measured[name] for name in ("value", "low", "high")], error_name)
    weighed = f" weighed, worth {measured['effective_rows']:,.0f}" if "effective_rows" in measured else ""
    return f"{value} (95 % interval {low.removesuffix(' %')} to {high}, {counted(measured['rows'], 'row')}{weighed})"


def counted(number: int, noun: str) -> str:
    """`1 trial`, `1,234 trials`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def value(given: Any, figures: int = 4) -> str:
    """A hyperparameter's value to so many figures."""
    if isinstance(given, bool) or not isinstance(given, float):
        return str(given).lower() if isinstance(given, bool) else str(given)
    return f"{given:.{figures}g}"


def duration(seconds: float) -> str:
    """`0.08 s`, `2.4 s`, `42 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """A curve in one line of blocks, low is low; what is not finite is left blank."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return ""
    step = max(1, math.ceil(len(values) / width))
    low, high = min(finite), max(finite)
    # In halves, since the distance between two floats may be more than a float holds.
    spread = (high / 2 - low / 2) or 1.0
    return "".join(BLOCKS[int((v / 2 - low / 2) / spread * (len(BLOCKS) - 1))] if math.isfinite(v) else " " for v in values[::step])


def varying(trials: Sequence[Trial]) -> list[str]:
    """Names of the hyperparameters that differ among trials, the weightiest first."""
    names = dict.fromkeys(name for trial in trials for name in trial.configuration)
    return in_order(name for name in names if len({repr(trial.configuration.get(name)) for trial in trials}) > 1)


def in_order(names: Iterable[str]) -> list[str]:
    """Names of hyperparameters, the weightiest first, the others as they came."""
    return sorted(names, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))


def configuration_lines(configuration: Configuration) -> list[str]:
    """One aligned line a hyperparameter."""
    width = max(map(len, configuration), default=0)
    return [f"{name:<{width}}  {value(configuration[name])}" for name in in_order(sorted(configuration))]


def trial_facts(trial: Trial) -> dict[str, Any]:
    """A trial for `--json`."""
    return {
        "trial": trial.number,
        "state": str(trial.state),
        "reason": trial.reason,
        "dev_error": trial.dev_error,
        "dev_loss": trial.dev_loss,
        "train_error": trial.train_error,
        "epochs": trial.epochs,
        "best_epoch": trial.best_epoch,
        "seconds": trial.seconds,
        "num_parameters": trial.num_parameters,
        "configuration": dict(trial.configuration),
    }


def gone(task: Task, resume: str) -> str:
    """Of a study that broke off: why, and how it goes on. resume: what is typed or pressed for it."""
    # The function of an objective is not kept.
    more = "it can be gone on with where it was begun" if task is Task.OBJECTIVE else f"{resume} goes on with it"
    return f"the process that trained it is gone, and {more}"


def action_options(action: Mapping[str, Any]) -> str:
    """What carries an action out, as its `to_dict` gives it, to stand behind `osetra fit ...`; empty where nothing does."""
    numbers = [f"--{name.replace('_', '-')} {number}" for name, number in action["options"].items()]
    return " ".join([*numbers, *(f"--set {name}={shlex.quote(text)}" for name, text in action["edits"].items())])


def epoch_facts(record: EpochRecord) -> dict[str, Any]:
    """A point of a curve for `--json`; what is not finite becomes None, which JSON can carry."""
    names = ("epoch", "train_cost", "train_error", "dev_loss", "dev_error", "seconds")
    values = {name: getattr(record, name) for name in names}
    return {name: v if math.isfinite(v) else None for name, v in values.items()}


def study_facts(study: Study) -> dict[str, Any]:
    """A study for `--json`, without its split indices."""
    facts = {name: fact for name, fact in study.facts.items() if name != "split"}
    split = {name: part for name, part in study.facts.get("split", {}).items() if name in ("rule", "sizes")}
    return {
        "study": study.name,
        "state": str(study.state),
        "reason": study.reason,
        "created": study.created.isoformat(),
        "finished": study.finished.isoformat() if study.finished else None,
        "task": str(study.task),
        "target": study.target,
        "source": study.source,
        "seed": study.seed,
        "error_name": study.error_name,
        "split": split,
        **facts,
    }
