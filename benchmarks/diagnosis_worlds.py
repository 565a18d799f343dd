"""Worlds with a known answer: made data and options of `osetra.fit` whose diagnosis follows from how they were made.

Each world is a function of a seed; its docstring says why the answer must be so, whatever the diagnosis says. Data, split and networks all
come from the seed, and budgets are in trials, so a world at a seed is one study.
Knows nothing of: how answers are counted or printed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import osetra

VERDICTS = ("high bias", "high variance", "high bias and high variance", "neither", "mismatched data")
PLAIN: Mapping[str, Any] = {
    "activation": "relu", "batch_norm": False, "keep_prob": 1.0, "l2": 0.0, "schedule": "constant", "batch_size": 64, "hidden_units": 32
}  # fmt: skip
"""Networks that nothing helps and nothing hinders; worlds add to it."""
SECTORS = 12
SIGMA = 0.5
"""Deviation of the noise in targets of regression, where there is any."""
BEST_RATE = 1e-2
"""Of the networks of `_at_rate`. Their dev losses over 30 epochs, the lowest and the middle one of the last eight, means of four seeds, in
units of the target's variance:

    rate      3e-4   1e-3   3e-3   1e-2   3e-2   1e-1
    lowest    .103   .016   .0065  .0051  .0066  .014
    last      .118   .019   .0074  .0063  .0095  .027
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One world at one seed."""

    data: Any
    options: Mapping[str, Any]
    """Of `fit`."""
    base_error: float | None = 0.0
    """What the diagnosis is told; None: it has to find out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is made, and what the diagnosis must say of it."""

    name: str
    make: Callable[[int], Case]
    expected: str | None
    """Must be said; None: nothing must."""
    opposite: frozenset[str] = field(default_factory=frozenset)
    """None of these may be said."""
    is_healthy: bool = False
    """Whether whatever else is said is a false alarm ..."""
    maybe: frozenset[str] = field(default_factory=frozenset)
    """... but for these, which may be so."""

    @property
    def construction(self) -> str:
        """Why the answer is what it is."""
        return " ".join((self.make.__doc__ or "").split())


def sectors(generator: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the plane [rows, 2], and which of 12 equal sectors each lies in, [rows]."""
    points = generator.normal(size=(rows, 2))
    angle = np.arctan2(points[:, 1], points[:, 0])
    return points, np.floor((angle / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS


def smooth(points: np.ndarray) -> np.ndarray:
    """A score [rows] of the first three columns, which a small network represents well."""
    return points[:, 0] + 0.8 * np.tanh(2 * points[:, 1]) * points[:, 2]


def off_the_border(generator: np.random.Generator, rows: int, *, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Points [rows, 4] whose smooth score is at least `margin` from 0, and its sign as 0 or 1."""
    points = generator.normal(size=(3 * rows, 4))
    points = points[np.abs(smooth(points)) > margin][:rows]
    return points, (smooth(points) > 0).astype(int)


def too_small(seed: int) -> Case:
    """12 equal sectors of the plane with labels in turns, and a network of one hidden relu: a function of one projection that is level on
    one side of a line cuts each circle around the middle in at most two arcs, one for each label, and so errs on at least 5/12 of it. No
    noise: base error 0. Five weights and 3,000 rows leave no variance."""
    generator = np.random.default_rng(seed)
    points, sector = sectors(generator, 5_000)
    space = {**PLAIN, "num_layers": 1, "hidden_units": 1, "learning_rate": osetra.log(1e-3, 1e-1)}
    return Case(data=points, options={"y": sector % 2, "task": "binary", "space": space, "trials": 4, "epochs_per_trial": 15})


def too_small_for_values(seed: int) -> Case:
    """The product of two inputs, uniform on -1 .. 1, and a network without hidden layers: no linear function is better than the mean, as
    the product goes with neither input. No noise: base error 0. Three weights and 3,000 rows leave no variance."""
    generator = np.random.default_rng(seed)
    points = generator.uniform(-1, 1, size=(5_000, 2))
    space = {**PLAIN, "num_layers": 0, "learning_rate": osetra.log(1e-3, 1e-1)}
    options = {"y": points.prod(axis=1), "task": "regression", "space": space, "trials": 4, "epochs_per_trial": 15}
    return Case(data=points, options=options)


def too_few_rows(seed: int) -> Case:
    """The sign of a linear score of 60 inputs; no noise: base error 0. 100 rows are fewer than the 122 of which half of all labellings are
    separable (Cover 1965), and these are one that is, so 128 units get them all right; but the angle between the score and whatever is
    learned from 100 rows of 60 inputs stays large, and the error on other rows is that angle over pi."""
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(1_500, 60))
    y = (points @ generator.normal(size=60) > 0).astype(int)
    space = {**PLAIN, "num_layers": 1, "hidden_units": 128, "learning_rate": osetra.log(1e-3, 1e-2)}
    options = {"y": y, "task": "binary", "space": space, "trials": 4, "epochs_per_trial": 40, "sizes": (100, 1_000, 400)}
    return Case(data=points, options=options)


def too_few_rows_for_values(seed: int) -> Case:
    """A linear score of 80 inputs, 50 rows, and 10,000 weights in two linear layers; no noise: base error 0. They fit 50 rows exactly, but
    30 of the score's 80 directions were never seen, which leaves sqrt(30/80) of the target's deviation as error on other rows, on average.
    Each step of gradient descent on all rows is nearer to the score in some of its directions, so the best epoch is a late one."""
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(1_250, 80))
    y = points @ generator.normal(size=80)
    wide = {"num_layers": 1, "hidden_units": 128, "activation": "linear", "optimizer": "gd", "batch_size": 50}
    space = {**PLAIN, **wide, "learning_rate": osetra.log(3e-2, 1e-1)}
    options = {"y": y, "task": "regression", "space": space, "trials": 4, "epochs_per_trial": 200, "patience": 0, "sizes": (50, 800, 400)}
    return Case(data=points, options=options)


def both(seed: int) -> Case:
    """The sign of a linear score of 100 inputs, turned round where two further inputs lie in one of every three sectors; no noise: base
    error 0. A network without hidden layers cannot know the sectors, so a third of the labels is noise to it, and 400 rows are twice as
    many as it could get right whatever their labels (Cover 1965). Nor are they enough to find 100 weights."""
    generator = np.random.default_rng(seed)
    points, sector = sectors(generator, 2_900)
    wide = generator.normal(size=(2_900, 100))
    y = (wide @ generator.normal(size=100) > 0) ^ (sector % 3 == 0)
    space = {**PLAIN, "num_layers": 0, "learning_rate": osetra.log(1e-3, 1e-2)}
    options = {"y": y.astype(int), "task": "binary", "space": space, "trials": 4, "epochs_per_trial": 30, "sizes": (400, 2_000, 500)}
    return Case(data=np.hstack([points, wide]), options=options)


def healthy(seed: int) -> Case:
    """A smooth rule of 3 of 4 inputs, no noise, no rows within 0.3 of its border: base error 0, and a network of 30 units hardly errs on
    new rows. The default space, which was made for such data; its learning rate falls to 0, so nothing falls any more at the end. What
    errors are left lie along the border, so some slices of the rows do hold more of them than others."""
    generator = np.random.default_rng(seed)
    points, y = off_the_border(generator, 4_000, margin=0.3)
    return Case(data=points, options={"y": y, "task": "binary", "trials": 11, "epochs_per_trial": 25, "sizes": (1_000, 1_500, 1_500)})


def healthy_for_values(seed: int) -> Case:
    """A smooth function of 3 of 4 inputs with normal noise, whose deviation is the base error and is given. 4,000 rows for networks of at
    most some 1,000 weights."""
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(7_000, 4))
    y = smooth(points) + SIGMA * generator.normal(size=7_000)
    space = {"hidden_units": osetra.powers_of_two(4, 32)}
    options = {"y": y, "task": "regression", "space": space, "trials": 11, "epochs_per_trial": 15, "sizes": (4_000, 1_500, 1_500)}
    return Case(data=points, options=options, base_error=SIGMA)


def label_noise(seed: int) -> Case:
    """The healthy world's rule, farther from its border, each label turned round with probability 0.1: that is the base error, and it is
    given. A network of 16 units cannot learn the noise of 6,000 rows by heart. Noise falls on all slices alike."""
    generator = np.random.default_rng(seed)
    points, y = off_the_border(generator, 10_000, margin=0.5)
    y ^= generator.random(len(y)) < 0.1
    options = {"y": y, "task": "binary", "space": {"hidden_units": 16, "num_layers": 1}, "trials": 4, "epochs_per_trial": 20}
    return Case(data=points, options=options, base_error=0.1)


def label_noise_untold(seed: int) -> Case:
    """The world of label noise, of which the diagnosis is not told: it has to see by itself that a tenth of the error is in the labels."""
    told = label_noise(seed)
    return Case(data=told.data, options=told.options, base_error=None)


def shifted_dev(seed: int) -> Case:
    """Training rows lie about 0 along the first input, where one rule holds; dev rows about 2, and beyond 2.5 the rule is turned round. The
    network does well on other rows of where it was trained, so what it errs more on dev is no variance."""
    generator = np.random.default_rng(seed)

    def rows(count: int, middle: float) -> tuple[np.ndarray, np.ndarray]:
        points = generator.normal(size=(count, 4))
        points[:, 0] = middle + 0.6 * points[:, 0]
        return points, ((points[:, 1] + points[:, 2] > 0) ^ (points[:, 0] > 2.5)).astype(int)

    points, y = rows(3_000, 0.0)
    space = {"hidden_units": 32, "num_layers": 1}
    options = {"y": y, "task": "binary", "dev": rows(1_000, 2.0), "space": space, "trials": 4, "epochs_per_trial": 10}
    return Case(data=points, options=options)


def leaked_column(seed: int) -> Case:
    """A target that four columns tell in two cases of three, and a fifth, `closed_by`, which is the target under other words, with one
    mistake in 200."""
    import pandas as pd

    generator = np.random.default_rng(seed)
    points = generator.normal(size=(3_000, 4))
    y = (points[:, 0] + 2 * generator.normal(size=3_000) > 0).astype(int)
    told = np.where(generator.random(3_000) < 0.005, 1 - y, y)
    frame = pd.DataFrame(points, columns=["age", "income", "rooms", "distance"])
    frame["closed_by"] = np.array(["clerk", "system"])[told]
    frame["returned"] = np.array(["no", "yes"])[y]
    space = {"hidden_units": 16, "num_layers": 1}
    return Case(data=frame, options={"target": "returned", "space": space, "trials": 3, "epochs_per_trial": 8})


def sixty_sigmoids(seed: int) -> Case:
    """60 hidden layers of sigmoids: each multiplies a gradient by at most 1/4, times weights that keep its size, so that the first layer's
    is nothing beside the last's."""
    return _one_network(seed, {"num_layers": 60, "activation": "sigmoid", "initialisation": "xavier", "hidden_units": 16})


def gain_of_three(seed: int) -> Case:
    """He's starting weights keep the size of gradients in a network of relus; three times as large, each of 10 layers triples it, to 20,000
    times as much at the first as at the last."""
    return _one_network(seed, {"num_layers": 10, "gain": 3.0, "hidden_units": 16})


def dead_relus(seed: int) -> Case:
    """Adam's first step moves every weight by the rate, here 1, against the sign of its gradient. The inputs of the second hidden layer are
    relus, nowhere below 0, so all weights of one unit there tend to move the same way: where that is down, it is below 0 at every row, has
    no slope any more and stays there. Each further step may do that to the rest."""
    return _one_network(seed, {"num_layers": 2, "learning_rate": 1.0})


def _one_network(seed: int, space: Mapping[str, Any]) -> Case:
    generator = np.random.default_rng(seed)
    points, y = off_the_border(generator, 3_000, margin=0.3)
    fixed = {**PLAIN, "learning_rate": 1e-3, **space}
    return Case(data=points, options={"y": y, "task": "binary", "space": fixed, "trials": 1, "epochs_per_trial": 8})


def rate_too_high(seed: int) -> Case:
    """Adam at a constant rate of 10 times the best of a sweep, `BEST_RATE`: the dev loss is three times as high, over the last epochs four
    times."""
    return _at_rate(seed, 10 * BEST_RATE)


def rate_too_low(seed: int) -> Case:
    """Adam at a constant rate of a tenth of the best of a sweep, `BEST_RATE`: its dev loss is three times as high."""
    return _at_rate(seed, BEST_RATE / 10)


def best_rate(seed: int) -> Case:
    """Adam at the best rate of a sweep: it is neither too high nor too low."""
    return _at_rate(seed, BEST_RATE)


def _at_rate(seed: int, rate: float) -> Case:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(3_000, 4))
    y = smooth(points) + 0.1 * generator.normal(size=3_000)
    space = {**PLAIN, "num_layers": 2, "activation": "tanh", "learning_rate": rate}
    options = {"y": y, "task": "regression", "space": space, "trials": 1, "epochs_per_trial": 30, "patience": 0}
    return Case(data=points, options=options, base_error=0.1)


def narrow_range(seed: int) -> Case:
    """Eight linear weights have to grow from next to 0 to 0.35 each, and 30 epochs of 15 steps of Adam move each by about the rate a step:
    by up to 0.2 at 4.5e-4, the highest rate of the range, and less the lower it is. Every higher rate is better, also beyond the range."""
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(1_500, 8))
    space = {**PLAIN, "num_layers": 0, "gain": 1e-3, "learning_rate": osetra.log(4.5e-5, 4.5e-4)}
    return Case(data=points, options={"y": points.sum(axis=1), "task": "regression", "space": space, "trials": 12, "epochs_per_trial": 30})


def all_alike(seed: int) -> Case:
    """40 configurations that differ in `momentum` alone, which Adam does not use: they are one configuration with 40 seeds."""
    generator = np.random.default_rng(seed)
    points, y = off_the_border(generator, 3_000, margin=0.0)
    space = {**PLAIN, "num_layers": 1, "hidden_units": 16, "learning_rate": 1e-2, "momentum": osetra.one_minus_log(0.8, 0.99)}
    options = {"y": y, "task": "binary", "space": space, "trials": 40, "epochs_per_trial": 8, "strategy": "random"}
    return Case(data=points, options=options)


LOW, HIGH = "learning rate too low", "learning rate too high"
WORLDS: tuple[World, ...] = (
    World(name="too small", make=too_small, expected="high bias"),
    World(name="too small, values", make=too_small_for_values, expected="high bias"),
    World(name="too few rows", make=too_few_rows, expected="high variance"),
    World(name="too few rows, values", make=too_few_rows_for_values, expected="high variance"),
    World(name="both", make=both, expected="high bias and high variance"),
    World(name="healthy", make=healthy, expected="neither", is_healthy=True, maybe=frozenset({"worse slice"})),
    World(name="healthy, values", make=healthy_for_values, expected="neither", is_healthy=True),
    World(name="label noise", make=label_noise, expected="neither", is_healthy=True),
    World(name="label noise, untold", make=label_noise_untold, expected="neither"),
    World(name="shifted dev", make=shifted_dev, expected="mismatched data"),
    World(name="leaked column", make=leaked_column, expected="leak of closed_by"),
    World(name="60 sigmoids", make=sixty_sigmoids, expected="vanishing gradients", opposite=frozenset({"exploding gradients"})),
    World(name="gain 3", make=gain_of_three, expected="exploding gradients", opposite=frozenset({"vanishing gradients"})),
    World(name="dead relus", make=dead_relus, expected="dead units"),
    World(name="rate too high", make=rate_too_high, expected=HIGH, opposite=frozenset({LOW})),
    World(name="rate too low", make=rate_too_low, expected=LOW, opposite=frozenset({HIGH})),
    World(name="best rate", make=best_rate, expected=None, opposite=frozenset({LOW, HIGH})),
    World(name="narrow range", make=narrow_range, expected="upper end of learning_rate"),
    World(name="all alike", make=all_alike, expected="cannot tell"),
)
