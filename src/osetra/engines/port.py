"""What every engine takes and gives.

An engine advances a set of trials by some epochs. All engines share one parameter layout, so a checkpoint moves between them.

Knows nothing of: search, studies, stores.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import EpochRecord
from osetra.core.seeding import Seed
from osetra.network.initialise import initial_parameters, initial_running
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

OPTIMIZERS = ("gd", "momentum", "momentum_sum", "nesterov", "rmsprop", "adam", "adamw")
LOSSES = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "squared": "linear", "absolute": "linear", "huber": "linear"}
"""Each loss and the output that it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """How one network is trained."""

    loss: str = "cross_entropy"
    optimizer: str = "adam"
    """gd; momentum: v = beta v + (1-beta) g; momentum_sum: v = beta v + g; nesterov (of the sum form); rmsprop; adam; adamw."""
    batch_size: int = 128
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    """Decay of the squared gradients, for rmsprop, adam and adamw."""
    eps: float = 1e-8
    bias_correction: bool = True
    """Divide the averages of momentum, adam and adamw by 1 - beta^t."""
    l2: float = 0.0
    """lambda of (lambda/2m) sum ||W||^2, m the rows of the training part; adamw takes (lambda/m) W off the weights directly."""
    l1: float = 0.0
    """lambda of (lambda/m) sum |W|, whose slope is lambda/m times the sign of W."""
    clip_norm: float = 0.0
    """Longest gradient of the loss (penalties apart) that an update sees, over all parameters; 0: any. Pascanu et al. 2013."""
    keep_prob: tuple[float, ...] = ()
    """One a hidden layer; empty: no dropout there."""
    input_keep_prob: float = 1.0
    noise: float = 0.0
    """Standard deviation of the Gaussian noise added to every prepared input."""
    mixup: float = 0.0
    """alpha of the Beta(alpha, alpha) share by which each row of a batch is mixed with the next one, target too. Zhang et al. 2018."""
    flip: bool = False
    """Mirror half of the images."""
    crop_padding: int = 0
    """Pixels by which images are padded before a crop of their size is taken at random; that is, the largest shift."""
    rotation: float = 0.0
    """Largest angle, in degrees, by which images are turned."""
    distortion: float = 0.0
    """Standard deviation, in pixels, of the smooth random displacement of images. Simard et al. 2003."""
    label_smoothing: float = 0.0
    huber_delta: float = 1.0
    """In standard deviations of the target."""
    batch_norm_decay: float = 0.9
    """Of the exponentially weighted mean and variance, which are bias-corrected."""
    batch_norm_eps: float = 1e-5
    weight_averaging: float = 0.0
    """Mean age of the averaged weights, as a share of the steps so far; 0: none are averaged. See `mixing_share`."""

    def __post_init__(self) -> None:
        def require(good: bool, what: str, got: object, remedy: str) -> None:
            if not good:
                raise SpaceError(f"{what}, got {got!r}; {remedy}")

        require(self.loss in LOSSES, f"loss must be one of {', '.join(LOSSES)}", self.loss, "choose one")
        require(self.optimizer in OPTIMIZERS, f"optimizer must be one of {', '.join(OPTIMIZERS)}", self.optimizer, "choose one")
        require(self.batch_size >= 1, "batch_size must be a whole number >= 1", self.batch_size, "give rows a mini-batch, such as 128")
        for name in ("momentum", "beta1", "beta2", "batch_norm_decay"):
            value = getattr(self, name)
            require(0 <= value < 1, f"{name} must be in [0, 1)", value, "0.9 averages about the last 10")
        for name in ("eps", "huber_delta", "batch_norm_eps"):
            require(getattr(self, name) > 0, f"{name} must be > 0", getattr(self, name), "leave it at its default")
        for name in ("l2", "l1", "clip_norm", "noise", "mixup", "crop_padding", "rotation", "distortion"):
            value = getattr(self, name)
            require(0 <= value < math.inf, f"{name} must be >= 0", value, "0 switches it off")
        for value in (*self.keep_prob, self.input_keep_prob):
            require(0 < value <= 1, "keep_prob must be in (0, 1]", value, "1 switches dropout off")
        require(0 <= self.label_smoothing < 1, "label_smoothing must be in [0, 1)", self.label_smoothing, "0 switches it off")
        averaging = self.weight_averaging
        require(0 <= averaging <= 0.5, "weight_averaging must be in [0, 0.5]", averaging, "0 switches it off, 0.5 averages all steps alike")

    @property
    def moves_images(self) -> bool:
        """Whether some augmentation is on that only images can take."""
        return self.flip or self.crop_padding > 0 or self.rotation > 0 or self.distortion > 0

    @property
    def is_noiseless(self) -> bool:
        """Whether a step over all rows has nothing random in it: neither dropout nor augmentation."""
        kept = all(value == 1 for value in (*self.keep_prob, self.input_keep_prob))
        return kept and self.noise == 0 and self.mixup == 0 and not self.moves_images


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageShape:
    """How a row of inputs is an image: pixels row by row, the channels of a pixel side by side."""

    height: int
    width: int
    channels: int
    fill: tuple[float, ...]
    """What pads an image, one value a channel in prepared units: black."""

    def __post_init__(self) -> None:
        assert len(self.fill) == self.channels, f"{self.channels} channels, {len(self.fill)} values to pad with"

    @property
    def size(self) -> int:
        """Inputs an image."""
        return self.height * self.width * self.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """The prepared parts, shared by all trials and never written to.

    Inputs are [rows, num_inputs], C-contiguous, in the engine's float type. Targets are class numbers int64 [rows] for cross_entropy and
    binary_cross_entropy; or floats [rows, num_outputs], standardised for regression, 0 and 1 for binary_cross_entropy of several outputs.
    """

    train_inputs: np.ndarray
    train_targets: np.ndarray
    dev_inputs: np.ndarray
    dev_targets: np.ndarray
    train_weights: np.ndarray | None = None
    """Weight of each training row in the cost, mean 1, [rows]; None: all 1."""
    dev_weights: np.ndarray | None = None
    error_scale: float = 1.0
    """Turns an error in standardised units into target units; 1 for error rates."""
    image: ImageShape | None = None
    """None for tables."""

    def __post_init__(self) -> None:
        for part in ("train", "dev"):
            inputs, targets = getattr(self, f"{part}_inputs"), getattr(self, f"{part}_targets")
            assert inputs.ndim == 2, f"{part} inputs must be [rows, num_inputs], got shape {inputs.shape}"
            assert inputs.flags.c_contiguous, f"{part} inputs must be C-contiguous"
            assert len(inputs) == len(targets), f"{part}: {len(inputs)} rows of inputs, {len(targets)} of targets"
        assert self.train_inputs.shape[1] == self.dev_inputs.shape[1], "train and dev differ in columns"
        assert self.image is None or self.image.size == self.train_inputs.shape[1], "every input must be a channel of a pixel"

    @property
    def num_rows(self) -> int:
        """m, the rows of the training part."""
        return len(self.train_inputs)


@dataclass(slots=True, kw_only=True)
class ModelState:
    """Everything that training changes in one model; a copy of it is a checkpoint."""

    parameters: np.ndarray
    """[layout.size]"""
    first_moment: np.ndarray
    """v of momentum, m of adam; [layout.size]"""
    second_moment: np.ndarray
    """s of rmsprop, v of adam; [layout.size]"""
    running: np.ndarray
    """Batch norm's moments; [layout.running_size]"""
    averaged: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    """Averages of both over the steps, [layout.size + layout.running_size]; empty where none are kept."""
    step: int = 0
    """Updates made."""
    epoch: int = 0
    """Epochs completed."""

    def copy(self) -> "ModelState":
        return ModelState(
            parameters=self.parameters.copy(),
            first_moment=self.first_moment.copy(),
            second_moment=self.second_moment.copy(),
            running=self.running.copy(),
            averaged=self.averaged.copy(),
            step=self.step,
            epoch=self.epoch,
        )

    @property
    def scored(self) -> tuple[np.ndarray, np.ndarray]:
        """Parameters and moments of the network that is scored, and that a model is made of: the averaged ones where there are any."""
        if not self.averaged.size:
            return self.parameters, self.running
        return self.averaged[: self.parameters.size], self.averaged[self.parameters.size :]


def initial_state(
    layout: Layout,
    seed: Seed,
    *,
    scheme: str = "auto",
    gain: float = 1.0,
    distribution: str = "normal",
    averages: bool = False,
    dtype: type[np.floating] = np.float32,
) -> ModelState:
    """A model before its first step; its weights follow from `seed` alone. averages: whether averages are kept, too."""
    parameters = initial_parameters(layout, seed.generator("initialise"), scheme=scheme, gain=gain, distribution=distribution, dtype=dtype)
    running = initial_running(layout, dtype=dtype)
    return ModelState(
        parameters=parameters,
        first_moment=np.zeros_like(parameters),
        second_moment=np.zeros_like(parameters),
        running=running,
        averaged=np.concatenate([parameters, running] if averages else [np.empty(0, dtype=dtype)]),
    )


def mixing_share(averaging: float, step: int) -> float:
    """What step `step` (from 1) adds of its weights w to their average: a := a + share (w - a), 1 in the first step.

        share = (power + 1) / (step + power)        power = 1/averaging - 2

    Late steps weigh more, as step^power: the mean age of what is averaged is `averaging` times the steps so far, whatever their number.
    Source: polynomial-decay averaging, Shamir & Zhang 2013 (arXiv:1212.1824).
    """
    power = 1 / averaging - 2
    return (power + 1) / (step + power)


@dataclass(slots=True, kw_only=True)
class Member:
    """One trial as an engine sees it."""

    network: NetworkSpec
    layout: Layout
    hyperparameters: Hyperparameters
    state: ModelState
    seed: Seed
    learning_rates: Callable[[int, int], np.ndarray]
    """(epochs completed, steps an epoch) -> the rate of each step of the next epoch, float64 [steps]."""

    def __post_init__(self) -> None:
        needed = LOSSES[self.hyperparameters.loss]
        if self.network.output != needed:
            raise SpaceError(f"loss {self.hyperparameters.loss!r} needs output {needed!r}, got {self.network.output!r}; change one of them")
        if len(self.hyperparameters.keep_prob) not in (0, len(self.network.hidden_units)):
            raise SpaceError(
                f"keep_prob must give one value for each of the {len(self.network.hidden_units)} hidden layers, "
                f"got {len(self.hyperparameters.keep_prob)}"
            )


def targets_for(loss: str, targets: np.ndarray) -> np.ndarray:
    """Targets as `loss` takes them: two classes' numbers [rows] become the one target [rows, 1] of binary_cross_entropy."""
    return targets[:, None].astype(np.float64) if loss == "binary_cross_entropy" and targets.ndim == 1 else targets


def require_trainable(member: Member, data: TrainingData) -> None:
    """Raises SpaceError if the member's augmentation makes no sense for these data."""
    h = member.hyperparameters
    if h.moves_images and data.image is None:
        named = [name for name in ("flip", "crop_padding", "rotation", "distortion") if getattr(h, name)]
        raise SpaceError(f"{named[0]} must be off for tables, got {getattr(h, named[0])!r}; noise and mixup augment tables")


def mixup_shares(member: Member, steps: int) -> np.ndarray:
    """The share of a row's own in what mixup makes of it, for each step of the next epoch, float64 [steps]; 1 without mixup.

    Of lambda and 1 - lambda the larger: rows are in random order, so which of two is the own one changes nothing.
    """
    alpha = member.hyperparameters.mixup
    if alpha == 0:
        return np.ones(steps)
    drawn = member.seed.generator("mixup", member.state.epoch).beta(alpha, alpha, size=steps)
    return np.maximum(drawn, 1 - drawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedStep:
    """A training step seen from within."""

    activations: list[np.ndarray]
    """What each hidden layer gives, [rows, units] each, in training mode, the rows in any order."""
    gradient: np.ndarray
    """Of the loss, clipped and with L1's part, as the optimiser is given it (L2 it adds itself); [layout.size]"""
    change: np.ndarray
    """What the step adds to the parameters, [layout.size]"""


def quiet_member(member: Member, *, rows: int, num_rows: int) -> Member:
    """A copy whose next epoch on `rows` rows is one step of the member's, with nothing random in it and the penalty's m `num_rows`."""
    h, share = member.hyperparameters, rows / num_rows
    steps = -(-num_rows // h.batch_size)
    rate = member.learning_rates(member.state.epoch, steps)[:1]
    quiet = replace(
        h, batch_size=rows, l2=h.l2 * share, l1=h.l1 * share, keep_prob=(), input_keep_prob=1.0, noise=0.0, mixup=0.0, flip=False,
        crop_padding=0, rotation=0.0, distortion=0.0, weight_averaging=0.0,
    )  # fmt: skip
    state = replace(member.state.copy(), averaged=np.empty(0, dtype=member.state.parameters.dtype))
    return replace(member, hyperparameters=quiet, state=state, learning_rates=lambda _epoch, _steps: rate)


class Engine(Protocol):
    """Trains members on shared data. A member's result depends on nothing but itself and the data."""

    name: str

    def advance(self, members: Sequence[Member], data: TrainingData, *, epochs: int = 1) -> list[list[EpochRecord]]:
        """Train each member for `epochs` more epochs, changing its state, and return its new points, one list a member.

        A member whose cost stops being finite ends early: its last record has `train_cost` NaN or infinite.
        """
        ...

    def score(self, member: Member, inputs: np.ndarray) -> np.ndarray:
        """Outputs in scoring mode, [rows, num_outputs]: probabilities for softmax and sigmoid, values for linear."""
        ...

    def measure(self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, error_scale: float = 1.0) -> tuple[float, float]:
        """Mean loss and error (rate, or root mean squared times `error_scale`) in scoring mode."""
        ...

    def watch_step(self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int) -> WatchedStep:
        """What the member's next step would be on these rows as one batch, dropout and augmentation off; the member stays as it is.

        `num_rows` is m of the penalty.
        """
        ...

    def cost_and_gradient(
        self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int | None = None
    ) -> tuple[float, np.ndarray]:
        """Cost (penalty included, dropout off, batch norm over these rows) and its gradient [layout.size]; nothing is updated.

        `num_rows` is m of the penalty, the rows given if left out.
        """
        ...
