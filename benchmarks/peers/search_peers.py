"""Searchers of other libraries, and textbook ones of our own, each on a `Replay`.

Set up as their documentation recommends: eta 3, fidelities from 1 step (DEHB, SMAC: R / 27) to R, defaults elsewhere.
All see the unit cube, which says as much as log scales do, and all go on from where a configuration's training ended, as ours do. A value
that is not a number is told as the error that half of all trials have after their first step, and no worse is told of any: kind to
surfaces fitted to values, nothing to those that rank.
"""

import logging
import math
import warnings
from typing import Any

import numpy as np
from search_replay import BudgetSpent, Replay

from osetra.core.records import Configuration
from osetra.search.ladder import Climbers
from osetra.search.random import RandomSampler
from osetra.search.schedulers import Hyperband


class Trainer:
    """Trains configurations given as points of the unit cube; the same point goes on from where it was."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._numbers: dict[tuple[float, ...], int] = {}
        self._best: dict[int, float] = {}

    def error(self, point: np.ndarray, until: int) -> float:
        """The best error within `until` steps. Raises BudgetSpent where no step is left to pay for it."""
        number = self._numbers.setdefault(tuple(np.asarray(point, dtype=float).tolist()), len(self._numbers))
        if self._replay.trials.get(number, 0) < until and number not in self._replay.ended and not self._replay.left:
            raise BudgetSpent
        values = self._replay.train(number, self._replay.table.space.decode(np.clip(point, 0, 1)), until)
        ceiling = self._replay.table.start
        best = min([self._best.get(number, math.inf), *values[~np.isnan(values)].tolist()])
        self._best[number] = best
        return ceiling if number in self._replay.ended else min(best, ceiling)


def optuna_tpe_hyperband(replay: Replay, seed: int) -> None:
    """`TPESampler(multivariate=True)` with `HyperbandPruner(1, R, 3)`, the two used together in Optuna's own guide."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    table = replay.table
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=table.steps, reduction_factor=3),
    )
    number = 0
    while replay.left:
        trial = study.ask()
        configuration = table.space.decode([trial.suggest_float(name, 0.0, 1.0) for name in table.space.names])
        best, state = table.start, optuna.trial.TrialState.COMPLETE
        for step in range(1, table.steps + 1):
            values = replay.train(number, configuration, step)
            if not len(values) or np.isnan(values[-1]):
                state = optuna.trial.TrialState.PRUNED
                break
            best = min(best, float(values[-1]))
            trial.report(best, step)
            if trial.should_prune():
                state = optuna.trial.TrialState.PRUNED
                break
        study.tell(trial, best if state == optuna.trial.TrialState.COMPLETE else None, state=state)
        number += 1


def dehb(replay: Replay, seed: int) -> None:
    """`DEHB` by ask and tell with its defaults: rand1_bin, mutation 0.5, crossover 0.5, eta 3."""
    import tempfile

    from dehb import DEHB
    from loguru import logger

    logger.remove()
    trainer = Trainer(replay)
    with tempfile.TemporaryDirectory() as folder:
        search = DEHB(
            f=None,
            dimensions=len(replay.table.space.names),
            cs=None,
            configspace=False,
            min_fidelity=max(1, replay.table.steps / 27),
            max_fidelity=replay.table.steps,
            eta=3,
            n_workers=1,
            seed=seed,
            output_path=folder,
            save_freq=None,
        )
        while True:
            job: Any = search.ask()
            try:
                error = trainer.error(np.asarray(job["config"]), max(1, round(job["fidelity"])))
            except BudgetSpent:
                return
            search.tell(job, {"fitness": error, "cost": job["fidelity"]})


def smac(replay: Replay, seed: int) -> None:
    """`MultiFidelityFacade` by ask and tell: random forest, Hyperband of eta 3."""
    import tempfile
    from pathlib import Path

    from ConfigSpace import ConfigurationSpace, Float
    from smac import MultiFidelityFacade, Scenario
    from smac.runhistory.dataclasses import TrialValue

    logging.disable(logging.CRITICAL)
    trainer = Trainer(replay)
    names = replay.table.space.names
    space = ConfigurationSpace(seed=seed)
    space.add([Float(name, (0.0, 1.0)) for name in names])
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(
            space,
            output_directory=Path(folder),
            deterministic=True,
            n_trials=100_000,
            min_budget=max(1.0, replay.table.steps / 27),
            max_budget=replay.table.steps,
            seed=seed,
        )
        design = MultiFidelityFacade.get_initial_design(scenario, n_configs=5)
        search = MultiFidelityFacade(scenario, never, initial_design=design, logging_level=False, overwrite=True)
        while True:
            info = search.ask()
            point = np.array([info.config[name] for name in names])
            try:
                error = trainer.error(point, max(1, round(info.budget or replay.table.steps)))
            except BudgetSpent:
                return
            search.tell(info, TrialValue(cost=error), save=False)


def never(config: Any, seed: int = 0, budget: float = 0.0) -> float:  # noqa: ARG001 -- SMAC asks for these names
    raise AssertionError("asked and told, never called")


class DensitySampler:
    """BOHB's sampler (Falkner et al. 2018, arXiv:1807.01774, Algorithm 2), our own: the library needs a server of its own.

    On the highest epoch with d + 2 results and more: a density of the best 15 % and one of the rest, 64 samples of the first widened by
    3, the one with the best ratio; one in three at random.
    """

    def __init__(self, table: Any, *, seed: int) -> None:
        self._space, self._seed = table.space, seed
        self._generator = np.random.default_rng(seed)
        self._random = RandomSampler(table.space, seed=seed)
        self._points: list[np.ndarray] = []
        self._seen: dict[int, dict[int, float]] = {}

    def propose(self, number: int) -> Configuration | None:
        d = len(self._space.names)
        epochs = [epoch for epoch, seen in self._seen.items() if len(seen) >= d + 3]
        random = self._random.propose(number)
        if not epochs or random is None or self._generator.random() < 1 / 3:
            configuration = random
        else:
            configuration = self._space.decode(self._model_based(self._seen[max(epochs)], d))
        if configuration is not None:
            self._points.append(self._space.encode(configuration))
        return configuration

    def observe(self, number: int, epoch: int, value: float) -> None:
        self._seen.setdefault(epoch, {})[number] = math.inf if math.isnan(value) else value

    def _model_based(self, seen: dict[int, float], d: int) -> np.ndarray:
        order = sorted(seen, key=lambda number: (seen[number], number))
        count = max(d + 1, round(0.15 * len(order)))
        good, rest = (
            np.array([self._points[number] for number in part]) for part in (order[:count], order[-max(d + 1, len(order) - count) :])
        )
        width_good, width_rest = (np.maximum(1.06 * part.std(axis=0) * len(part) ** (-1 / (4 + d)), 1e-3) for part in (good, rest))
        centres = good[self._generator.integers(len(good), size=64)]
        drawn = np.clip(centres + 3 * width_good * self._generator.standard_normal(centres.shape), 0, 1)
        ratio = _log_density(drawn, good, width_good) - _log_density(drawn, rest, width_rest)
        return drawn[int(np.argmax(ratio))]


def _log_density(points: np.ndarray, centres: np.ndarray, width: np.ndarray) -> np.ndarray:
    z = ((points[:, None, :] - centres) / width) ** 2
    exponent = -0.5 * z.sum(axis=2)
    top = exponent.max(axis=1)
    return top + np.log(np.exp(exponent - top[:, None]).mean(axis=1)) - np.log(width).sum()


def bohb(table: Any, budget: int, seed: int) -> Hyperband:
    """Hyperband over `DensitySampler`."""
    return Hyperband(DensitySampler(table, seed=seed), last=table.steps, eta=3, budget=budget)


class OneEpochTopThree:
    """All by one epoch, then the best three to the end, as far as the budget goes."""

    def __init__(self, sampler: Any, *, last: int, budget: int) -> None:
        self._climbers = Climbers(sampler, budget=budget)
        self._last, self._first = last, max(3, budget - 3 * (last - 1))
        self._best: list[int] | None = None

    def ask(self) -> Any:
        if len(self._climbers.all) < self._first and self._best is None:
            job = self._climbers.begin(1)
            if job is not None:
                return job
        if self._best is None:
            able = sorted((climber.best, climber.number) for climber in self._climbers.all if not climber.is_over)
            self._best = [number for _, number in able[:3]]
        return self._climbers.resume(self._best.pop(0), self._last) if self._best else None

    def tell(self, job: Any, values: Any, state: Any) -> None:
        self._climbers.take(job, values, state)
