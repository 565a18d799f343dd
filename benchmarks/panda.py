"""What an acting babysitter is worth: five deliberately bad starts of one model, left alone and acted on, with the same number of epochs.

    rate too high      30 times the default learning rate, which stays, without batch norm
    rate too low       a thousandth of the default rate
    momentum 0.999     gradient descent with a momentum that hardly comes to rest, at a rate of 1, which stays, without batch norm
    huge batch         4,096 rows (or all) a step, at a hundredth of the default rate
    overfits           3 layers of 256 units, no l2, no dropout, a rate that stays

Each is `osetra.fit(..., panda=True, epochs=N)`, with the babysitter off and acting; epochs that it was rolled back from count. Compared is
the lowest dev error; of a training that diverged that of the epochs before, though such a one leaves no model. The test error is the
model's.
The data are `tables/*.csv.gz` with a `meta.json` that names each table's target, and data sets that come with scikit-learn.

    python benchmarks/panda.py --data FOLDER --seeds 3 --out panda.json
"""

import argparse
import json
import math
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import osetra
from osetra.core.errors import StudyError
from osetra.store.memory import MemoryStore

TABLES = ("adult", "letter")
BUNDLED = ("digits", "breast_cancer", "diabetes")
RATE = 0.003
"""The default one, of Adam."""
STARTS: dict[str, dict[str, Any]] = {
    "rate too high": {"learning_rate": 30 * RATE, "schedule": "constant", "batch_norm": False},
    "rate too low": {"learning_rate": RATE / 1000},
    "momentum 0.999": {"optimizer": "momentum", "momentum": 0.999, "learning_rate": 1.0, "schedule": "constant", "batch_norm": False},
    "huge batch": {"batch_size": 4096, "learning_rate": RATE / 100},
    "overfits": {
        "hidden_units": 256, "num_layers": 3, "l2": 0.0, "keep_prob": 1.0, "schedule": "constant", "learning_rate": RATE,
    },
}  # fmt: skip


def run(data: Any, target: str, start: dict[str, Any], *, mode: str, epochs: int, seed: int) -> dict[str, Any]:
    """One training and what it came to."""
    store = MemoryStore()
    try:
        study = osetra.fit(
            data, target, panda=True, babysitter=mode, epochs=epochs, space=start, seed=seed, study="panda", store=store
        )  # fmt: skip
    except StudyError:
        study = osetra.Study.open("panda", store)
        if not study.trials():
            raise
    curve = study.curve(0)
    errors = [record.dev_error for record in curve if math.isfinite(record.train_cost)]
    acted = [event.detail["rule"] for event in study.events(0) if event.kind in ("set", "rolled back") and event.detail.get("rule")]
    given_up = sum(event.detail["from"] - event.epoch for event in study.events(0) if event.kind == "rolled back")
    return {
        "state": str(study.trial(0).state),
        "dev": min(errors, default=None),
        "test": None if study.test_error is None else study.test_error["value"],
        "acted": acted,
        "epochs": len(curve) + given_up,
    }


def sources(folder: Path | None, wanted: list[str]) -> dict[str, tuple[Any, str]]:
    """Data and target by name."""
    from sklearn import datasets

    found: dict[str, tuple[Any, str]] = {}
    if folder is not None:
        meta = json.loads((folder / "tables" / "meta.json").read_text())
        found |= {name: (folder / "tables" / meta[name]["file"], meta[name]["target"]) for name in wanted or TABLES if name in meta}
    for name in BUNDLED:
        if not wanted or name in wanted:
            found[name] = (getattr(datasets, f"load_{name}")(as_frame=True).frame, "target")
    return found


def verdict(left: dict[str, Any], acted: dict[str, Any]) -> str:
    """How the acting babysitter's end compares."""
    one, two = (math.inf if run["dev"] is None else run["dev"] for run in (left, acted))
    return "better" if two < one else "same" if two == one else "worse"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, help="folder with tables/; without it only what comes with scikit-learn")
    options.add_argument("--only", nargs="*", default=[], help="only these data sets")
    options.add_argument("--epochs", type=int, default=40)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    runs: list[dict[str, Any]] = []
    print(f"{'data':<14} {'start':<16} {'seed':>4} {'left':>9} {'acted on':>9}  {'':<7} {'test':>9} {'acted on':>9}  acted")
    for name, (data, target) in sources(chosen.data, chosen.only).items():
        for start, settings in STARTS.items():
            for seed in range(chosen.seeds):
                left, acted = (run(data, target, settings, mode=mode, epochs=chosen.epochs, seed=seed) for mode in ("off", "act"))
                runs.append({"data": name, "start": start, "seed": seed, "left": left, "acted": acted, "verdict": verdict(left, acted)})
                cells = [shown(one[part]) for part in ("dev", "test") for one in (left, acted)]
                rules = ", ".join(f"{rule} {count}" for rule, count in Counter(acted["acted"]).items())
                told = f"{cells[0]:>9} {cells[1]:>9}  {runs[-1]['verdict']:<7} {cells[2]:>9} {cells[3]:>9}  {rules}"
                print(f"{name:<14} {start:<16} {seed:>4} {told}", flush=True)
                if chosen.out:
                    chosen.out.write_text(json.dumps({"epochs": chosen.epochs, "runs": runs}, indent=1) + "\n")
    for start in (*STARTS, "all"):
        of = [one for one in runs if start in (one["start"], "all")]
        ratios = [one["acted"]["dev"] / one["left"]["dev"] for one in of if one["left"]["dev"] and one["acted"]["dev"] is not None]
        print(f"{start:<16} {dict(Counter(one['verdict'] for one in of))}, dev error acted / left: median {median(ratios):.3f}")


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    main()
