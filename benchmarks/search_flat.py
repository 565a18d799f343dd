"""What the default search costs where there is nothing to find: errors that do not depend on the configuration.

    python benchmarks/search_flat.py --seeds 1200

Every trial has a final error of its own, uniform on 0 .. 1, that its curve falls to. The default search against the same with Sobol points
alone, other seeds: the mean of the best final error found, their ratio and its 95 % interval. 1 is no loss.
"""

import argparse
import math
import os
from collections import deque

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from osetra.core.records import TrialState
from osetra.search.waves import Waves
from osetra.space import Space, linear

LAST = 50
SPACE = Space({f"x{index}": linear(0, 1) for index in range(6)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1200)
    parser.add_argument("--budget", type=int, nargs="+", default=[300, 1000])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 8])
    arguments = parser.parse_args()
    print("| budget | jobs | default | Sobol points alone | ratio |\n|---:|---:|---:|---:|---:|")
    for budget in arguments.budget:
        for jobs in arguments.jobs:
            found = np.array([best_of(seed, budget, jobs, is_spread=False) for seed in range(arguments.seeds)])
            spread = np.array([best_of(seed, budget, jobs, is_spread=True) for seed in range(arguments.seeds, 2 * arguments.seeds)])
            ratio = found.mean() / spread.mean()
            error = ratio * math.hypot(*(values.std() / values.mean() / math.sqrt(len(values)) for values in (found, spread)))
            print(f"| {budget} | {jobs} | {found.mean():.4f} | {spread.mean():.4f} | {ratio:.3f} +- {1.96 * error:.3f} |", flush=True)


def best_of(seed: int, budget: int, jobs: int, *, is_spread: bool) -> float:
    """The lowest error of the last epoch; 1 if no trial came to it."""
    search = Waves(SPACE, seed=seed, last=LAST, budget=budget)
    generator = np.random.default_rng(seed)
    levels: dict[int, float] = {}
    best, out = 1.0, deque()
    while True:
        while len(out) < jobs:
            if is_spread:
                search._sampler.explore = 2.0
            job = search.ask()
            if job is None:
                break
            out.append(job)
        if not out:
            return best
        job = out.popleft()
        level = levels.setdefault(job.trial, generator.random())
        is_last = job.until == LAST
        if is_last:
            best = min(best, level)
        errors = [level + math.exp(-epoch / 5) for epoch in range(job.start + 1, job.until + 1)]
        search.tell(job, errors, TrialState.FINISHED if is_last else TrialState.PAUSED)


if __name__ == "__main__":
    main()
