"""How well `osetra.plan` foresees what `osetra.fit` will do: for each table a plan, then at once a fit of the same budget.

    epochs        epochs foreseen / epochs trained, the ratio that the budget's arithmetic stands on
    epoch time    seconds that the plan's cost model gives the epochs that were trained / seconds that they took: the timing alone
    course        epochs * epoch time: the rest, which configurations the search went for
    in fit        epochs foreseen by the short plan of the fit itself / epochs trained

The data are `tables/*.csv.gz` with a `meta.json` that names each table's target, and `images/fashion_mnist.npz` if asked for.

    python benchmarks/plan_accuracy.py --data FOLDER --budget 20 --out plan.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import osetra

IMAGES = "fashion_mnist"
NEAR = 1.25


def measure(data: Path, target: str | None, *, budget: float, probe: float, seed: int) -> dict[str, Any]:
    """One plan and one fit, and what of the one came true in the other."""
    plan = osetra.plan(data, target, budget=budget, probe_seconds=probe, seed=seed)
    study = osetra.fit(data, target, budget=budget, seed=seed)
    trials = [trial for trial in study.trials(limit=None) if trial.epochs]
    given = sum(plan.cost.of(trial.configuration) * trial.epochs for trial in trials)
    took = sum(trial.seconds for trial in trials)
    short, actual = study.facts["plan"]["predicted"], study.facts["plan"]["actual"]
    epochs, epoch_time = plan.epochs / actual["epochs"], given / took
    return {
        "seed": seed,
        "epochs": epochs,
        "epoch_time": epoch_time,
        "course": epochs * epoch_time,
        "in_fit": short["epochs"] / actual["epochs"],
        "is_within": plan.epochs_low <= actual["epochs"] <= plan.epochs_high,
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
    options.add_argument("--budget", type=float, default=20.0, help="seconds of each fit")
    options.add_argument("--probe", type=float, default=5.0, help="seconds of each probe")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    tables = sources(chosen.data, chosen.tables)
    # What is imported and compiled on the way is no part of either.
    path, target = next(iter(tables.values()))
    osetra.fit(path, target, trials=1, epochs=1)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
    print(f"{'table':<16}{'seed':>5}{'foreseen':>10}{'trained':>9}{'epochs':>9}{'epoch time':>12}{'course':>9}{'in fit':>8}")
    for seed in range(chosen.seeds):
        for name, (path, target) in tables.items():
            run = measure(path, target, budget=chosen.budget, probe=chosen.probe, seed=seed)
            runs[name].append(run)
            counts = f"{run['predicted']['epochs']:>10,}{run['actual']['epochs']:>9,}"
            print(
                f"{name:<16}{seed:>5}{counts}{run['epochs']:>9.2f}{run['epoch_time']:>12.2f}{run['course']:>9.2f}{run['in_fit']:>8.2f}",
                flush=True,
            )
            if chosen.out:
                chosen.out.write_text(json.dumps({"budget": chosen.budget, "probe": chosen.probe, "runs": runs}, indent=1))
    for key in ("epochs", "epoch_time", "course", "in_fit"):
        ratios = np.array([run[key] for found in runs.values() for run in found])
        typical = np.array([np.exp(np.mean(np.log([run[key] for run in found]))) for found in runs.values()])
        within = np.mean((ratios < NEAR) & (ratios > 1 / NEAR))
        print(f"{key:<11} mean of each table {np.round(typical, 2).tolist()}; within 25 %: {100 * within:.0f} % of {len(ratios)} runs")


if __name__ == "__main__":
    main()
