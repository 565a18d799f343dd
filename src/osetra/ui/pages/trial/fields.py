"""Which settings of a trial have a field on its page, the scale of each one's slider, and what is read from what was typed.

Knows nothing of: elements, commands.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.space.continuous import Continuous, OneMinusLog
from osetra.space.known import KNOWN_HYPERPARAMETERS, MOMENTUM_OPTIMIZERS, VALID_WORDS, check_values
from osetra.space.scale import Scale
from osetra.space.scales import linear, log, one_minus_log
from osetra.space.space import Space
from osetra.space.values import is_number, is_whole, read_value, same
from osetra.training.steering import STEERABLE

if TYPE_CHECKING:
    from osetra.core.records import Study

STEPS = 1000
"""Of a slider."""
_TITLES = {"l2": "lambda (l2)", "keep_prob": "keep_prob", "learning_rate": "learning rate", "batch_size": "batch size"}
_DEFAULTS: Configuration = {
    "learning_rate": 1e-3, "momentum": 0.9, "beta1": 0.9, "l2": 0.0, "keep_prob": 1.0,
    "batch_size": 128, "schedule": "constant",
}  # fmt: skip
"""Of networks whose configuration leaves it out, as the engines have it."""
_BATCHES = tuple(2**power for power in range(3, 13))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that can be set while a trial trains."""

    name: str
    value: Value
    """In effect."""
    scale: Scale | None = None
    """Of its slider; None: it has none."""
    has_zero: bool = False
    """Whether the slider's left end is 0, which its scale does not hold."""
    options: tuple[Value, ...] = ()
    """To choose among; empty: it is typed."""

    @property
    def title(self) -> str:
        return _TITLES.get(self.name, self.name)

    @property
    def meaning(self) -> str:
        return KNOWN_HYPERPARAMETERS[self.name]

    def place_of(self, value: Value) -> int:
        """Where the slider stands, 0 to STEPS."""
        assert self.scale is not None
        if not is_number(value) or (self.has_zero and value <= 0):
            return 0
        return round(STEPS * self.scale.encode(self.scale.nearest(value)))

    def value_at(self, place: int) -> Value:
        """The value of a slider's place, to 3 digits."""
        assert self.scale is not None
        if self.has_zero and place <= 0:
            return 0.0
        value = self.scale.decode(min(max(place / STEPS, 0.0), 1.0))
        if not isinstance(value, float):
            return value
        return round(1 - _rounded(1 - value), 12) if isinstance(self.scale, OneMinusLog) else _rounded(value)

    def read(self, text: str) -> Value | None:
        """The value that was typed; None where it is the one in effect. Raises SpaceError for one that makes no sense."""
        if text.strip() == shown(self.value):
            return None
        value = read_value(text)
        if is_whole(value) and isinstance(self.value, float):
            value = float(value)
        check_values(Space({self.name: value}))
        return None if same(value, self.value) else value


def shown(value: Value) -> str:
    """In a field: a number to 6 digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def main_settings(configuration: Configuration, study: "Study") -> list[Setting]:
    """Those that have a slider or a choice: of the optimiser's decays only the one that it has."""
    optimizer = configuration.get("optimizer", "adam")
    decay = "momentum" if optimizer in MOMENTUM_OPTIMIZERS else "beta1" if optimizer in ("adam", "adamw") else None
    rows = _rows(study)
    found = []
    for name in ("learning_rate", decay, "l2", "keep_prob"):
        if name is not None:
            value = configuration.get(name, _DEFAULTS[name])
            found.append(Setting(name=name, value=value, scale=_scale(name, value, study, rows), has_zero=name == "l2"))
    batch, searched = configuration.get("batch_size", _DEFAULTS["batch_size"]), _searched(study).get("batch_size")
    more = searched.arguments if searched is not None else ()
    batches = sorted({size for size in (*_BATCHES, *more, batch) if is_whole(size) and (rows is None or size <= rows or size == batch)})
    schedule = configuration.get("schedule", _DEFAULTS["schedule"])
    return [
        *found,
        Setting(name="batch_size", value=batch, options=tuple(batches)),
        Setting(name="schedule", value=schedule, options=VALID_WORDS["schedule"]),
    ]


def other_settings(configuration: Configuration) -> list[str]:
    """Names of what else can be set."""
    mains = ("learning_rate", "momentum", "beta1", "l2", "keep_prob", "batch_size", "schedule")
    return [name for name in STEERABLE if name not in mains or (name in ("momentum", "beta1") and name in configuration)]


def read_other(name: str, text: str) -> Value:
    """A setting without a field of its own. Raises SpaceError for one that makes no sense."""
    value = read_value(text)
    check_values(Space({name: value}))
    return value


def _scale(name: str, value: Value, study: "Study", rows: int | None) -> Scale | None:
    """Wide enough for what was searched, for the value in effect, and for a person who tries."""
    if not is_number(value):
        # One value for each layer.
        return None
    bounds = {"learning_rate": (1e-6, 1.0), "momentum": (0.5, 0.999), "beta1": (0.5, 0.999), "keep_prob": (0.2, 1.0)}
    low, high = bounds.get(name, (1e-8 * (rows or 1_000), 0.1 * (rows or 1_000)))
    searched = _searched(study).get(name)
    if isinstance(searched, Continuous):
        low, high = min(low, searched.low), max(high, searched.high)
    if name in ("momentum", "beta1"):
        # 0 is a momentum, too, and at the scale's end.
        low, high = min(low, max(float(value), 1e-3)), max(high, float(value))
        return one_minus_log(low, high)
    if name == "keep_prob":
        return linear(min(low, float(value)), high)
    return log(min(low, float(value)) if value > 0 else low, max(high, float(value)))


def _searched(study: "Study") -> Mapping[str, Scale]:
    try:
        return Space.from_dict(study.facts["space"]).scales
    except (KeyError, SpaceError):
        # A study of another version.
        return {}


def _rows(study: "Study") -> int | None:
    """Of the training part."""
    sizes = (study.facts.get("split") or {}).get("sizes") or ()
    return int(sizes[0]) if sizes else None


def _rounded(value: float) -> float:
    return float(f"{value:.3g}") if math.isfinite(value) else value
