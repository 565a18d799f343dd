"""Optuna's TPE and Hyperband over a PyTorch loop written with care, in two processes.

Two processes share a journal file, as Optuna's documentation recommends for several on one machine. Each trains one trial at a time on one
thread: tensors, permuted once an epoch and sliced; fused Adam; batch norm; dropout; l2 as the penalty (lambda/2m) sum ||W||^2 on weights
alone, which in Adam is weight_decay = lambda/m; osetra's own schedules, step by step; the dev part scored, reported and judged each epoch.
Optuna hears the best dev error so far; its first trial may be osetra's default configuration.
"""

import math
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from osetra.core.records import Configuration, Task
from osetra.engines.port import TrainingData
from osetra.space.scale import Scale
from osetra.space.space import Space
from osetra.training.schedules import learning_rates

PROCESSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be tuned: prepared parts, the space and its default, and how far a trial may go."""

    data: TrainingData
    test_inputs: np.ndarray
    test_targets: np.ndarray
    task: Task
    num_outputs: int
    space: Space
    first: Configuration
    epochs: int
    patience: int | None


class Loop:
    """PyTorch training of configurations on one thread; its tensors share memory with the arrays."""

    def __init__(self, work: Work) -> None:
        import torch

        torch.set_num_threads(1)
        data = work.data
        arrays = (data.train_inputs, data.train_targets, data.dev_inputs, data.dev_targets, work.test_inputs, work.test_targets)
        self.work, self.torch = work, torch
        self.x, self.y, self.dev_x, self.dev_y, self.test_x, self.test_y = (torch.from_numpy(array) for array in arrays)
        self.steps = 0

    def network(self, configuration: Configuration) -> Any:
        nn = self.torch.nn
        sizes = [self.x.shape[1], *[int(configuration["hidden_units"])] * int(configuration["num_layers"])]
        dropped = 1.0 - float(configuration["keep_prob"])
        layers: list[Any] = []
        for before, units in pairwise(sizes):
            linear = nn.Linear(before, units, bias=False)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            layers += [linear, nn.BatchNorm1d(units), nn.ReLU(), *([nn.Dropout(dropped)] if dropped > 0 else [])]
        last = nn.Linear(sizes[-1], self.work.num_outputs)
        nn.init.kaiming_normal_(last.weight, nonlinearity="linear")
        nn.init.zeros_(last.bias)
        return nn.Sequential(*layers, last)

    def loss(self, outputs: Any, targets: Any) -> Any:
        functional = self.torch.nn.functional
        if self.work.task.is_classification:
            return functional.cross_entropy(outputs, targets)
        return functional.mse_loss(outputs, targets) / 2

    def optimizer(self, model: Any, configuration: Configuration) -> Any:
        weights = [p for p in model.parameters() if p.dim() == 2]
        others = [p for p in model.parameters() if p.dim() < 2]
        decayed = {"params": weights, "weight_decay": float(configuration["l2"]) / len(self.x)}
        return self.torch.optim.Adam([decayed, {"params": others}], lr=float(configuration["learning_rate"]), fused=True)

    def error(self, model: Any, inputs: Any, targets: Any) -> float:
        """Error rate, or root mean squared error in target units; NaN where the network's outputs are not finite."""
        model.eval()
        with self.torch.inference_mode():
            outputs = model(inputs)
            if not bool(self.torch.isfinite(outputs).all()):
                return math.nan
            if self.work.task.is_classification:
                return (outputs.argmax(1) != targets).double().mean().item()
            return (outputs - targets).double().square().mean().sqrt().item() * self.work.data.error_scale

    def epochs(self, configuration: Configuration, seed: int) -> Iterator[tuple[float, Any]]:
        """Dev error and the model, after each epoch."""
        self.torch.manual_seed(seed)
        model = self.network(configuration)
        optimizer = self.optimizer(model, configuration)
        schedule, rate = str(configuration["schedule"]), float(configuration["learning_rate"])
        rates = learning_rates(schedule, rate, total_epochs=self.work.epochs)
        rows, batch = len(self.x), int(configuration["batch_size"])
        # Batch norm cannot train on a single row.
        steps = math.ceil(rows / batch) - (rows % batch == 1)
        for epoch in range(self.work.epochs):
            model.train()
            order = self.torch.randperm(rows)
            x, y = self.x[order].split(batch), self.y[order].split(batch)
            for step, rate in enumerate(rates(epoch, steps).tolist()):
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.zero_grad(set_to_none=True)
                self.loss(model(x[step]), y[step]).backward()
                optimizer.step()
            self.steps += steps
            yield self.error(model, self.dev_x, self.dev_y), model

    def bare_step_us(self, configuration: Configuration, steps: int = 300) -> float:
        """Microseconds of forward, backward and update on one batch again and again: no loop can be faster."""
        model, batch = self.network(configuration), int(configuration["batch_size"])
        optimizer, x, y = self.optimizer(model, configuration), self.x[:batch].clone(), self.y[:batch].clone()
        began = 0.0
        for step in range(2 * steps):
            if step == steps:
                began = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            self.loss(model(x), y).backward()
            optimizer.step()
        return (time.perf_counter() - began) / steps * 1e6


def suggest(trial: Any, name: str, scale: Scale) -> Any:
    """A value, asked for as a user of Optuna would."""
    low, high = scale.arguments[0], scale.arguments[-1]
    match scale.kind:
        case "log" | "linear":
            return trial.suggest_float(name, low, high, log=scale.kind == "log")
        case "integer":
            return trial.suggest_int(name, low, high)
        case "powers_of_two":
            return 2 ** trial.suggest_int(name, round(math.log2(float(low))), round(math.log2(float(high))))
        case _:
            return trial.suggest_categorical(name, list(scale.arguments))


def _worker(work: Work, journal: str, seconds: float, seed: int, number: int, start: Any, told: Any) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = _study(work, journal, seed=PROCESSES * seed + number)
    loop = Loop(work)
    next(loop.epochs(work.first, 0))
    loop.steps, epochs = 0, 0
    found: list[tuple[float, float, Configuration, Any]] = []
    start.wait()
    began = time.monotonic()
    in_training = 0.0

    def objective(trial: Any) -> float:
        nonlocal epochs, in_training
        configuration = {**work.space.fixed, **{name: suggest(trial, name, scale) for name, scale in work.space.scales.items()}}
        best, best_epoch = math.inf, 0
        since = time.monotonic()
        for epoch, (error, model) in enumerate(loop.epochs(configuration, seed * 100_000 + trial.number), start=1):
            now = time.monotonic()
            if now - began > seconds:
                trial.study.stop()
                raise optuna.TrialPruned
            in_training += now - since
            epochs += 1
            if not math.isfinite(error):
                raise optuna.TrialPruned
            if error < best:
                best, best_epoch = error, epoch
                if not found or error < found[-1][1]:
                    found.append((now - began, error, configuration, deepcopy(model.state_dict())))
            trial.report(best, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
            if work.patience is not None and epoch - best_epoch >= work.patience:
                break
            since = time.monotonic()
        return best

    study.optimize(objective, timeout=seconds)
    points = []
    for at, error, configuration, state in found:
        model = loop.network(configuration)
        model.load_state_dict(state)
        points.append((at, error, loop.error(model, loop.test_x, loop.test_y)))
    told.put((points, {"epochs": epochs, "steps": loop.steps, "in_training_s": in_training}))


def _study(work: Work, journal: str, seed: int) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return optuna.create_study(
        study_name="tuning", storage=JournalStorage(JournalFileBackend(journal)), load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=work.epochs, reduction_factor=3),
    )  # fmt: skip


def tune(work: Work, seconds: float, seed: int, *, knows_default: bool) -> tuple[list[tuple[float, float, float]], dict[str, Any]]:
    """(seconds, dev error, test error) at each new best of either process, and what was done; starting up is not counted.

    knows_default: osetra's default configuration is the first trial.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(PROCESSES), context.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        journal = str(Path(folder) / "journal.log")
        study = _study(work, journal, seed=0)
        scales = work.space.scales
        first = {name: work.first[name] for name in scales}
        if knows_default:
            study.enqueue_trial({k: round(math.log2(float(v))) if scales[k].kind == "powers_of_two" else v for k, v in first.items()})
        workers = [context.Process(target=_worker, args=(work, journal, seconds, seed, number, start, told)) for number in range(PROCESSES)]
        for worker in workers:
            worker.start()
        results = [told.get() for _ in workers]
        for worker in workers:
            worker.join()
        trials = len(study.get_trials(deepcopy=False))
    done = {key: sum(facts[key] for _, facts in results) for key in results[0][1]}
    share = done.pop("in_training_s") / (PROCESSES * seconds)
    points = sorted(point for points, _ in results for point in points)
    return points, {"trials": trials, **done, "share_of_time_in_training": round(share, 3)}
