"""B2: how soon a method has found a network of a given quality, on real data, by the wall clock.

    python benchmarks/time_to_quality.py --data FOLDER --tasks adult letter --seeds 2 --seconds 20 60 120 --out time_to_quality.json

One space for all: osetra's default for the data (learning_rate, batch_size, hidden_units, keep_prob, l2, num_layers; Adam, relu, batch
norm fixed). A trial has a million rows' worth of epochs at most; osetra's, whose rates are constant and whose weights are averaged, up to
four times as many where the time has room for them, as is its default. The rates of the PyTorch loop fall along a cosine. The same split
and, prepared by osetra, the same matrices. Two cores for everyone.
Methods:

    osetra    `osetra.fit` as it comes, without finals, which look for no lower dev error
    ensemble  the same with ensemble=True. Its members are chosen on the dev part, so only its test error says anything; it has no curve
    optuna    TPE and Hyperband, two processes, a PyTorch loop written with care: peers/optuna_tuning.py. Its first trial is osetra's
              default configuration, which osetra, too, tries first
    cold      the same, which must find out everything for itself
    halving   scikit-learn's HalvingRandomSearchCV over its own networks, two jobs: peers/halving.py

Imports, start-up of processes and osetra's compiling (once a machine) count for nobody. osetra's clock starts with the call of `fit`, so
preparing the data counts for osetra and for no other. A method's curve is its best dev error against time; the one of its longest time
holds for the shorter ones. As osetra keeps one model, the test errors of its shorter times are those of separate runs of that length;
--no-shorter leaves them out; --own gives osetra other times than its opponents, such as a twentieth of theirs. What `--out` holds
already is kept and not run again. `--check` holds the PyTorch loop against a bare step, the rate of sgemm and osetra's training of the
same configuration, and searches nothing. Not here: Ray Tune, Keras Tuner.
"""

import argparse
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from peers import halving, optuna_tuning
from peers.optuna_tuning import Loop, Work
from training_speed import CORES, flops_per_step, sgemm_rate

import osetra
from osetra.core.records import Configuration
from osetra.core.seeding import Seed
from osetra.study.budget import Budget
from osetra.study.setting import decide
from osetra.study.table import PreparedTable

MANY = 1_000_000
METHODS = ("osetra", "ensemble", "optuna", "cold", "halving")
OURS = ("osetra", "ensemble")
PEERS = {
    "optuna": partial(optuna_tuning.tune, knows_default=True),
    "cold": partial(optuna_tuning.tune, knows_default=False),
    "halving": halving.tune,
}


class Curve:
    """A progress that notes when the best dev error fell."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self.prepared_s = math.nan
        self.trials = self.epochs = 0
        self._began = time.monotonic()

    def notice(self, text: str) -> None:  # noqa: ARG002  when, not what
        """The first is said once the data is prepared."""
        if math.isnan(self.prepared_s):
            self.prepared_s = time.monotonic() - self._began

    def update(self, facts: Mapping[str, Any]) -> None:
        best = facts["best_error"]
        self.trials, self.epochs = facts["trials_done"], facts["epochs_done"]
        if best is not None and (not self.points or best < self.points[-1][1]):
            self.points.append((time.monotonic() - self._began, best))


def load(folder: Path, task: str) -> dict[str, Any]:
    """What `fit` and `PreparedTable.of` take: adult and the images with their official test part."""
    import pandas as pd

    if task == "fashion_mnist":
        with np.load(folder / "images" / "fashion_mnist.npz") as file:
            return {"data": file["X_train"], "y": file["y_train"], "target": None, "test": (file["X_test"], file["y_test"])}
    about = json.loads((folder / "tables" / "meta.json").read_text())[task]
    frame = pd.read_csv(folder / "tables" / about["file"])
    official = about.get("official_test_rows", 0)
    test = frame.iloc[-official:].reset_index(drop=True) if official else True
    return {"data": frame.iloc[: len(frame) - official], "target": about["target"], "test": test}


def prepare(given: Mapping[str, Any], seconds: float, seed: int) -> tuple[Work, str]:
    """What is to be done, as `fit` would decide it with that time and a bound on trials, which keeps trainings short; sizes in words."""
    table = PreparedTable.of(given["data"], given["target"], y=given.get("y"), test=given["test"], seed=seed)
    setting = decide(
        table, Budget(seconds=seconds, trials=MANY), edits={}, strategy="waves", finals=False, ensemble=False, epochs_per_trial=None,
        patience=None, workers=None,
    )  # fmt: skip
    rows, preparation = table.split.test, table.preparation
    of_peers = {"schedule": "cosine", "weight_averaging": 0.0}
    work = Work(
        data=table.training, test_inputs=preparation.inputs(table.dataset.features.take(rows)),
        test_targets=preparation.targets(table.dataset.target.iloc[rows]), task=table.dataset.task, num_outputs=preparation.num_outputs,
        space=setting.space.with_(**of_peers), first={**setting.first, **of_peers}, epochs=setting.epochs_per_trial,
        patience=setting.patience,
    )  # fmt: skip
    said = (
        f"{work.data.num_rows:,}/{len(table.split.dev):,}/{len(rows):,} rows, {preparation.num_inputs} inputs, {work.epochs} epochs a trial"
    )
    return work, said


def run_osetra(given: Mapping[str, Any], seconds: float, seed: int, shorter: Sequence[float], *, ensemble: bool) -> dict[str, Any]:
    def fit(budget: float) -> tuple[Curve, osetra.Study]:
        curve = Curve()
        return curve, osetra.fit(**given, budget=budget, seed=seed, finals=False, ensemble=ensemble, progress=curve)

    curve, study = fit(seconds)
    ended = {f"{budget:g}": _errors(fit(budget)[1]) for budget in shorter} | {f"{seconds:g}": _errors(study)}
    facts = {"trials": curve.trials, "epochs": curve.epochs, "prepared_s": round(curve.prepared_s, 2)}
    return {"curve": [] if ensemble else curve.points, "ended": ended, **facts}


def _errors(study: osetra.Study) -> list[float | None]:
    dev, test = study.dev_error, study.test_error
    return [dev["value"] if dev else None, test["value"] if test else None]


def run_peer(method: str, work: Work, seconds: float, seed: int, marks: Sequence[float]) -> dict[str, Any]:
    points, facts = PEERS[method](work, seconds, seed)
    best: list[tuple[float, float, float]] = []
    for point in points:
        if not best or point[1] < best[-1][1]:
            best.append(point)
    ended = {f"{mark:g}": next(([dev, test] for at, dev, test in reversed(best) if at <= mark), [None, None]) for mark in marks}
    return {"curve": [point[:2] for point in best], "ended": ended, **facts}


def widest(work: Work) -> Configuration:
    """The default configuration but for the most units and hidden layers of the space, where most of a step is products."""
    scales = work.space.scales
    return {**work.first, **{name: scales[name].decode(1.0) for name in ("hidden_units", "num_layers") if name in scales}}


def check(work: Work, configuration: Configuration, seed: int) -> dict[str, float]:
    """The opponent's loop against a bare step, the rate of sgemm on one core, and osetra's training of the same configuration."""
    from osetra.engines.native.engine import NativeEngine
    from osetra.training.life import Life
    from osetra.training.recipe import build_member

    loop = Loop(work)
    bare = loop.bare_step_us(configuration)
    next(loop.epochs(configuration, seed))
    loop.steps, began = 0, time.perf_counter()
    errors = [error for error, _ in loop.epochs(configuration, seed)]
    whole = (time.perf_counter() - began) / loop.steps * 1e6
    sizes = (loop.x.shape[1], *[int(configuration["hidden_units"])] * int(configuration["num_layers"]), work.num_outputs)
    limit = flops_per_step(sizes, int(configuration["batch_size"])) / (sgemm_rate() / CORES) * 1e6
    member = build_member(
        configuration, num_inputs=sizes[0], num_outputs=work.num_outputs, task=work.task, seed=Seed(study=seed, trial=0),
        total_epochs=work.epochs,
    )  # fmt: skip
    life = Life(member, NativeEngine(), work.data, epochs=work.epochs)
    life.go_on(work.epochs)
    assert life.best is not None
    return {
        "loop_us_a_step": whole, "bare_us_a_step": bare, "limit_us_a_step": limit, "first_epoch": errors[0], "best_epoch": min(errors),
        "osetra_us_a_step": life.seconds / loop.steps * 1e6, "osetra_best_epoch": life.best.dev_error,
    }  # fmt: skip


def reached(curve: Sequence[Sequence[float]], error: float) -> float:
    """Seconds until a curve was that low; infinite if it never was."""
    return next((at for at, value in curve if value <= error), math.inf)


def at_mark(curve: Sequence[Sequence[float]], mark: float) -> float:
    return min((value for at, value in curve if at <= mark), default=math.nan)


def of(runs: Mapping[str, Any], task: str, method: str) -> dict[str, Any]:
    """Runs of a method by their seeds."""
    return {key.split("/")[2]: run for key, run in runs.items() if key.startswith(f"{task}/{method}/")}


def quality(runs: Mapping[str, Any], tasks: Sequence[str], marks: Sequence[float]) -> str:
    """Markdown: dev and test errors at the marks, means over the seeds, of test errors over those that have one."""
    heads = [f"{part}, {mark:g} s" for part in ("dev", "test") for mark in marks]
    lines = [_row("task", "method", "seeds", *heads, "trials", "epochs"), "|---|---|" + "---:|" * (len(heads) + 3)]
    for task in tasks:
        for method in METHODS:
            mine = of(runs, task, method).values()
            if not mine:
                continue
            dev = [_mean([at_mark(run["curve"], mark) if mark <= run["seconds"] else None for run in mine]) for mark in marks]
            test = [_mean([run["ended"][f"{mark:g}"][1] for run in mine if f"{mark:g}" in run["ended"]]) for mark in marks]
            counts = [_mean([run.get(name) for run in mine], ",.0f") for name in ("trials", "epochs")]
            lines.append(_row(task, method, len(mine), *dev, *test, *counts))
    return "\n".join(lines)


def sooner(runs: Mapping[str, Any], tasks: Sequence[str]) -> str:
    """Markdown: when osetra was where each other method ended, medians over the seeds that both have.

    Of an even number of seeds the worse for osetra of the middle two; a ratio of 0: it never was.
    """
    heads = ("its dev error at the end", "it had that after", "osetra had it or better after")
    ratios = ("times sooner than its whole time (each seed)", "than it had it")
    lines = [_row("task", "against", "seeds", *heads, *ratios), "|---|---|" + "---:|" * 6]
    for task in tasks:
        ours = of(runs, task, "osetra")
        for method in METHODS:
            if method in OURS:
                continue
            pairs = [(run, ours[seed]["curve"]) for seed, run in of(runs, task, method).items() if seed in ours and run["curve"]]
            if not pairs:
                continue
            ends = [run["curve"][-1] for run, _ in pairs]
            after = [reached(curve, error) for (_, curve), (_, error) in zip(pairs, ends, strict=True)]
            whole = [run["seconds"] / at for (run, _), at in zip(pairs, after, strict=True)]
            own = statistics.median_low([theirs / at for (theirs, _), at in zip(ends, after, strict=True)])
            median = statistics.median_high(after)
            each = ", ".join(f"{ratio:.1f}" for ratio in whole)
            times = [f"{statistics.median(at for at, _ in ends):.0f} s", f"{median:.1f} s" if math.isfinite(median) else "never"]
            error = _mean([error for _, error in ends])
            lines.append(_row(task, method, len(pairs), error, *times, f"{statistics.median_low(whole):.1f} ({each})", f"{own:.1f}"))
    return "\n".join(lines)


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _mean(values: Sequence[float | None], form: str = ".4f") -> str:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return format(sum(known) / len(known), form) if known and len(known) == len(values) else "-"


def warm_up(seed: int = 0) -> None:
    """Imports and compiled code, which nobody's clock sees."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(2_000, 5))
    osetra.fit(inputs, y=(inputs[:, 0] > 0).astype(int), trials=3, epochs_per_trial=3)
    osetra.fit(inputs, y=inputs[:, 0], trials=3, epochs_per_trial=3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=["adult", "letter", "fashion_mnist", "protein_casp"])
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--seconds", nargs="+", type=float, default=[60.0, 180.0, 600.0])
    parser.add_argument("--own", nargs="+", type=float, help="seconds of osetra's own runs, where they are others than --seconds")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--no-shorter", action="store_true", help="no runs of osetra of the shorter times")
    parser.add_argument("--check", action="store_true", help="check the opponent's loop and stop")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "time_to_quality.json")
    options = parser.parse_args()
    marks = sorted(options.seconds)
    own = sorted(options.own or marks)
    packages = {name: version(name) for name in ("numpy", "numba", "torch", "optuna", "scikit-learn")}
    told: dict[str, Any] = {"versions": {"python": platform.python_version(), **packages}, "platform": platform.platform(), "checks": {}}
    kept = json.loads(options.out.read_text()) if options.out.exists() else {"runs": {}}
    if any(kept.get(name, told[name]) != told[name] for name in ("versions", "platform")):
        parser.error(f"{options.out} must come from this machine and these versions to be added to; give another --out")
    told = {**told, **kept}
    options.out.parent.mkdir(exist_ok=True)
    warm_up()
    for seed in range(1 if options.check else options.seeds):
        for task in options.tasks:
            given = load(options.data, task)
            work, said = prepare(given, marks[-1], seed)
            print(f"{task}, seed {seed}: {said}", flush=True)
            if options.check:
                for name, configuration in (("default", work.first), ("widest", widest(work))):
                    told["checks"][f"{task}, {name}"] = figures = check(work, configuration, seed)
                    print(f"  {name}: " + "  ".join(f"{what} {value:.4g}" for what, value in figures.items()), flush=True)
                    options.out.write_text(json.dumps(told, indent=1))
            for method in () if options.check else options.methods:
                key, seconds = f"{task}/{method}/{seed}", own[-1] if method in OURS else marks[-1]
                if told["runs"].get(key, {}).get("seconds") == seconds:
                    continue
                if method in OURS:
                    run = run_osetra(given, seconds, seed, () if options.no_shorter else own[:-1], ensemble=method == "ensemble")
                else:
                    run = run_peer(method, work, seconds, seed, marks)
                told["runs"][key] = {"seconds": seconds, **run}
                print(f"  {method}: " + "  ".join(f"{m} s {e}" for m, e in run["ended"].items()), flush=True)
                options.out.write_text(json.dumps(told, indent=1))
    if not options.check:
        print("", quality(told["runs"], options.tasks, sorted({*marks, *own})), "", sooner(told["runs"], options.tasks), sep="\n")


if __name__ == "__main__":
    main()
