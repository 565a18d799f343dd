"""What the default search costs where there is nothing to find: errors that do not depend on the configuration.

    python benchmarks/search_flat.py --seeds 1200

Every configuration has a level of its own, uniform on 0 .. 1, that its errors fall to. The default search against the same with Sobol
points alone, other seeds: the mean of the lowest error seen, their ratio and its 95 % interval. 1 is no loss.
"""

import argparse
import math
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from search_replay import run_search
from search_tables import Table

from osetra.core.ports import Job
from osetra.core.records import Configuration
from osetra.search.waves import Waves
from osetra.space import Space, linear


class Flat(Table):
    name, family, steps = "flat", "flat", 50
    best, start = 0.0, 1.0
    space = Space({f"x{index}": linear(0, 1) for index in range(6)})

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._levels: dict[tuple[object, ...], float] = {}

    def errors(self, configuration: Configuration, start: int, until: int) -> np.ndarray:
        level = self._levels.setdefault(tuple(configuration.values()), self._generator.random())
        return level + np.exp(-np.arange(start + 1, until + 1) / 5)


class Spread(Waves):
    """Never zooms."""

    def ask(self) -> Job | None:
        self._sampler.explore = 2.0
        return super().ask()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1200)
    parser.add_argument("--budget", type=int, nargs="+", default=[300, 1000])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 8])
    arguments = parser.parse_args()
    print("| budget | jobs | default | Sobol points alone | ratio |\n|---:|---:|---:|---:|---:|")
    for budget in arguments.budget:
        for jobs in arguments.jobs:
            found = lowest(Waves, range(arguments.seeds), budget, jobs)
            spread = lowest(Spread, range(arguments.seeds, 2 * arguments.seeds), budget, jobs)
            ratio = found.mean() / spread.mean()
            error = ratio * math.hypot(*(values.std() / values.mean() / math.sqrt(len(values)) for values in (found, spread)))
            print(f"| {budget} | {jobs} | {found.mean():.4f} | {spread.mean():.4f} | {ratio:.3f} +- {1.96 * error:.3f} |", flush=True)


def lowest(kind: type[Waves], seeds: range, budget: int, jobs: int) -> np.ndarray:
    """The lowest error seen, for each seed."""
    return np.array(
        [
            run_search(lambda seed=seed: kind(Flat.space, seed=seed, last=Flat.steps, budget=budget), Flat(seed), budget, jobs=jobs).regret
            for seed in seeds
        ]
    )


if __name__ == "__main__":
    main()
