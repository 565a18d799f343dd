"""How sure the ranking is: which trials cannot be told from the best, and how much of its error is luck.

    x_j = theta_j + noise, variance v_j = s^2 (1/m_j + 1/4) of m_j runs       theta_j: what other rows and fresh seeds would give

Trials are scored on the same dev rows, so luck that all of them share does not count. What does: which seed, and rows that suit one network
more than another. s^2, the variance of one run among runs of its configuration on the same rows, holds both and comes from, in this order,

    finals or repeats    pooled within configurations, with what rows make by themselves counted in where runs are few (as Smyth 2004 does);
                         the quarter is for rows that suit a configuration whatever its seed
    rows and spread      the lower of two bounds: the spread of the compared trials, as if nothing but noise made it, and that of rows: two
                         networks of error p differ on a share of the rows between |p - q| (one errs only where the other does) and
                         2p(1 - p) (independently). Half of the upper end is taken where a hyperparameter explains the errors, and where
                         none does, since seeds come on top, twice it.
    unknown              an objective of which no configuration was tried twice

Measured on adult, letter and bank marketing (3 configurations, 3 seeds, 5,000 rows): two seeds differ on 0.19 to 0.31 of 2p(1 - p), equally
good configurations on 1.2 times as many rows; the deviation among seeds is what these rows alone make, within a quarter.

Not told apart: those that Gupta's subset holds; what the best is too good by: its posterior mean less its error (`luck` says how).
A trial's error is its lowest over epochs, which is a little too good beyond that. Knows nothing of: studies, what is done about it.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from osetra.core.direction import turned
from osetra.core.records import Configuration, EpochRecord, Trial, TrialState
from osetra.diagnosis.intervals import Z_95, Measured
from osetra.diagnosis.luck import gupta, truth
from osetra.space.space import Space

CONFIGURATION_SHARE = 0.25
"""Luck that a configuration has on the rows whatever its seed, as a share of s^2."""
OVERLAP = 0.5
"""Of 2p(1 - p), the rows on which two independent networks of error p differ: the share on which two of one study may."""
MOST_UNEXPLAINED = 1.4
"""Deviations of independent rows: with the seeds on top, the most that is taken for noise where nothing explains the errors."""
FEWEST_ROWS = 1.5
"""Deviation of an error rate in rows, at the least."""
FEWEST_SPREAD = 8
"""So few trials do not show their spread."""
FEWEST_REPEATS = 3
"""Degrees of freedom of repeats that measure the noise of an objective."""
PRIOR_FREEDOM = 4
"""What the rows say of s^2 counts as much as so many degrees of freedom: few runs alone may show nearly none by chance."""
FULLY = 0.8
"""A trial of so many of the epochs that the longest had is compared with them."""
MOST_ALIKE = 0.6
"""Where so many of the trials are not told from the best, the study cannot tell."""
FEWEST_TRIALS = 5
EXPLAINED = 0.01
"""Chance at which some hyperparameter seems to explain errors that none does."""
MOST_EXPLAINED = 5_000
"""Trials looked at for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The best trial among those it was chosen from; errors and values as they were given, differences >= 0 where the best is too good."""

    best: int
    value: float
    """Its dev error, or its value."""
    trials: int
    """That came to a value; seeds of the finals not counted."""
    compared: int
    """Configurations that were trained far enough to compete, the best one included."""
    tied: tuple[int, ...] | None
    """Trials that cannot be told from the best, it included, best first; None where the noise is not known."""
    unproven: int
    """Trials besides them that were left behind early, though no worse than the best was then beyond noise."""
    is_explained: bool
    """Whether a hyperparameter explains the errors, so that what was searched mattered."""
    deviation: float | None
    """Of one trial, from seed and rows; None: not known."""
    source: str
    """finals, repeats, spread, rows or unknown."""
    chance: float | None
    """That the best is truly the best of the compared."""
    optimism: float | None
    """By how much the best's value is too good, on average over what would come again."""
    shrunk: float | None
    """The value without that."""
    sentence: str
    certainty: str
    """Where the noise is from."""

    @property
    def cannot_tell(self) -> bool:
        """Whether most of the trials, 5 at least, are as good as the best, and nothing explains the rest."""
        if self.tied is None or not self.deviation or self.trials < FEWEST_TRIALS or self.is_explained:
            return False
        return len(self.tied) + self.unproven >= MOST_ALIKE * self.trials

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        facts = asdict(self)
        return facts | {"tied": None if self.tied is None else list(self.tied), "cannot_tell": self.cannot_tell}


def rank(
    trials: Sequence[Trial],
    *,
    best: Trial,
    space: Space,
    error_name: str,
    dev: Measured | None = None,
    finals: Sequence[Mapping[str, Any]] = (),
    curve: Sequence[EpochRecord] = (),
    maximize: bool = False,
) -> Ranking | None:
    """How sure it is that `best` is the best; None with fewer than two trials to compare.

    trials, best, curve: as the records hold them, the lowest is best; the curve is the best trial's. dev: the best's error with its
    interval; None where there are no rows. finals: `trial`, `configuration` and `errors` of each finalist. maximize: values are told with
    their sign turned.
    """
    runs = _runs(trials, finals)
    able = [run for run in runs if run.trial.dev_error is not None]
    full = _compared(able)
    own = next((run for run in full if run.key == _key(best.configuration)), None)
    if own is None or len(full) < 2 or best.dev_error is None:
        return None
    explained = _is_explained(space, full, able)
    noise = _noise(full, dev, is_explained=explained, is_rate=error_name == "error rate")
    values = np.array([run.value for run in full])
    told: dict[str, Any] = {"tied": None, "unproven": 0, "chance": None, "optimism": None, "shrunk": None, "deviation": None}
    if noise.single is not None:
        variances = noise.of_mean(np.array([len(run.values) for run in full]))
        reach, place = gupta(len(full), noise.freedom), full.index(own)
        # A run is behind the best of its kind by most, so that of each number of runs one is enough to compare with.
        leaders = [(values[variances == variance].min(), variance) for variance in np.unique(variances)]
        lead = np.max([values - value - reach * np.sqrt(variances + variance) for value, variance in leaders], axis=0)
        tied = [number for number in np.flatnonzero(lead <= 0) if number != place]
        chance, shrunk = truth(values, variances, place) if noise.single > 0 else (1 / (1 + len(tied)), best.dev_error)
        told = {
            "tied": (best.number, *(full[number].trial.number for number in tied)),
            "unproven": _unproven(able, full, curve, reach * math.sqrt(2) * noise.single),
            "chance": chance,
            # What is shrunk is the mean of its runs; the best run of them is luckier than they are.
            "optimism": max(0.0, shrunk - best.dev_error),
            "shrunk": turned(max(shrunk, best.dev_error), maximize=maximize),
            "deviation": noise.single,
        }
    facts = {
        "best": best.number, "value": turned(best.dev_error, maximize=maximize), "trials": len(able), "compared": len(full),
        "is_explained": explained, "source": noise.source, "certainty": noise.in_words(dev, error_name), **told,
    }  # fmt: skip
    return Ranking(**facts, sentence=_sentence(facts, error_name, None if dev is None else dev.rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A configuration and what its runs came to."""

    key: tuple[Any, ...]
    trial: Trial
    """The first that had it; of a finalist the one of the search."""
    values: tuple[float, ...]
    is_finalist: bool

    @property
    def value(self) -> float:
        return sum(self.values) / len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Noise:
    source: str
    single: float | None = None
    """Deviation of one run, with what its configuration adds."""
    own: float = 0.0
    """The share of its variance that goes with the number of runs."""
    freedom: int | None = None

    def of_mean(self, counts: np.ndarray) -> np.ndarray:
        assert self.single is not None
        return self.single**2 * (self.own / counts + 1 - self.own)

    def in_words(self, dev: Measured | None, error_name: str) -> str:
        about = "" if self.single is None else f"a trial's luck is {_amount(self.single, error_name)}"
        match self.source:
            case "repeats" if self.single == 0:
                return "configurations that were tried more than once came to the same value each time"
            case "finals" | "repeats":
                runs = "the fresh seeds of the finals" if self.source == "finals" else "configurations that were tried more than once"
                return f"{about} (standard deviation), measured by {runs}" + ("" if dev is None else ", on the same dev rows")
            case "spread":
                return f"{about} at most, which is all that the trials differ by; finals with fresh seeds would measure it"
            case "rows":
                return f"{about}, bounded by the number of dev rows; finals with fresh seeds would measure it"
            case _:
                return "trying the best again, and a few others, would measure it"


def _key(configuration: Configuration) -> tuple[Any, ...]:
    return tuple(sorted(configuration.items()))


def _runs(trials: Sequence[Trial], finals: Sequence[Mapping[str, Any]]) -> list[_Run]:
    """Lowest first. A finalist counts with its fresh seeds alone: by its first run it was chosen."""
    fresh = {_key(one["configuration"]): tuple(one["errors"]) for one in finals}
    grouped: dict[tuple[Any, ...], list[Trial]] = defaultdict(list)
    for trial in sorted(trials, key=lambda trial: trial.number):
        if trial.dev_error is not None and trial.state.can_win:
            grouped[_key(trial.configuration)].append(trial)
    runs = []
    for key, group in grouped.items():
        most = max(trial.epochs for trial in group)
        values = fresh.get(key) or tuple(trial.dev_error for trial in group if trial.dev_error is not None and trial.epochs >= FULLY * most)
        runs.append(_Run(key=key, trial=group[0], values=values, is_finalist=key in fresh))
    return sorted(runs, key=lambda run: (run.value, run.trial.number))


def _compared(runs: Sequence[_Run]) -> list[_Run]:
    """Those trained about as far as the fifth of the longest, those that ended by themselves, and those that came to as much in less."""
    epochs = sorted((run.trial.epochs for run in runs), reverse=True)
    reach = FULLY * epochs[min(4, len(epochs) - 1)] if epochs else 0

    def is_full(run: _Run) -> bool:
        return run.trial.epochs >= reach or run.trial.state is TrialState.FINISHED or run.is_finalist

    middle = median([run.value for run in runs if is_full(run)] or [0.0])
    return [run for run in runs if is_full(run) or run.value <= middle]


def _unproven(able: Sequence[_Run], full: Sequence[_Run], curve: Sequence[EpochRecord], reach: float) -> int:
    """Of those left behind: how many did no worse than the best trial had done by the same epoch."""
    compared = {run.key for run in full}
    so_far = np.minimum.accumulate([record.dev_error for record in curve]) if curve else np.zeros(0)
    left = [run for run in able if run.key not in compared and 0 < run.trial.epochs <= len(so_far)]
    return sum(run.value - float(so_far[run.trial.epochs - 1]) <= reach for run in left)


def _noise(full: Sequence[_Run], dev: Measured | None, *, is_explained: bool, is_rate: bool) -> _Noise:
    groups = [run.values for run in full if len(run.values) > 1]
    freedom = sum(len(values) - 1 for values in groups)
    squares = sum(len(values) * float(np.var(values)) for values in groups)
    if dev is None:
        if freedom < FEWEST_REPEATS:
            return _Noise(source="unknown")
        return _Noise(source="repeats", single=math.sqrt(squares / freedom), own=1.0, freedom=freedom)
    # Of an error rate the interval is that of p(1 - p)/rows; of an RMSE the bootstrap's.
    rows = (dev.high - dev.low) / (2 * Z_95)
    least = FEWEST_ROWS / dev.rows if is_rate else 0.0
    own = 1 / (1 + CONFIGURATION_SHARE)
    if freedom:
        within = math.sqrt((squares + PRIOR_FREEDOM * OVERLAP * rows**2) / (freedom + PRIOR_FREEDOM))
        source = "finals" if any(run.is_finalist for run in full) else "repeats"
        return _Noise(source=source, single=max(least, within) / math.sqrt(own), own=own, freedom=freedom + PRIOR_FREEDOM)
    bounds = {"rows": rows * (math.sqrt(OVERLAP) if is_explained else MOST_UNEXPLAINED)}
    if len(full) >= FEWEST_SPREAD:
        bounds["spread"] = _spread(np.array([run.value for run in full]))
    source = min(bounds, key=lambda name: bounds[name])
    return _Noise(source=source, single=max(least, bounds[source]), own=own, freedom=len(full) - 1 if source == "spread" else None)


def _spread(values: np.ndarray) -> float:
    """The standard deviation of all that lie within 3 of the median, which a few far-off trials do not change."""
    distance = np.abs(values - np.median(values))
    kept = values[distance <= 3 * 1.4826 * np.median(distance)]
    return float(np.std(kept, ddof=1)) if len(kept) > 1 else 0.0


def _is_explained(space: Space, full: Sequence[_Run], able: Sequence[_Run]) -> bool:
    """Whether the order of the errors follows one hyperparameter, straight or bent, by more than chance: F tests at 1 % in all.

    Among those compared, and among the largest group that was left behind at the same epoch.
    """
    from scipy.stats import f, rankdata

    left = defaultdict(list)
    for run in able:
        left[run.trial.epochs].append(run)
    largest = max(left.values(), key=len)
    cohorts = [full, largest] if {run.key for run in largest} - {run.key for run in full} else [full]
    for whole in cohorts:
        # Lowest first, so that every so many of them are as spread out as all.
        cohort = whole[:: 1 + len(whole) // MOST_EXPLAINED]
        ranks = rankdata([run.value for run in cohort])
        for name, scale in space.scales.items():
            given = [run.trial.configuration.get(name) for run in cohort]
            held = [(at, value) for at, value in enumerate(given) if value is not None and scale.contains(value)]
            there, places = [at for at, _ in held], np.array([scale.encode(value) for _, value in held])
            if scale.is_ordered:
                columns = np.stack([np.ones(len(places)), places, places**2], axis=1)
            else:
                columns = (places[:, None] == np.unique(places)).astype(np.float64)
            wanted = ranks[there]
            count, used = len(there), int(np.linalg.matrix_rank(columns)) if there else 0
            if count < used + 5 or used < 2:
                continue
            left_over = wanted - columns @ np.linalg.lstsq(columns, wanted, rcond=None)[0]
            total, rest = float(((wanted - wanted.mean()) ** 2).sum()), float((left_over**2).sum())
            if total > 0 and (
                rest <= 1e-12 * total
                or f.sf((total - rest) / (used - 1) / (rest / (count - used)), used - 1, count - used)
                < EXPLAINED / (len(cohorts) * len(space.names))
            ):
                return True
    return False


def _sentence(facts: Mapping[str, Any], error_name: str, rows: int | None) -> str:
    what = "dev error" if rows is not None else "value"
    where = "" if rows is None else f" on {rows:,} dev rows"
    trials, compared = f"{facts['trials']:,}", facts["compared"]
    if facts["tied"] is None:
        return f"{trials} trials came to a value; by how much the best of them is ahead by luck is not known, since none was tried twice"
    tied = len(facts["tied"])
    opening, them = ("", f"{trials} trials")
    if compared < facts["trials"]:
        opening, them = f"Of {trials} trials {compared:,} were trained far enough to compare; ", "them"
    if tied == 1:
        told = f"{opening}the best of {them} can be told from all others"
    elif tied < compared:
        told = f"{opening}the best {tied:,} of {them} cannot be told apart"
    else:
        told = f"{opening}none of {them} can be told from the best"
    told = told[:1].upper() + told[1:]
    value = _value(facts["value"], error_name)
    if facts["optimism"] <= facts["deviation"] / 10:
        return f"{told}{where}; the best {what}, {value}, is hardly too good"
    bound = "up to about" if facts["source"] in ("rows", "spread") else "probably about"
    return f"{told}{where}; the best {what}, {value}, is {bound} {_amount(facts['optimism'], error_name)} too good"


def _value(value: float, error_name: str) -> str:
    return f"{100 * value:.2f} %" if error_name == "error rate" else f"{value:.4g}"


def _amount(value: float, error_name: str) -> str:
    if error_name != "error rate":
        return f"{value:.2g}"
    return f"{100 * value:.1f} points" if value >= 0.00995 else f"{100 * value:.1g} points"
