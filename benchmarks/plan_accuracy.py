"""How well `osetra.plan` foresees what `osetra.fit` will do: for each table a plan, then at once a fit of the same budget.

    epochs        epochs foreseen / epochs trained
    trials        trials foreseen / trials begun
    seconds       seconds of training foreseen / seconds taken
    epoch time    seconds that the plan's cost model gives the epochs that were trained / seconds that they took: the timing alone
    course        the rest: epochs * epoch time of a budget in seconds, seconds / epoch time of any other: how costly those configurations
                  are that the search went far with
    in fit        what the short plan of the fit itself foresaw / what came: epochs of a budget in seconds, seconds of any other
    between       whether what came lies between the rehearsals

A budget in seconds is judged by epochs and trials, one in epochs by seconds and trials, one in trials by seconds and epochs.
The data are `tables/*.csv.gz` with a `meta.json` that names each table's target, and `images/fashion_mnist.npz` if asked for.

    python benchmarks/plan_accuracy.py --data FOLDER --budget 20 --seeds 4 --out plan.json
    python benchmarks/plan_accuracy.py --data FOLDER --epochs 300 --seeds 2 --out plan_epochs.json
    python benchmarks/plan_accuracy.py --data FOLDER --trials 40 --seeds 2 --out plan_trials.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import osetra

IMAGES = "fashion_mnist"
NEAR = 1.25
RATIOS = ("epochs", "trials", "seconds", "epoch_time", "course", "in_fit")


def measure(data: Path, target: str | None, *, budget: dict[str, float], probe: float, seed: int) -> dict[str, Any]:
    """One plan and one fit, and what in the one came true in the other."""
    plan = osetra.plan(data, target, probe_seconds=probe, seed=seed, **budget)  # type: ignore[arg-type]
    study = osetra.fit(data, target, seed=seed, **budget)  # type: ignore[arg-type]
    trials = [trial for trial in study.trials(limit=None) if trial.epochs]
    given = sum(plan.cost.of(trial.configuration) * trial.epochs for trial in trials)
    took = sum(trial.seconds for trial in trials)
    short, actual = study.facts["plan"]["predicted"], study.facts["plan"]["actual"]
    bound = "epochs" if "budget" in budget else "train_s"
    low, high = (getattr(plan, f"{bound}_{end}") for end in ("low", "high"))
    epochs, seconds, epoch_time = plan.epochs / actual["epochs"], plan.train_s / actual["train_s"], given / took
    return {
        "seed": seed,
        "epochs": epochs,
        "trials": plan.trials / actual["trials"],
        "seconds": seconds,
        "epoch_time": epoch_time,
        "course": epochs * epoch_time if "budget" in budget else seconds / epoch_time,
        "in_fit": short[bound] / actual[bound],
        "is_between": low <= actual[bound] <= high,
        "predicted": plan.to_dict(),
        "predicted_in_fit": short,
        "actual": actual,
    }


def sources(folder: Path, wanted: list[str]) -> dict[str, tuple[Path, str | None]]:
    """File and target of each table by name."""
    meta = json.loads((folder / "tables" / "meta.json").read_text())
    found: dict[str, tuple[Path, str | None]] = {
        name: (folder / "tables" / table["file"], table["target"]) for name, table in meta.items() if not wanted or name in wanted
    }
    if IMAGES in wanted:
        found[IMAGES] = (folder / "images" / f"{IMAGES}.npz", None)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True, help="folder with tables/ and images/")
    options.add_argument("--tables", nargs="*", default=[], help=f"only these; {IMAGES} for the images")
    bounds = options.add_mutually_exclusive_group()
    bounds.add_argument("--budget", type=float, help="seconds of each fit; 20 if no other bound is given")
    bounds.add_argument("--epochs", type=int, help="epochs of each fit")
    bounds.add_argument("--trials", type=int, help="trials of each fit")
    options.add_argument("--probe", type=float, default=5.0, help="seconds of each probe")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    named = {name: getattr(chosen, name) for name in ("budget", "epochs", "trials") if getattr(chosen, name) is not None}
    budget: dict[str, float] = named or {"budget": 20.0}
    tables = sources(chosen.data, chosen.tables)
    # What is imported and compiled on the way is no part of either.
    path, target = next(iter(tables.values()))
    osetra.fit(path, target, trials=1, epochs=1)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
    print(f"{'table':<16}{'seed':>5}" + "".join(f"{name.replace('_', ' '):>12}" for name in RATIOS) + f"{'between':>9}")
    for seed in range(chosen.seeds):
        for name, (path, target) in tables.items():
            run = measure(path, target, budget=budget, probe=chosen.probe, seed=seed)
            runs[name].append(run)
            ratios = "".join(f"{run[key]:>12.2f}" for key in RATIOS)
            print(f"{name:<16}{seed:>5}{ratios}{'yes' if run['is_between'] else 'no':>9}", flush=True)
            if chosen.out:
                chosen.out.write_text(json.dumps({"budget": budget, "probe": chosen.probe, "runs": runs}, indent=1))
    for key in RATIOS:
        ratios = np.array([run[key] for found in runs.values() for run in found])
        typical = np.array([np.exp(np.mean(np.log([run[key] for run in found]))) for found in runs.values()])
        within = np.mean((ratios < NEAR) & (ratios > 1 / NEAR))
        print(f"{key:<11} mean of each table {np.round(typical, 2).tolist()}; within 25 %: {100 * within:.0f} % of {len(ratios)} runs")


if __name__ == "__main__":
    main()
