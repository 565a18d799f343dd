"""B1: microseconds per model and training step, 64 fully connected networks on all cores.

    python benchmarks/training_speed.py [--out FILE.json] [--models 64] [--rounds 3] [--shapes 1,2,...] [--jax PYTHON]

Batch norm, relu, Adam, softmax, float32; every model has its own learning rate and seed. Opponents, in the same run, alternating:

    torch 2x1   the obvious PyTorch loop on sliced tensors with fused Adam, two processes of one thread
    torch 1x2   the same in one process with two threads
    torch user  the loop that users write: DataLoader, default Adam; two processes of one thread
    sklearn     MLPClassifier.partial_fit, which has no batch norm
    jax         jit + scan + vmap over the models, by the Python given with --jax (an environment that has jax)
    limit       the products of a step alone, at the rate of a 2048 x 2048 sgemm on each core

Figures are medians over rounds; ratios are within one round, then the median.
"""

import argparse
import json
import math
import multiprocessing
import platform
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

SHAPES = {
    "16-32-32-2,64": ((16, 32, 32, 2), 64),
    "64-64-64-10,64": ((64, 64, 64, 10), 64),
    "64-64-64-10,256": ((64, 64, 64, 10), 256),
    "105-128-128-2,256": ((105, 128, 128, 2), 256),
    "784-128-128-10,256": ((784, 128, 128, 10), 256),
    "784-512-512-10,256": ((784, 512, 512, 10), 256),
}
GOALS = {"torch": (45, 18, 6, 3.4, 1.9, 1.25), "jax": (2, 2, 2, None, None, None), "limit": (None, None, 0.6, 0.8, 0.8, 0.8)}
CORES = 2


def flops_per_step(sizes: tuple[int, ...], batch: int) -> float:
    """Of the products alone: forward, dW, and da for all layers but the first."""
    products = [a * b for a, b in pairwise(sizes)]
    return 2.0 * batch * (3 * sum(products) - products[0])


def make_data(sizes: tuple[int, ...], batch: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(batch * steps, sizes[0])).astype(np.float32)
    return inputs, generator.integers(0, sizes[-1], batch * steps)


def native(sizes: tuple[int, ...], batch: int, steps: int, models: int) -> float:
    from osetra.core.seeding import Seed
    from osetra.engines.native.engine import NativeEngine
    from osetra.engines.port import Hyperparameters, Member, TrainingData, initial_state
    from osetra.network.layout import Layout
    from osetra.network.spec import NetworkSpec

    inputs, labels = make_data(sizes, batch, steps)
    data = TrainingData(train_inputs=inputs, train_targets=labels, dev_inputs=inputs[:1], dev_targets=labels[:1])
    network = NetworkSpec(num_inputs=sizes[0], hidden_units=sizes[1:-1], num_outputs=sizes[-1], batch_norm=True)
    layout, engine = Layout(network), NativeEngine()

    def member(trial: int) -> Member:
        seed, rate = Seed(study=0, trial=trial), 1e-4 * 1.1**trial
        return Member(
            network=network, layout=layout, hyperparameters=Hyperparameters(batch_size=batch), state=initial_state(layout, seed),
            seed=seed, learning_rates=lambda _, n: np.full(n, rate),
        )  # fmt: skip

    members = [member(trial) for trial in range(models)]
    engine.advance([member(models)], data)
    with ThreadPoolExecutor(CORES) as pool:
        began = time.perf_counter()
        list(pool.map(lambda m: engine.advance([m], data), members))
        return (time.perf_counter() - began) / (models * steps) * 1e6


def torch_worker(sizes: tuple[int, ...], batch: int, steps: int, models: int, threads: int, loader: bool, start: Any, told: Any) -> None:
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    inputs, labels = (torch.from_numpy(array) for array in make_data(sizes, batch, steps))

    def train(trial: int) -> None:
        torch.manual_seed(trial)
        layers: list[nn.Module] = []
        for before, units in pairwise(sizes[:-1]):
            layers += [nn.Linear(before, units, bias=False), nn.BatchNorm1d(units), nn.ReLU()]
        model = nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4 * 1.1**trial, fused=not loader)
        loss_function = nn.CrossEntropyLoss()
        if loader:
            dataset = torch.utils.data.TensorDataset(inputs, labels)
            batches: Any = torch.utils.data.DataLoader(dataset, batch_size=batch, shuffle=True)
        else:
            order = torch.randperm(len(inputs))
            shuffled, answers = inputs[order], labels[order]
            batches = ((shuffled[i : i + batch], answers[i : i + batch]) for i in range(0, len(order), batch))
        for x, y in batches:
            assert len(x) == batch, "every step is a full one"
            optimizer.zero_grad(set_to_none=True)
            loss_function(model(x), y).backward()
            optimizer.step()

    train(0)
    start.wait()
    began = time.perf_counter()
    for trial in range(models):
        train(trial)
    told.put(time.perf_counter() - began)


def torch_loop(sizes: tuple[int, ...], batch: int, steps: int, models: int, *, processes: int, threads: int, loader: bool = False) -> float:
    """A few models a process stand for all: a loop takes as long for each."""
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(processes), context.SimpleQueue()
    arguments = (sizes, batch, steps, models, threads, loader, start, told)
    workers = [context.Process(target=torch_worker, args=arguments) for _ in range(processes)]
    for worker in workers:
        worker.start()
    seconds = max(told.get() for _ in workers)
    for worker in workers:
        worker.join()
    return seconds / (models * processes * steps) * 1e6


def sklearn_loop(sizes: tuple[int, ...], batch: int, steps: int) -> float:
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    inputs, labels = make_data(sizes, batch, steps)

    def train(trial: int) -> None:
        model = MLPClassifier(sizes[1:-1], batch_size=batch, random_state=trial)
        model.partial_fit(inputs, labels, classes=np.arange(sizes[-1]))

    with threadpool_limits(1), ThreadPoolExecutor(CORES) as pool:
        train(0)
        began = time.perf_counter()
        list(pool.map(train, range(CORES)))
        return (time.perf_counter() - began) / (CORES * steps) * 1e6


def jax_loop(python: str, sizes: tuple[int, ...], batch: int, steps: int, models: int) -> float:
    worker = Path(__file__).parent / "peers" / "jax_training.py"
    arguments = json.dumps({"sizes": sizes, "batch": batch, "steps": steps, "models": models})
    done = subprocess.run([python, str(worker), arguments], capture_output=True, text=True, check=True)
    return float(done.stdout)


def sgemm_rate() -> float:
    """Multiply-adds (counted two) a second of both cores, each on a 2048 x 2048 product of its own."""
    from threadpoolctl import threadpool_limits

    size, repeats = 2048, 3
    arrays = [np.ones((3, size, size), dtype=np.float32) for _ in range(CORES)]

    def work(array: np.ndarray) -> None:
        for _ in range(repeats):
            np.matmul(array[0], array[1], out=array[2])

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(CORES) as pool:
        list(pool.map(work, arrays))
        began = time.perf_counter()
        list(pool.map(work, arrays))
        return CORES * repeats * 2.0 * size**3 / (time.perf_counter() - began)


def one_round(sizes: tuple[int, ...], batch: int, models: int, jax: str | None, peers: bool) -> dict[str, float]:
    flops = flops_per_step(sizes, batch)
    steps = int(np.clip(3e9 / flops, 20, 1000))
    figures = {"native": native(sizes, batch, steps, models), "limit": flops / sgemm_rate() * 1e6}
    if peers:
        few = math.ceil(2.0 / (steps * (5e-4 + flops / 1.2e11)))
        figures["torch 2x1"] = torch_loop(sizes, batch, steps, few, processes=2, threads=1)
        figures["torch 1x2"] = torch_loop(sizes, batch, steps, few, processes=1, threads=2)
        figures["torch user"] = torch_loop(sizes, batch, steps, few, processes=2, threads=1, loader=True)
        figures["sklearn"] = sklearn_loop(sizes, batch, steps)
    if jax:
        figures["jax"] = jax_loop(jax, sizes, batch, steps, models)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--models", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", default=",".join(str(k + 1) for k in range(len(SHAPES))))
    parser.add_argument("--jax", help="a Python that has jax")
    parser.add_argument("--no-peers", action="store_true", help="only osetra and the limit")
    options = parser.parse_args()
    chosen = [int(k) - 1 for k in options.shapes.split(",")]
    results = {}
    for at in chosen:
        name, (sizes, batch) = list(SHAPES.items())[at]
        rounds = [one_round(sizes, batch, options.models, options.jax, not options.no_peers) for _ in range(options.rounds)]
        figures = {peer: statistics.median(r[peer] for r in rounds) for peer in rounds[0]}
        ratios = {"limit": statistics.median(r["limit"] / r["native"] for r in rounds)}
        if not options.no_peers:
            ratios["torch"] = statistics.median(min(r["torch 2x1"], r["torch 1x2"]) / r["native"] for r in rounds)
        if options.jax:
            ratios["jax"] = statistics.median(r["jax"] / r["native"] for r in rounds)
        goals = {peer: GOALS[peer][at] for peer in ratios}
        results[name] = {"us_per_model_step": figures, "ratios": ratios, "goals": goals, "rounds": rounds}
        told = "  ".join(f"{peer} {value:.1f}" for peer, value in figures.items())
        against = "  ".join(f"{peer} {value:.2f}" + (f" (goal {goals[peer]})" if goals[peer] else "") for peer, value in ratios.items())
        print(f"{name:>20}  us: {told}  |  ratio: {against}", flush=True)
    if options.out:
        versions = {"python": platform.python_version(), "numpy": np.__version__, "platform": platform.platform()}
        options.out.write_text(json.dumps({"versions": versions, "cores": CORES, "results": results}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
