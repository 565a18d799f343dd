"""Numbers and records as a person reads them.

Knows nothing of: terminals, colours, where a record came from.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from osetra.core.records import Configuration, EpochRecord, Study, Trial

BLOCKS = "▁▂▃▄▅▆▇█"


def error(value: float | None, error_name: str) -> str:
    """An error rate as a percentage, an RMSE to four figures; a dash where there is none."""
    if value is None or math.isnan(value):
        return "-"
    if error_name == "error rate":
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def interval(measured: Mapping[str, Any] | None, error_name: str) -> str:
    """`14.20 % (95 % interval 13.11 to 15.40 %, 3,480 rows)`."""
    if measured is None:
        return "-"
    low, high = (error(measured[end], error_name) for end in ("low", "high"))
    return f"{error(measured['value'], error_name)}  (95 % interval {low.removesuffix(' %')} to {high}, {measured['rows']:,} rows)"


def value(given: Any) -> str:
    """A hyperparameter's value to four figures."""
    if isinstance(given, bool) or not isinstance(given, float):
        return str(given).lower() if isinstance(given, bool) else str(given)
    return f"{given:.4g}"


def duration(seconds: float) -> str:
    """`0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
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
    spread = (high - low) or 1.0
    return "".join(BLOCKS[int((v - low) / spread * (len(BLOCKS) - 1))] if math.isfinite(v) else " " for v in values[::step])


def varying(trials: Sequence[Trial]) -> list[str]:
    """Names of the hyperparameters that differ among trials, in the order of the first."""
    names = dict.fromkeys(name for trial in trials for name in trial.configuration)
    return [name for name in names if len({repr(trial.configuration.get(name)) for trial in trials}) > 1]


def configuration_lines(configuration: Configuration) -> list[str]:
    """One aligned line a hyperparameter."""
    width = max(map(len, configuration), default=0)
    return [f"{name:<{width}}  {value(configuration[name])}" for name in sorted(configuration)]


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
