"""How good a value is that a search finds where a trial has one value, as an objective of `osetra.optimize` without epochs.

    python benchmarks/objective_search.py --data FOLDER --seeds 10 --out objective_search.json

Test functions of known minimum (numbers; numbers, whole numbers and choices; with noise), and, with --data, the final errors of LCBench's
networks by its surrogate and of TaskSet. A regret is 0 at the minimum and 1 at the median of random points; of a noisy function it is that
of the true value. One trial at a time, or --jobs at once. Optuna's samplers and SMAC are left out where they are not installed.
"""

import argparse
import importlib.util
import json
import logging
import math
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# One thread: the matrices are small, and threads in each other's way cost tenfold.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from peers.search_peers import never
from search_tables import Table, load

from osetra.core.records import Configuration
from osetra.space import Space, choice, integer, linear, log, when
from osetra.space.counted import Counted
from osetra.study.strategy import make_sampler

OURS = ("zoom", "coarse_to_fine", "sobol", "random")
OPTUNA = {"Optuna TPE": "TPESampler", "Optuna GP": "GPSampler"}
FAMILIES = ("lcbench", "taskset", "mit")
SAMPLE = 2_000
FLAT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """value: what is to fall. noise: the deviation of what a method is told. low, high: regret 0 and 1."""

    name: str
    space: Space
    value: Callable[[Configuration], float]
    noise: float = 0.0
    low: float = 0.0
    high: float = 1.0

    def regret(self, value: float) -> float:
        return max(0.0, (value - self.low) / (self.high - self.low))


def branin(x: np.ndarray) -> float:
    a, b = 15 * x[0] - 5, 15 * x[1]
    squared = (b - 5.1 * a * a / (4 * math.pi**2) + 5 * a / math.pi - 6) ** 2
    return float(squared + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10 - 0.397887)


HEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
STEEP = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
CENTRES = 1e-4 * np.array(
    [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650],
     [4047, 8828, 8732, 5743, 1091, 381]]
)  # fmt: skip


def hartmann(x: np.ndarray) -> float:
    return 3.32237 - float(HEIGHTS @ np.exp(-(STEEP * (x - CENTRES) ** 2).sum(axis=1)))


def rosenbrock(x: np.ndarray) -> float:
    y = 4 * x - 2
    return float((100 * (y[1:] - y[:-1] ** 2) ** 2 + (1 - y[:-1]) ** 2).sum())


def ackley(x: np.ndarray) -> float:
    y = 10 * (x - 0.3)
    return float(-20 * math.exp(-0.2 * math.sqrt((y * y).mean())) - math.exp(np.cos(2 * np.pi * y).mean()) + 20 + math.e)


def rastrigin(x: np.ndarray) -> float:
    y = 4 * (x - 0.6)
    return float((y * y - 3 * np.cos(2 * np.pi * y) + 3).sum())


def sphere(x: np.ndarray) -> float:
    return float(((x - 0.37) ** 2).sum())


def mixed(configuration: Configuration) -> float:
    """A learning rate, a choice that shifts the best of it, units, and a momentum that exists beside one choice only."""
    off = {"adam": 0.0, "sgd": 1.0, "rmsprop": 0.3}[str(configuration["optimizer"])]
    rate = math.log10(float(configuration["learning_rate"])) + 3 - off
    momentum = (float(configuration["momentum"]) - 0.9) * 3 if "momentum" in configuration else 0.0
    return 0.3 * off * (1 - off) + rate * rate + momentum**2 + ((int(configuration["units"]) - 40) / 30) ** 2


def functions() -> Iterator[Objective]:
    cubes = {"Branin": (branin, 2), "Hartmann": (hartmann, 6), "Rosenbrock": (rosenbrock, 4), "Ackley": (ackley, 5),
             "Rastrigin": (rastrigin, 3), "sphere": (sphere, 8)}  # fmt: skip
    for name, (value, d) in cubes.items():
        space = Space({f"x{axis}": linear(0.0, 1.0) for axis in range(d)})
        yield Objective(name=f"{name} {d}", space=space, value=partial(_at, value, d))
    space = Space({f"x{axis}": linear(0.0, 1.0) for axis in range(6)})
    yield Objective(name="Hartmann 6, noise 0.2", space=space, value=partial(_at, hartmann, 6), noise=0.2)
    scales = {"learning_rate": log(1e-5, 1.0), "units": integer(4, 128), "optimizer": choice("adam", "sgd", "rmsprop"),
              "momentum": when(linear(0.0, 0.99), optimizer="sgd")}  # fmt: skip
    yield Objective(name="mixed 4", space=Space(scales), value=mixed)


def _at(value: Callable[[np.ndarray], float], d: int, configuration: Configuration) -> float:
    return value(np.array([configuration[f"x{axis}"] for axis in range(d)]))


def of_table(table: Table) -> Objective:
    def value(configuration: Configuration) -> float:
        error = float(table.errors(configuration, table.steps - 1, table.steps)[0])
        return math.inf if math.isnan(error) else error

    return Objective(name=f"{table.family} {table.name}", space=table.space, value=value, low=table.best)


def scaled(objective: Objective) -> Objective:
    """With the regret of random points in the middle as 1."""
    generator = np.random.default_rng(0)
    drawn = [objective.value(objective.space.decode(objective.space.draw(generator))) for _ in range(SAMPLE)]
    high = float(np.median(drawn))
    return Objective(
        name=objective.name, space=objective.space, value=objective.value, noise=objective.noise, low=objective.low, high=high
    )  # fmt: skip


class Told:
    """What a method is told of an objective, and the true values of what it tried."""

    def __init__(self, objective: Objective, seed: int) -> None:
        self._objective, self._generator = objective, np.random.default_rng([seed, 1])
        self.values: list[float] = []

    def __call__(self, configuration: Configuration) -> float:
        value = self._objective.value(configuration)
        self.values.append(value)
        return value + self._objective.noise * float(self._generator.standard_normal())


def run(method: str, objective: Objective, trials: int, seed: int, jobs: int) -> tuple[list[float], float]:
    """Regret of the best value tried after each trial, and seconds of the method's own code."""
    told, began = Told(objective, seed), time.perf_counter()
    if method in OURS:
        _ours(method, objective.space, told, trials, seed, jobs)
    elif method in OPTUNA:
        _optuna(method, objective.space, told, trials, seed, jobs)
    else:
        _smac(objective.space, told, trials, seed)
    seconds = time.perf_counter() - began
    return [objective.regret(float(value)) for value in np.minimum.accumulate(told.values)], seconds


def _ours(method: str, space: Space, told: Told, trials: int, seed: int, jobs: int) -> None:
    sampler = make_sampler(method, space, seed=seed, first=None)
    out: list[tuple[int, Configuration]] = []
    for number in range(trials + jobs - 1):
        if number < trials:
            configuration = sampler.propose(number)
            assert configuration is not None, "a space of floats is never used up"
            out.append((number, configuration))
        if len(out) == jobs or number >= trials:
            which, configuration = out.pop(0)
            sampler.observe(which, 1, told(configuration))


def _optuna(method: str, space: Space, told: Told, trials: int, seed: int, jobs: int) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    more = {"constant_liar": True} if jobs > 1 and OPTUNA[method] == "TPESampler" else {}
    study = optuna.create_study(sampler=getattr(optuna.samplers, OPTUNA[method])(seed=seed, **more))
    out: list[Any] = []
    for number in range(trials + jobs - 1):
        if number < trials:
            trial = study.ask()
            out.append((trial, space.build(partial(_suggested, trial, space))))
        if len(out) == jobs or number >= trials:
            trial, configuration = out.pop(0)
            study.tell(trial, told(configuration))


def _suggested(trial: Any, space: Space, name: str) -> Any:
    """Each scale as Optuna knows it: floats and whole numbers, on a log axis where ours is one, else unit coordinates; categories."""
    scale = space.scales[name]
    if isinstance(scale, Counted):
        low, high = scale.at(0), scale.at(scale.size - 1)
        return trial.suggest_int(name, low, high) if scale.is_ordered else trial.suggest_categorical(name, list(scale.arguments))
    return scale.decode(trial.suggest_float(name, 0.0, 1.0))


def _smac(space: Space, told: Told, trials: int, seed: int) -> None:
    """`BlackBoxFacade` (a Gaussian process and expected improvement) where all are numbers, else `HyperparameterOptimizationFacade`."""
    import tempfile

    from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer
    from smac import BlackBoxFacade, HyperparameterOptimizationFacade, Scenario
    from smac.runhistory.dataclasses import TrialValue

    logging.disable(logging.CRITICAL)
    given = ConfigurationSpace(seed=seed)
    for name, scale in space.scales.items():
        if not isinstance(scale, Counted):
            given.add(Float(name, (0.0, 1.0)))
        elif scale.is_ordered:
            given.add(Integer(name, (scale.at(0), scale.at(scale.size - 1))))
        else:
            given.add(Categorical(name, list(scale.arguments)))
    for name, needed in space.conditions.items():
        for parent, values in needed.items():
            (value,) = values
            given.add(EqualsCondition(given[name], given[parent], value))
    facade = BlackBoxFacade if all(not isinstance(scale, Counted) for scale in space.scales.values()) else HyperparameterOptimizationFacade
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scenario = Scenario(given, n_trials=trials, deterministic=True, seed=seed, output_directory=Path(folder))
        search = facade(scenario, never, overwrite=True, logging_level=False)
        for _ in range(trials):
            info = search.ask()
            asked = dict(info.config)
            configuration = space.build(lambda name, asked=asked: _from_smac(space, name, asked))
            search.tell(info, TrialValue(cost=told(configuration)))


def _from_smac(space: Space, name: str, asked: dict[str, Any]) -> Any:
    scale, value = space.scales[name], asked[name]
    if not isinstance(scale, Counted):
        return scale.decode(float(value))
    return int(value) if scale.is_ordered else str(value)


def report(rows: Sequence[dict[str, Any]], methods: Sequence[str], marks: Sequence[int]) -> str:
    """Markdown: median regrets over the seeds, of a family of tables their mean, and mean ranks of all objectives."""
    lines = []
    objectives = list(dict.fromkeys(row["objective"] for row in rows))
    families: dict[str, list[str]] = {}
    for name in objectives:
        family = next((family for family in FAMILIES if name.startswith(family)), name)
        families.setdefault(family, []).append(name)
    for mark in marks:
        known = {(row["objective"], row["method"]): float(np.median(row["regrets"][str(mark)])) for row in rows}
        values = {name: np.array([known[name, method] for method in methods]) for name in objectives}
        lines += ["", f"### After {mark} trials", "", "| objective | " + " | ".join(methods) + " |", "|---|" + "---:|" * len(methods)]
        for family, names in families.items():
            said = f"{family}, mean of {len(names)}" if len(names) > 1 else family
            lines.append(f"| {said} | " + " | ".join(f"{value:.2g}" for value in np.mean([values[name] for name in names], axis=0)) + " |")
        ranks = [(values[name][:, None] - values[name] > FLAT).sum(axis=1) + 1 for name in objectives]
        lines.append("| mean rank | " + " | ".join(f"{value:.1f}" for value in np.mean(ranks, axis=0)) + " |")
    each = [float(np.mean([row["ms"] for row in rows if row["method"] == method])) for method in methods]
    lines += ["", "Milliseconds a trial: " + ", ".join(f"{method} {ms:.1f}" for method, ms in zip(methods, each, strict=True)) + "."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of tables as in search_quality.py; without it only functions")
    parser.add_argument("--tasks", nargs="+", default=("lcbench", "taskset"))
    parser.add_argument("--methods", nargs="+", default=[*OURS, *OPTUNA, "SMAC3"])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--marks", nargs="+", type=int, default=[30, 100])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    needs = {**dict.fromkeys(OPTUNA, "optuna"), "Optuna GP": "torch", "SMAC3": "smac"}
    methods = [method for method in options.methods if method not in needs or importlib.util.find_spec(needs[method])]
    for method in sorted(set(options.methods) - set(methods)):
        print(f"{method} is left out: {needs[method]} is not installed", flush=True)
    rows = []
    objectives = [*functions(), *(of_table(table) for table in load(options.data, options.tasks))] if options.data else list(functions())
    for objective in map(scaled, objectives):
        for method in methods:
            found = [
                run(method, objective, options.trials, seed, options.jobs)
                for seed in range(options.first_seed, options.first_seed + options.seeds)
            ]
            ms = 1e3 * float(np.mean([seconds for _, seconds in found])) / options.trials
            regrets = {str(mark): [float(f"{run[mark - 1]:.4g}") for run, _ in found] for mark in options.marks}
            rows.append({"objective": objective.name, "method": method, "ms": round(ms, 2), "regrets": regrets})
            at = "  ".join(f"{mark}: {np.median(of_seeds):.3g}" for mark, of_seeds in regrets.items())
            print(f"{objective.name:28s} {method:26s} {at}  {ms:.1f} ms", flush=True)
    print(report(rows, methods, options.marks))
    if options.out:
        versions = {}
        for name in ("numpy", "scipy", "optuna", "torch", "smac"):
            try:
                versions[name] = version(name)
            except PackageNotFoundError:
                continue
        told = {"versions": {"python": platform.python_version(), **versions}, "jobs": options.jobs, "rows": rows}
        options.out.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
