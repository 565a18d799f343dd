"""What a decision costs as a search grows: the time of one ask and one tell of the default search.

    python benchmarks/search_decision.py --trials 100000 --out search_decision.json

Twenty hyperparameters, 50 epochs a full training, eight jobs out; errors are drawn at random. The mean includes everything that is done
once in a while, such as fitting the surface; the slowest single call is given too.
"""

import argparse
import json
import os
import time
from collections import deque
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from osetra.core.records import TrialState
from osetra.search.waves import Waves
from osetra.space import Space, linear, log

LAST = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--names", type=int, default=20)
    parser.add_argument("--out", type=Path, help="write the figures to this file, as JSON")
    arguments = parser.parse_args()
    space = Space({f"x{i}": log(1e-4, 1.0) if i % 2 else linear(0.0, 1.0) for i in range(arguments.names)})
    # Begun trials cost about 8 epochs each, promotions included.
    search = Waves(space, seed=0, last=LAST, budget=12 * arguments.trials)
    generator = np.random.default_rng(0)
    out: deque = deque()
    calls: list[float] = []
    begun = 0
    while begun < arguments.trials:
        start = time.perf_counter()
        job = search.ask() if len(out) < 8 else None
        if job is not None:
            calls.append(time.perf_counter() - start)
            begun = max(begun, job.trial + 1)
            out.append(job)
            continue
        if not out:
            break
        job = out.popleft()
        values = generator.random(job.until - job.start).tolist()
        state = TrialState.FINISHED if job.until == LAST else TrialState.PAUSED
        start = time.perf_counter()
        search.tell(job, values, state)
        calls.append(time.perf_counter() - start)
    last = np.array(calls[-20_000:])
    result = {
        "trials": begun,
        "calls": len(calls),
        "mean ms": 1e3 * float(np.mean(calls)),
        "mean ms of the last 20,000": 1e3 * float(last.mean()),
        "median ms of the last 20,000": 1e3 * float(np.median(last)),
        "99 % ms of the last 20,000": 1e3 * float(np.quantile(last, 0.99)),
        "slowest ms": 1e3 * max(calls),
        "total s": sum(calls),
    }
    for name, value in result.items():
        print(f"{name:32} {value:,.3f}" if isinstance(value, float) else f"{name:32} {value:,}")
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
