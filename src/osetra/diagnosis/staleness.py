"""Is the old winner still the best? From errors row by row of networks trained anew: the winner, its rivals and newcomers, some seeds each.

    m_c = mean over seeds and rows of candidate c's error        d_c = m_c - m_winner, above 0 where the winner is better
    var d_c = A_c + r_c I_c + r_0 I_0

    A_c         rows that suit one configuration more than the other, whatever the seed: the variance over rows of the paired difference
                of the two means over seeds, over the rows, less I_c + I_0, which it holds too
    I_c         luck of seeds row by row: the variance of a row's error over seeds, over rows x seeds
    r_c         what the means of seeds vary by in excess of that: their variance over seeds / I_c, moderated

All candidates are measured on the same rows, so what makes a row hard for all drops out. It is a crossed design of rows and seeds, whose
components are estimated by moments (Searle, Casella & McCulloch 1992, Variance Components, chapter 5). Few seeds show their variance badly:
r_c is shrunk toward that of all candidates together, with the weight of 4 degrees of freedom, and that toward 1, with the weight of one
(much as Smyth 2004, Statistical Applications in Genetics and Molecular Biology 3(1):3, moderates variances). Degrees of freedom are
Satterthwaite's (1946). Of an RMSE, errors are linearised: sqrt(mean) + (e - mean)/(2 sqrt(mean)).

Intervals of all d_c hold together with 95 %: they go to the level that the least of their p-values passes in 1 of 20 multivariate t of
their correlation, each with its own degrees of freedom (Dunnett 1955, JASA 50:1096; with any correlation Hothorn, Bretz & Westfall 2008,
Biometrical Journal 50:346), from 4,000 draws, always the same. A candidate whose seeds differ wildly makes all intervals wider, and the
verdict careful, unless its error is over twice the lowest: then it says nothing of the others. Pooling by logarithms, or a weight estimated
from the spread of variances as Smyth's, called winners beaten too often.

    beaten                          some interval lies below 0
    still best                      all intervals lie above 0
    no longer distinguishable       else

Which epoch of a training counts is chosen on the same rows, which favours all candidates about alike. Knows nothing of: training, studies.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from osetra.core.errors import StudyError

PRIOR_FREEDOM = 4
"""What all candidates together say of r counts as much as so many degrees of freedom of a candidate's own."""
FEWEST_SEEDS = 2
"""A candidate with fewer trainings that went well is not compared."""
FAR = 2.0
"""Candidates with this many times the lowest error say nothing of how much seeds make the others vary."""
DRAWS = 4_000
CONFIDENCE = 0.95
LEAST = 0.5
"""Deviation of a difference of error rates, in rows, at the least."""


class Verdict(StrEnum):
    """What became of the old winner."""

    STILL_BEST = "still best"
    INDISTINGUISHABLE = "no longer distinguishable"
    BEATEN = "beaten"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """A candidate as it was trained anew."""

    name: str
    """For people, such as `trial 12`."""
    errors: Sequence[np.ndarray]
    """Of each training that went well, float64 [rows]: 0 or 1, or squared errors; the same rows for all."""
    diverged: int = 0
    """Trainings that did not."""
    is_old: bool = True
    """Whether the study knows it, whose order the entries then have; a newcomer is not in the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one candidate did, in the error's units."""

    name: str
    is_old: bool
    errors: tuple[float, ...]
    """Of each seed."""
    diverged: int
    error: float | None
    """Their mean; None with fewer than 2."""
    low: float | None
    """95 % interval of `error`, for other seeds and other rows."""
    high: float | None
    difference: float | None
    """`error` less the winner's; None for the winner, and where one of the two is not known."""
    difference_low: float | None
    """Interval of `difference`; those of all candidates hold together with 95 %."""
    difference_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staleness:
    """What became of the old winner, the first of `standings`."""

    verdict: Verdict
    by: str | None
    """The candidate that beats it, the one of lowest error where several do."""
    tied: tuple[str, ...]
    """Candidates that cannot be told from it, the lowest error first."""
    standings: tuple[Standing, ...]
    """In the order of the entries."""
    tau: float | None
    """Kendall's tau-b between the study's order and the new one, of the candidates that the study knows; None for fewer than 2."""
    tau_low: float | None
    tau_high: float | None
    sentence: str
    order: str
    """What tau says, in words; empty without it."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        facts = asdict(self)
        return facts | {"verdict": str(self.verdict), "tied": list(self.tied), "standings": [_facts(one) for one in self.standings]}


def judge(entries: Sequence[Entry], *, error_name: str, weights: np.ndarray | None = None) -> Staleness:
    """What became of the first of the entries, the old winner; the others the study knows in its order, newcomers anywhere.

    weights: of the rows, > 0 [rows]; None: all count the same. Raises StudyError where fewer than two candidates were given, or none of
    them has 2 trainings that went well.
    """
    if len(entries) < 2:
        raise StudyError(f"a re-test needs the old winner and another candidate, got {len(entries)}; add rivals or fresh configurations")
    good = [place for place, entry in enumerate(entries) if len(entry.errors) >= FEWEST_SEEDS]
    if not good:
        raise StudyError(f"a re-test needs {FEWEST_SEEDS} trainings of a candidate that went well, got none of {len(entries)} candidates")
    is_rate = error_name == "error rate"
    rows = len(entries[good[0]].errors[0])
    shares = np.full(rows, 1 / rows) if weights is None else weights / weights.sum()
    moments = _Moments([np.asarray(entries[place].errors, dtype=np.float64) for place in good], shares, is_rate=is_rate)
    standings = [_untrained(entry, moments.of_seeds(entry.errors)) for entry in entries]
    for place, at in enumerate(good):
        reach = float(_t(moments.freedom_of_mean(place)) * math.sqrt(moments.covariance[place, place]))
        standings[at] = _with(standings[at], float(moments.means[place]), reach, is_rate=is_rate)
    if good[0] == 0 and len(good) > 1:
        for at, value, half in zip(good[1:], *(of.tolist() for of in moments.against_first()), strict=True):
            standings[at] = _compared(standings[at], value, half)
    tau = _tau(moments, [place for place, at in enumerate(good) if entries[at].is_old])
    return _judged(tuple(standings), tau, error_name)


class _Moments:
    """Means of candidates, and how sure they are. Candidates are those with 2 seeds or more, the first one the winner if it is."""

    def __init__(self, errors: Sequence[np.ndarray], shares: np.ndarray, *, is_rate: bool) -> None:
        self._shares, self._is_rate = shares, is_rate
        seen = [self._linear(of) for of in errors]
        self.means = np.array([float((of @ shares).mean()) for of in seen])
        self._least = LEAST * float(np.square(shares).sum()) if is_rate else 1e-9 * float(self.means.min())
        seeds = np.array([len(of) for of in seen])
        squares, rows = np.square(shares), len(shares)
        of_row = np.array([of.mean(axis=0) for of in seen])
        self._luck = np.array([float(of.var(axis=0, ddof=1) @ squares) / len(of) for of in seen])
        spread = np.array([float((of @ shares).var(ddof=1)) / len(of) for of in seen])
        excess = np.divide(spread, self._luck, out=np.ones(len(seen)), where=self._luck > 0)
        near = self.means <= FAR * self.means.min()
        together = np.where(near, _pooled(excess[near], seeds[near] - 1), _pooled(excess, seeds - 1))
        self._freedom = PRIOR_FREEDOM + seeds - 1
        self._excess = (PRIOR_FREEDOM * together + (seeds - 1) * excess) / self._freedom
        centred = (of_row - self.means[:, None]) * shares
        self._of_rows = centred @ centred.T * (rows / max(1, rows - 1))
        self.covariance = self._of_rows + np.diag((self._excess - 1) * self._luck)
        floor = np.maximum(self._excess * self._luck, self._least**2)
        np.fill_diagonal(self.covariance, np.maximum(np.diag(self.covariance), floor))

    def of_seeds(self, errors: Sequence[np.ndarray]) -> tuple[float, ...]:
        """The error of each seed."""
        return tuple(float(self._linear(np.asarray(of, dtype=np.float64)[None])[0] @ self._shares) for of in errors)

    def freedom_of_mean(self, place: int) -> float:
        """Satterthwaite's, of one mean."""
        lucky = self._excess[place] * self._luck[place]
        return _satterthwaite(float(self.covariance[place, place]), [(float(lucky), float(self._freedom[place]))])

    def against_first(self) -> tuple[np.ndarray, np.ndarray]:
        """Differences to the first candidate and the half widths of their intervals, which hold together, [others] both."""
        others = len(self.means) - 1
        contrast = np.hstack([-np.ones((others, 1)), np.eye(others)])
        lucky = self._excess * self._luck
        covariance = contrast @ self.covariance @ contrast.T
        variances = np.maximum(np.diag(covariance), np.maximum(lucky[1:] + lucky[0], self._least**2))
        freedoms = [
            _satterthwaite(float(variance), [(float(lucky[place]), float(self._freedom[place])) for place in (0, one + 1)])
            for one, variance in enumerate(variances)
        ]
        return contrast @ self.means, np.sqrt(variances) * _reach(_correlation(covariance), np.array(freedoms))

    def draw(self, count: int) -> np.ndarray:
        """Means as other seeds and rows would give them, [count, candidates]."""
        generator = np.random.default_rng(len(self._shares))
        root = _root(_correlation(self.covariance)) * np.sqrt(np.diag(self.covariance))[:, None]
        return self.means + generator.standard_normal((count, len(self.means))) @ root.T

    def _linear(self, errors: np.ndarray) -> np.ndarray:
        """[seeds, rows], with a mean over rows that is the error of the seed."""
        if self._is_rate:
            return errors
        means = errors @ self._shares
        roots = np.sqrt(means)[:, None]
        return roots + np.divide(errors - means[:, None], 2 * roots, out=np.zeros_like(errors), where=roots > 0)


def _pooled(excess: np.ndarray, freedom: np.ndarray) -> float:
    """The mean of these and, with one degree of freedom, of 1."""
    return (1.0 + float(excess @ freedom)) / (1.0 + float(freedom.sum()))


def _satterthwaite(variance: float, lucky: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom of a variance of which these parts are known with so many; the rest is known well."""
    unsure = sum(part**2 / freedom for part, freedom in lucky)
    return variance**2 / unsure if unsure > 0 else math.inf


def _correlation(covariance: np.ndarray) -> np.ndarray:
    deviations = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    correlation = np.clip(covariance / np.outer(deviations, deviations), -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _root(correlation: np.ndarray) -> np.ndarray:
    """R with R R' = correlation, whose negative eigenvalues, from estimation, count as 0; rows of length 1."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return root / np.maximum(np.linalg.norm(root, axis=1, keepdims=True), 1e-12)


def _reach(correlation: np.ndarray, freedoms: np.ndarray) -> np.ndarray:
    """How many deviations each interval reaches, [differences]: all to the same level, at which 95 % hold together."""
    from scipy.stats import chi2, t

    count = len(correlation)
    # So many degrees of freedom are as good as any more.
    freedoms = np.minimum(freedoms, 1e6)
    if count == 1:
        return t.ppf(0.5 + CONFIDENCE / 2, freedoms)
    generator = np.random.default_rng(count)
    normal = np.abs(generator.standard_normal((DRAWS, count)) @ _root(correlation).T)
    # The winner's variance is in all differences, so that their scales go up and down together.
    scale = np.sqrt(chi2.ppf(generator.random((DRAWS, 1)), freedoms) / freedoms)
    level = np.quantile(t.sf(normal / scale, freedoms).min(axis=1), 1 - CONFIDENCE)
    return t.isf(level, freedoms)


def _t(freedom: float) -> float:
    from scipy.stats import norm, t

    return float(t.ppf(0.5 + CONFIDENCE / 2, freedom) if math.isfinite(freedom) else norm.ppf(0.5 + CONFIDENCE / 2))


def _tau(moments: _Moments, old: Sequence[int]) -> tuple[float, float, float] | None:
    """Between the order of these candidates and that of their new errors, with its 95 % interval."""
    if len(old) < 2:
        return None
    first, second = np.triu_indices(len(old), 1)

    def tau_b(means: np.ndarray) -> np.ndarray:
        signs = np.sign(means[..., second] - means[..., first])
        told_apart = np.count_nonzero(signs, axis=-1)
        total = np.sqrt(told_apart * len(first))
        return np.divide(signs.sum(axis=-1), total, out=np.zeros(signs.shape[:-1]), where=total > 0)

    low, high = np.quantile(tau_b(moments.draw(DRAWS)[:, old]), [0.025, 0.975])
    value = float(tau_b(moments.means[list(old)]))
    return value, min(value, float(low)), max(value, float(high))


def _untrained(entry: Entry, errors: tuple[float, ...]) -> Standing:
    return Standing(
        name=entry.name, is_old=entry.is_old, errors=errors, diverged=entry.diverged, error=None, low=None, high=None, difference=None,
        difference_low=None, difference_high=None,
    )  # fmt: skip


def _with(standing: Standing, error: float, reach: float, *, is_rate: bool) -> Standing:
    return replace(standing, error=error, low=max(0.0, error - reach), high=min(1.0, error + reach) if is_rate else error + reach)


def _compared(standing: Standing, value: float, half: float) -> Standing:
    return replace(standing, difference=value, difference_low=value - half, difference_high=value + half)


def _facts(standing: Standing) -> dict[str, Any]:
    return asdict(standing) | {"errors": list(standing.errors)}


def _judged(standings: tuple[Standing, ...], tau: tuple[float, float, float] | None, error_name: str) -> Staleness:
    winner, others = standings[0], [one for one in standings[1:] if one.error is not None]
    others.sort(key=lambda one: one.error or 0.0)
    better = [one for one in others if one.difference_high is not None and one.difference_high < 0]
    tied = [one for one in others if one.difference_low is not None and one not in better and one.difference_low <= 0]
    if winner.error is None or better:
        # A winner whose trainings diverge is beaten by whatever does not.
        verdict, by = Verdict.BEATEN, (better or others)[0].name
    else:
        verdict, by = (Verdict.INDISTINGUISHABLE if tied else Verdict.STILL_BEST), None
    value, low, high = tau or (None, None, None)
    return Staleness(
        verdict=verdict, by=by, tied=tuple(one.name for one in tied), standings=standings, tau=value, tau_low=low, tau_high=high,
        sentence=_sentence(verdict, winner, others, better, tied, error_name),
        order="" if tau is None else _order(tau, sum(one.is_old and one.error is not None for one in standings)),
    )  # fmt: skip


def _sentence(
    verdict: Verdict, winner: Standing, others: list[Standing], better: list[Standing], tied: list[Standing], error_name: str
) -> str:
    error = "error" if error_name == "error rate" else error_name
    if winner.error is None:
        diverged = f"of {winner.diverged + len(winner.errors)} trainings of the old winner, {winner.name}, {winner.diverged} diverged"
        return f"Beaten: {diverged}, and {others[0].name} has dev {error} {_error(others[0].error, error_name)}"
    has = f"the old winner, {winner.name}, has dev {error} {_error(winner.error, error_name)}"
    if verdict is Verdict.BEATEN:
        by = better[0]
        more = "" if len(better) == 1 else f"; {_listed([one.name for one in better[1:]])} {'beats' if len(better) == 2 else 'beat'} it too"
        return (
            f"Beaten by {by.name}: its dev {error} is {_error(by.error, error_name)}, {_range(by, error_name, sign=-1)} lower than that of "
            f"the old winner, {winner.name} ({_error(winner.error, error_name)}){more}"
        )
    if not others:
        return f"Still best: {has}, and all others diverged"
    if verdict is Verdict.STILL_BEST:
        return f"Still best: {has}, and the next, {others[0].name}, is {_range(others[0], error_name)} worse"
    near = tied[0]
    than = f"{_range(near, error_name)} worse" if (near.difference or 0.0) >= 0 else f"{_range(near, error_name, sign=-1)} better"
    if len(tied) == 1:
        return f"No longer distinguishable: {has}, and {near.name} is {than}, which may be luck of seeds and rows"
    return (
        f"No longer distinguishable: {has}, and {_listed([one.name for one in tied])} cannot be told from it; the best of them, "
        f"{near.name}, is {than}"
    )


def _order(tau: tuple[float, float, float], count: int) -> str:
    value, low, high = tau
    told = f"Kendall's tau {value:.2f}, 95 % interval {low:.2f} to {high:.2f}"
    if low > 0:
        how = "agrees with the study's"
    elif high < 0:
        how = "is turned round against the study's"
    else:
        how = "does not clearly agree with the study's"
    return f"The new order of the {count} candidates that the study knows {how} ({told})"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _error(value: float | None, error_name: str) -> str:
    assert value is not None, "only candidates that trained are told of"
    return f"{100 * value:.2f} %" if error_name == "error rate" else f"{value:.4g}"


def _range(standing: Standing, error_name: str, *, sign: int = 1) -> str:
    """`0.42 points (0.12 to 0.72)`."""
    ends = sorted(sign * (end or 0.0) for end in (standing.difference_low, standing.difference_high))
    value = sign * (standing.difference or 0.0)
    if error_name == "error rate":
        return f"{100 * value:.2f} points ({100 * ends[0]:.2f} to {100 * ends[1]:.2f})"
    return f"{value:.4g} ({ends[0]:.4g} to {ends[1]:.4g})"
