"""What an epoch of a configuration costs in time: a sum of few kinds of work, each at a speed that is fitted to measured epochs.

    seconds = c . (steps, rows * weights, steps * weights, rows * units, rows * dropped units, rows * inputs, rows * moved pixels)

rows * weights is the matrix products, steps * weights the optimiser, the others what is done to every unit or input of every row. Each
c >= 0; they minimise the sum of squared relative errors, with a pull to the nominal speeds times one factor for the machine, so that a
few measurements are enough. At the end all are multiplied so that the measured epochs together take what they took.
Knows nothing of: how the epochs were measured, search.
"""

import math
from collections.abc import Sequence

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration
from osetra.core.seeding import Seed
from osetra.engines.port import Member
from osetra.study.table import PreparedTable

NOMINAL = np.array([6e-6, 9e-11, 2e-9, 6e-10, 2e-9, 6e-10, 2e-8])
"""Seconds for one of each kind of work on one core of a server of 2024; only their ratios matter once an epoch was measured."""
PULL = 0.3
"""A factor of two off the nominal ratios weighs as much as this share of relative error."""
SHAPING = ("hidden_units", "num_layers", "loss", "activation", "batch_norm")
"""Hyperparameters that decide a network's shape."""


class EpochCost:
    """Seconds of an epoch of training and scoring, by configuration, with all cores at work. Made by `fit`."""

    def __init__(self, work: "Work", speeds: np.ndarray) -> None:
        self._work, self._speeds = work, speeds
        self._seconds: dict[tuple[object, ...], float] = {}

    @staticmethod
    def fit(work: "Work", configurations: Sequence[Configuration], seconds: Sequence[float], *, share: float = 1.0) -> "EpochCost":
        """To the measured `seconds` > 0 of epochs of the configurations, in which a `share` of the training rows was trained on."""
        from scipy.optimize import nnls

        if not seconds:
            return EpochCost(work, NOMINAL)
        measured = np.asarray(seconds, dtype=np.float64)
        amounts = np.array([work.of(configuration) for configuration in configurations]) * share
        machine = float(np.exp(np.mean(np.log(measured / (amounts @ NOMINAL)))))
        # In units of what is expected of each kind of work.
        expected = NOMINAL * machine
        relative = amounts * expected / measured[:, None]
        pulled = PULL * np.eye(len(NOMINAL))
        speeds, _ = nnls(np.vstack([relative, pulled]), np.concatenate([np.ones(len(measured)), np.full(len(NOMINAL), PULL)]))
        speeds *= expected
        # Relative errors believe the quickest; what a budget is spent on is the sum.
        return EpochCost(work, speeds * (measured.sum() / (amounts @ speeds).sum()))

    def of(self, configuration: Configuration) -> float:
        """Seconds of one epoch; infinite for a configuration that no network can be made of."""
        key = tuple(configuration.items())
        if key not in self._seconds:
            try:
                self._seconds[key] = float(self._work.of(configuration) @ self._speeds)
            except SpaceError:
                self._seconds[key] = math.inf
        return self._seconds[key]

    def parameters(self, configuration: Configuration) -> int:
        """Numbers that training changes. Raises SpaceError where no network can be made."""
        return self._work.member(configuration).layout.size


class Work:
    """How much of each kind of work an epoch on a table is."""

    def __init__(self, table: PreparedTable) -> None:
        self._table = table
        self._members: dict[tuple[object, ...], Member] = {}

    def of(self, configuration: Configuration) -> np.ndarray:
        """Of an epoch of training and scoring, float64 [kinds]. Raises SpaceError for a value that makes no sense."""
        data, network = self._table.training, self.member(configuration).network
        rows, dev_rows = data.num_rows, len(data.dev_inputs)
        weights = sum(before * after for before, after in zip(network.layer_sizes, network.layer_sizes[1:], strict=False))
        units = sum(network.hidden_units)
        steps = -(-rows // int(configuration.get("batch_size", 128)))
        drops = any(str(configuration.get(name, 1.0)) not in ("1", "1.0") for name in ("keep_prob", "input_keep_prob"))
        moves = any(configuration.get(name) for name in ("noise", "flip", "crop_padding", "rotation", "distortion"))
        # Scoring is a third of the products of training: forward, but not twice backward.
        passes = rows + dev_rows / 3
        return np.array(
            [
                steps,
                passes * weights,
                steps * weights,
                passes * units,
                rows * units * drops,
                passes * network.num_inputs,
                rows * network.num_inputs * moves,
            ],
            dtype=np.float64,
        )

    def member(self, configuration: Configuration) -> Member:
        """A network of that shape, untrained; its hyperparameters of training are not those of the configuration."""
        shape = {name: configuration[name] for name in SHAPING if name in configuration}
        key = tuple(shape.items())
        if key not in self._members:
            from osetra.training.recipe import build_member

            self._members[key] = build_member(
                shape, num_inputs=self._table.preparation.num_inputs, num_outputs=self._table.preparation.num_outputs,
                task=self._table.dataset.task, seed=Seed(study=0, trial=0), total_epochs=1,
            )  # fmt: skip
        return self._members[key]
