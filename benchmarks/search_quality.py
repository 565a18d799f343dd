"""B3: how good what a search finds is, for the epochs it may spend, on tables of measured learning curves.

    python benchmarks/search_quality.py --data FOLDER --seeds 30 --budget 300 1000 --out search_quality.json

Every method is a `Search` or a library's own loop and pays for what it trains from the same table; the incumbent is the best value seen,
its regret 0 at the best final value of the table (of a surrogate: the best known) and 1 at the median after the first step. Runs are
paired by seed. `random x2` alone has twice the budget. Needs onnxruntime for LCBench and each library for its method: README.md.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# One thread: the matrices are small, and threads in each other's way cost tenfold.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from peers import search_peers as peers
from search_replay import Replay, Run, run_search
from search_tables import Table, load

from osetra.search.random import RandomSampler
from osetra.search.schedulers import Asha, Hyperband, Plain, SuccessiveHalving
from osetra.search.waves import Waves

Make = Callable[[Table, int, int], Any]
OURS = "osetra waves"
TWICE = "random x2"


def sampler(table: Table, seed: int) -> RandomSampler:
    return RandomSampler(table.space, seed=seed)


def waves(table: Table, budget: int, seed: int) -> Waves:
    """The default configuration is the middle of the space."""
    middle = table.space.decode(np.full(len(table.space.names), 0.5))
    return Waves(table.space, seed=seed, last=table.steps, budget=budget, first=middle)


SEARCHES: dict[str, Make] = {
    "random": lambda table, budget, seed: Plain(sampler(table, seed), last=table.steps, budget=budget),
    TWICE: lambda table, budget, seed: Plain(sampler(table, seed), last=table.steps, budget=budget),
    "1 epoch, top 3": lambda table, budget, seed: peers.OneEpochTopThree(sampler(table, seed), last=table.steps, budget=budget),
    "halving, eta 3": lambda table, budget, seed: SuccessiveHalving(sampler(table, seed), last=table.steps, eta=3, budget=budget),
    "halving, eta 4": lambda table, budget, seed: SuccessiveHalving(sampler(table, seed), last=table.steps, eta=4, budget=budget),
    "Hyperband": lambda table, budget, seed: Hyperband(sampler(table, seed), last=table.steps, budget=budget),
    "ASHA": lambda table, budget, seed: Asha(sampler(table, seed), last=table.steps, eta=4, budget=budget),
    "ASHA, eta 3": lambda table, budget, seed: Asha(sampler(table, seed), last=table.steps, eta=3, budget=budget),
    "BOHB": peers.bohb,
    OURS: waves,
}
LIBRARIES: dict[str, Callable[[Replay, int], None]] = {
    "Optuna TPE + Hyperband": peers.optuna_tpe_hyperband,
    "DEHB": peers.dehb,
    "SMAC3": peers.smac,
}


def run(method: str, table: Table, budget: int, seed: int, jobs: int) -> Run:
    budget *= 2 if method == TWICE else 1
    if method in SEARCHES:
        return run_search(lambda: SEARCHES[method](table, budget, seed), table, budget, jobs=jobs)
    replay = Replay(table, budget)
    began = time.perf_counter()
    LIBRARIES[method](replay, seed)
    return Run(regret=replay.regret, seconds=time.perf_counter() - began, decisions=2 * max(1, len(replay.trials)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of tables")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first-seed", type=int, default=0, help="other seeds than those that choices were made on")
    parser.add_argument("--budget", type=int, nargs="+", default=[300, 1000])
    parser.add_argument("--tasks", nargs="+", default=[], help="parts of names of tasks or families; all by default")
    parser.add_argument("--methods", nargs="+", help="all by default", choices=[*SEARCHES, *LIBRARIES])
    parser.add_argument("--jobs", type=int, default=1, help="stretches out at once, of the searches that allow several")
    parser.add_argument("--out", type=Path, help="write the figures to this file, as JSON")
    arguments = parser.parse_args()
    methods = available(arguments.methods or [*SEARCHES, *LIBRARIES])
    rows = []
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for table in load(arguments.data, arguments.tasks):
        for budget in arguments.budget:
            for method in methods:
                runs = [run(method, table, budget, seed, arguments.jobs) for seed in seeds]
                ms = 1e3 * sum(one.seconds for one in runs) / sum(one.decisions for one in runs)
                regrets = [round(one.regret, 5) for one in runs]
                rows.append({"family": table.family, "task": table.name, "budget": budget, "method": method, "regrets": regrets, "ms": ms})
            print(f"{table.family} {table.name}, {budget}", file=sys.stderr, flush=True)
        table.forget()
    if not rows:
        raise SystemExit(
            f"no table was found in {arguments.data}; give a folder with TaskSet, LCBench or MIT files, see benchmarks/README.md"
        )
    for budget in arguments.budget:
        show([row for row in rows if row["budget"] == budget], methods, budget, arguments.seeds)
    if arguments.out:
        facts = {"machine": platform.processor() or platform.machine(), "python": platform.python_version(), "seeds": arguments.seeds}
        facts["versions"] = {name: installed(name) for name in ("numpy", "scipy", "onnxruntime", "optuna", "dehb", "smac")}
        lines = ",\n".join(json.dumps({**row, "ms": round(row["ms"], 3)}) for row in rows)
        arguments.out.write_text(json.dumps(facts)[:-1] + ', "rows": [\n' + lines + "\n]}\n")


def available(methods: Sequence[str]) -> list[str]:
    needs = {"Optuna TPE + Hyperband": "optuna", "DEHB": "dehb", "SMAC3": "smac"}
    missing = [method for method in methods if method in needs and installed(needs[method]) is None]
    if missing:
        print(f"not installed, left out: {', '.join(missing)}", file=sys.stderr)
    return [method for method in methods if method not in missing]


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def show(rows: Sequence[dict[str, Any]], methods: Sequence[str], budget: int, seeds: int) -> None:
    """Tables in Markdown; means over seeds, then over tasks."""
    from scipy.stats import rankdata, wilcoxon

    tasks = sorted({(row["family"], row["task"]) for row in rows})
    families = sorted({family for family, _ in tasks})
    mean = {method: np.array([_mean(rows, method, task) for task in tasks]) for method in methods}
    of = {family: np.array([task[0] == family for task in tasks]) for family in families}
    contest = [method for method in methods if method != TWICE]
    # random x2 has another budget: it is a yardstick, not a competitor.
    ranks = dict(zip(contest, rankdata(np.round([mean[method] for method in contest], 6), axis=0), strict=True))
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(tasks), size=(2000, len(tasks)))

    def interval(values: np.ndarray) -> str:
        low, high = np.quantile(values[drawn].mean(axis=1), (0.025, 0.975))
        return f"{values.mean():.3f} ({low:.3f} .. {high:.3f})"

    print(f"\n### Budget {budget}, {seeds} seeds, {len(tasks)} tasks\n")
    head = [
        "method",
        "mean regret",
        *families,
        *(f"{family} / ASHA" for family in families),
        "/ random",
        "mean rank",
        f"beats {TWICE}",
        "ms a decision",
    ]
    print(f"| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")
    for method in sorted(methods, key=lambda method: mean[method].mean()):
        cells = [method, interval(mean[method]), *(f"{mean[method][of[family]].mean():.3f}" for family in families)]
        cells += [_ratio(mean, method, "ASHA", of[family]) for family in families]
        cells += [_ratio(mean, method, "random", np.full(len(tasks), True))]
        cells += [interval(ranks[method]).replace(".000", "") if method in ranks else ""]
        cells += [f"{100 * (mean[method] < mean[TWICE]).mean():.0f} %" if TWICE in mean and method != TWICE else ""]
        cells += [f"{np.mean([row['ms'] for row in rows if row['method'] == method]):.2f}"]
        print(f"| {' | '.join(cells)} |")
    others = [method for method in contest if method != OURS]
    if OURS in mean and others and len(tasks) > 1:
        equal = [bool(np.all(mean[OURS] == mean[other])) for other in others]
        p = [1.0 if same else float(wilcoxon(mean[OURS], mean[other]).pvalue) for other, same in zip(others, equal, strict=True)]
        words = [
            f"{other} {p_:.3g} ({'ahead' if mean[OURS].mean() < mean[other].mean() else 'behind'})"
            for other, p_ in zip(others, holm(p), strict=True)
        ]
        print(f"\nWilcoxon over tasks, {OURS} against each, p after Holm: {'; '.join(words)}.")


def holm(p: Sequence[float]) -> list[float]:
    """Holm 1979: the smallest times their number, the next times one fewer .., never falling, at most 1."""
    adjusted = [0.0] * len(p)
    highest = 0.0
    for place, index in enumerate(np.argsort(p)):
        highest = max(highest, min(1.0, (len(p) - place) * p[index]))
        adjusted[index] = highest
    return adjusted


def _mean(rows: Sequence[dict[str, Any]], method: str, task: tuple[str, str]) -> float:
    return next(float(np.mean(row["regrets"])) for row in rows if row["method"] == method and (row["family"], row["task"]) == task)


def _ratio(mean: dict[str, np.ndarray], method: str, other: str, where: np.ndarray) -> str:
    return f"{mean[method][where].mean() / mean[other][where].mean():.2f}" if other in mean else ""


if __name__ == "__main__":
    main()
