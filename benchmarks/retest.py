"""How often a re-test of real trainings comes to the right verdict, where the truth was planted.

A small study is fitted once; then its trials are given configurations whose true errors are known to differ, or not to:

    best       the recorded winner learns well, its rivals and fresh ones hardly do
    alike      one rival has the winner's configuration but for 60 rows a mini-batch instead of 64, so that its batches are others and its
               error hardly is
    beaten     the recorded winner hardly learns, and a rival does

In each case new rows are drawn and `Study.retest` is called on them: rows, split, seeds and fresh configurations are all others each time.
The true error of either configuration is measured besides, on many rows with many seeds.

    python benchmarks/retest.py --cases 100 --out retest.json
"""

import argparse
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import osetra
from osetra.core.records import TrialState
from osetra.study.beginning import Silence
from osetra.study.retest import read_for_retest
from osetra.study.retraining import train_all

RIGHT = {"best": "still best", "alike": "no longer distinguishable", "beaten": "beaten"}
GOOD: dict[str, Any] = {"learning_rate": 0.01, "hidden_units": 16}
POOR: dict[str, Any] = {"learning_rate": 0.002, "hidden_units": 16}
ALIKE: dict[str, Any] = {**GOOD, "batch_size": 60}
EPOCHS = 10


def rows(count: int, seed: int) -> pd.DataFrame:
    """Two classes with a curved border, one label in twelve wrong."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(count, 6))
    label = (X[:, 0] * X[:, 1] + X[:, 2] > 0) ^ (generator.random(count) < 1 / 12)
    return pd.DataFrame(X, columns=list("abcdef")).assign(label=np.where(label, "yes", "no"))


def planted(kind: str, count: int) -> osetra.Study:
    """A study whose winner is trial 0, its rivals trials 1 to 3; what fresh configurations can be is poor."""
    space = {"learning_rate": osetra.log(1e-5, 5e-4), "hidden_units": osetra.choice(2, 4, 8), "num_layers": 1, "batch_size": 64}
    study = osetra.fit(rows(count, 0), "label", trials=4, epochs_per_trial=EPOCHS, space=space, patience=0)
    winner = POOR if kind == "beaten" else GOOD
    first = {"best": POOR, "alike": ALIKE, "beaten": GOOD}[kind]
    poorer = [{**POOR, "learning_rate": POOR["learning_rate"] / factor} for factor in (2, 4)]
    trials = [study.store.trial(study.name, number) for number in range(4)]
    changed = [
        replace(trial, configuration={**trial.configuration, **of}, dev_error=0.1 + 0.01 * trial.number, state=TrialState.FINISHED)
        for trial, of in zip(trials, (winner, first, *poorer), strict=True)
    ]
    study.store.record(study.name, trials=changed)
    study.record = replace(study.record, facts={**study.facts, "best": 0})
    return study


def true_errors(study: osetra.Study) -> dict[str, float]:
    """Of the winner and its first rival, over 10 seeds and draws of the rows, 4,000 each to measure on; as many train as in each case."""
    found: dict[str, list[float]] = {"winner": [], "rival": []}
    train = study.facts["split"]["sizes"][0]
    for seed in range(10):
        table = rows(train + 4_000, 10_000 + seed)
        study.record = replace(study.record, facts={**study.facts, "asked": {**study.facts["asked"], "sizes": [train, 4_000, 0]}})
        prepared, _ = read_for_retest(study, table, seed=seed)
        trained = train_all(study, prepared, [study.trial(n).configuration for n in (0, 1)], seeds=1, key=seed, progress=Silence())
        for name, [one] in zip(found, trained, strict=True):
            assert one.errors is not None
            found[name].append(float(one.errors.mean()))
    return {name: float(np.mean(errors)) for name, errors in found.items()}


def measure(kind: str, *, cases: int, count: int) -> dict[str, Any]:
    """Verdicts of so many cases."""
    study = planted(kind, count)
    facts = study.record.facts
    began, verdicts, by = time.monotonic(), Counter(), Counter()
    for case in range(cases):
        study.record = replace(study.record, facts=facts)
        found = study.retest(rows(count, 1 + case), fresh=2, seed=case)
        verdicts[str(found.verdict)] += 1
        by[found.best.name] += 1
    seconds = (time.monotonic() - began) / cases
    study.record = replace(study.record, facts=facts)
    return {
        "kind": kind,
        "cases": cases,
        "right": verdicts[RIGHT[kind]],
        "verdicts": dict(verdicts),
        "best": dict(by),
        "seconds_each": seconds,
        "true": true_errors(study),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=100, help="of each kind")
    options.add_argument("--rows", type=int, default=5_000)
    options.add_argument("--kinds", nargs="+", default=list(RIGHT), choices=list(RIGHT))
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    results = []
    for kind in given.kinds:
        results.append(measure(kind, cases=given.cases, count=given.rows))
        one = results[-1]
        true = ", ".join(f"{name} {100 * error:.1f} %" for name, error in one["true"].items())
        right = f"{one['right']:>3} of {one['cases']} right   {one['verdicts']}"
        print(f"{kind:<7} {right}   true errors: {true}   {one['seconds_each']:.2f} s each")
    if given.out:
        given.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
