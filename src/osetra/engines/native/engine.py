"""The native engine: compiled whole epochs, one model a core.

Knows nothing of: threads (its caller runs one member on each), studies, stores.
"""

import ctypes
import math
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from osetra.core.blas import one_blas_thread
from osetra.core.records import EpochRecord
from osetra.core.seeding import Seed
from osetra.engines.native import epoch as compiled
from osetra.engines.native.augment import Augmentation
from osetra.engines.native.kernel import is_cached
from osetra.engines.native.table import Room, make_room, network_table
from osetra.engines.port import (
    LOSSES,
    OPTIMIZERS,
    Hyperparameters,
    Member,
    TrainingData,
    WatchedStep,
    initial_state,
    mixup_shares,
    quiet_member,
    require_trainable,
    targets_for,
)
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

SCORING_ROWS = 256
"""Rows scored at a time: enough for BLAS, few enough that the activations stay in cache."""


class NativeEngine:
    """`osetra.engines.port.Engine` in compiled code. Thread-safe: several threads may advance different members at once."""

    name = "native"

    @staticmethod
    def is_compiled() -> bool:
        """Whether this machine has the compiled code on disk; the first run takes some seconds to make it."""
        return is_cached(compiled.train_epoch) and is_cached(compiled.score_part)

    @staticmethod
    def compile() -> None:
        """Make or load the compiled code for float32; some 10 to 20 seconds where there is none on disk.

        A child process makes it, so that the compiler's 100 MB are not ours to keep; this process does where that fails, as on a disk
        that cannot be written. Raises KeyboardInterrupt if the person interrupts the child.
        """
        if not NativeEngine.is_compiled():
            command = [sys.executable, "-c", f"from {__name__} import train_toy; train_toy()"]
            child = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
            if child.returncode == -signal.SIGINT:
                raise KeyboardInterrupt
        train_toy()

    def advance(self, members: Sequence[Member], data: TrainingData, *, epochs: int = 1) -> list[list[EpochRecord]]:
        """As in the port; members one after the other."""
        with one_blas_thread():
            return [_advance(member, data, epochs) for member in members]

    def score(self, member: Member, inputs: np.ndarray) -> np.ndarray:
        """As in the port."""
        network = member.network
        parameters, running = member.state.scored
        dtype = parameters.dtype
        inputs = _writable(np.ascontiguousarray(inputs, dtype=dtype))
        z = np.empty((len(inputs), network.num_outputs), dtype=dtype)
        with one_blas_thread():
            compiled.score_rows(
                network_table(member.layout), member.hyperparameters.batch_norm_eps, inputs, parameters, running,
                make_room(member.layout, SCORING_ROWS, dropout=False, dtype=dtype), z,
            )  # fmt: skip
        if network.output == "softmax":
            z -= z.max(axis=1, keepdims=True)
            np.exp(z, out=z)
            z /= z.sum(axis=1, keepdims=True)
        elif network.output == "sigmoid":
            z = np.exp(-np.logaddexp(0, -z)).astype(dtype)
        return z

    def measure(self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, error_scale: float = 1.0) -> tuple[float, float]:
        """As in the port."""
        part = _rows(member, inputs, targets, None)
        with one_blas_thread():
            return _score(member, part, _room(member, part), np.empty(len(inputs), dtype=np.int64), error_scale)

    def watch_step(self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int) -> WatchedStep:
        """As in the port. It trains a copy for an epoch of one step, in the code that training has compiled."""
        n, sizes = len(inputs), member.network.layer_sizes
        quiet = quiet_member(member, rows=n, num_rows=num_rows)
        training = _Training(quiet, TrainingData(train_inputs=inputs, train_targets=targets, dev_inputs=inputs, dev_targets=targets))
        with one_blas_thread():
            training.epoch()
        ends = n * np.cumsum(sizes[:-1])
        return WatchedStep(
            activations=[training.room.a[start:end].reshape(n, -1).copy() for start, end in pairwise(ends)],
            gradient=training.room.gradient,
            change=quiet.state.parameters - member.state.parameters,
        )

    def cost_and_gradient(
        self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int | None = None
    ) -> tuple[float, np.ndarray]:
        """As in the port."""
        state = member.state
        room = make_room(member.layout, len(inputs), dropout=False, dtype=state.parameters.dtype)
        with one_blas_thread():
            cost = compiled.cost_and_gradient(
                network_table(member.layout), _options(member.hyperparameters, len(inputs)), member.layout.weights_size,
                num_rows or len(inputs), _rows(member, inputs, targets, None), state.parameters, state.running, room,
                np.empty(len(inputs), dtype=np.int64),
            )  # fmt: skip
        return cost, room.gradient


def train_toy() -> None:
    """One epoch of the smallest network on two rows, which needs all the code that training needs."""
    network = NetworkSpec(num_inputs=1, hidden_units=(1,), num_outputs=2)
    layout, seed = Layout(network), Seed(study=0)
    toy = Member(
        network=network, layout=layout, hyperparameters=Hyperparameters(), state=initial_state(layout, seed), seed=seed,
        learning_rates=lambda _, steps: np.zeros(steps),
    )  # fmt: skip
    inputs, targets = np.zeros((2, 1), dtype=np.float32), np.array([0, 1])
    NativeEngine().advance([toy], TrainingData(train_inputs=inputs, train_targets=targets, dev_inputs=inputs, dev_targets=targets))


class _Training:
    """A member, the rows that it trains on and the room that it needs, ready for one epoch after the other."""

    def __init__(self, member: Member, data: TrainingData) -> None:
        require_trainable(member, data)
        self._member = member
        self._table = network_table(member.layout)
        self._options = _options(member.hyperparameters, data.num_rows)
        self._augmentation = _augmentation(member, data)
        self._keep_probs = _keep_probs(member)
        self._part = _rows(member, data.train_inputs, data.train_targets, data.train_weights)
        self._order = np.empty(data.num_rows, dtype=np.int64)
        self._steps = math.ceil(data.num_rows / self._options.batch_size)
        self._whole = np.ones(self._steps)
        """Of a row in itself, where nothing is mixed."""
        has_dropout = bool((self._keep_probs < 1).any())
        self._draws = {
            "shuffle": True,
            "dropout": has_dropout,
            "image": member.hyperparameters.moves_images,
            "noise": member.hyperparameters.noise > 0,
        }
        """What is drawn; a key takes as long to make as a small step's loss."""
        self.room = make_room(member.layout, self._options.batch_size, dropout=has_dropout, dtype=member.state.parameters.dtype)

    def epoch(self) -> tuple[float, float]:
        """Train for one, changing the member's state; mean cost and mean error, as trained."""
        member, state = self._member, self._member.state
        keys = np.array([member.seed.key(purpose, state.epoch) if used else 0 for purpose, used in self._draws.items()], dtype=np.uint64)
        rates = np.ascontiguousarray(member.learning_rates(state.epoch, self._steps), dtype=np.float64)
        assert rates.shape == (self._steps,), f"{self._steps} steps an epoch, {rates.shape} learning rates"
        shares = mixup_shares(member, self._steps) if member.hyperparameters.mixup else self._whole
        cost, error, made = compiled.train_epoch(
            self._table, self._options, self._augmentation, member.layout.weights_size, self._keep_probs, rates, shares, keys, state.step,
            self._part, state.parameters, state.first_moment, state.second_moment, state.running, state.averaged,
            self.room, self._order,
        )  # fmt: skip
        state.step += made
        state.epoch += 1
        return cost, error


def _advance(member: Member, data: TrainingData, epochs: int) -> list[EpochRecord]:
    training = _Training(member, data)
    dev = _rows(member, data.dev_inputs, data.dev_targets, data.dev_weights)
    scoring_room, order = _room(member, dev), np.empty(len(dev.inputs), dtype=np.int64)
    records = []
    for _ in range(epochs):
        began = time.perf_counter()
        cost, error = training.epoch()
        dev_loss, dev_error = _score(member, dev, scoring_room, order, data.error_scale)
        records.append(
            EpochRecord(
                epoch=member.state.epoch,
                train_cost=cost,
                train_error=_error(member.hyperparameters.loss, error, data.error_scale),
                dev_loss=dev_loss,
                dev_error=dev_error,
                seconds=time.perf_counter() - began,
            )
        )
        if not (math.isfinite(cost) and math.isfinite(dev_loss)):
            break
    return records


def _score(member: Member, part: compiled.Rows, room: Room, order: np.ndarray, error_scale: float) -> tuple[float, float]:
    loss, error = compiled.score_part(
        network_table(member.layout), _options(member.hyperparameters, len(order)), part, *member.state.scored, room, order
    )
    return loss, _error(member.hyperparameters.loss, error, error_scale)


def _error(loss: str, mean: float, scale: float) -> float:
    """An error rate as it is, a mean squared error as its root in target units."""
    if LOSSES[loss] == "linear":
        return math.sqrt(mean) * scale if mean >= 0 else mean
    return mean


def _room(member: Member, part: compiled.Rows) -> Room:
    rows = min(SCORING_ROWS, len(part.inputs))
    return make_room(member.layout, rows, dropout=False, dtype=member.state.parameters.dtype)


def _keep_probs(member: Member) -> np.ndarray:
    """Of what each layer is fed: the input's, then the hidden layers', float64 [num_layers]."""
    hidden = member.hyperparameters.keep_prob or (1.0,) * len(member.network.hidden_units)
    return np.array([member.hyperparameters.input_keep_prob, *hidden])


def _options(hyperparameters: Hyperparameters, rows: int) -> compiled.Options:
    h = hyperparameters
    return compiled.Options(
        loss=list(LOSSES).index(h.loss),
        optimizer=OPTIMIZERS.index(h.optimizer),
        batch_size=min(h.batch_size, rows),
        momentum=float(h.momentum),
        beta1=float(h.beta1),
        beta2=float(h.beta2),
        eps=float(h.eps),
        bias_correction=bool(h.bias_correction),
        l2=float(h.l2),
        l1=float(h.l1),
        clip_norm=float(h.clip_norm),
        label_smoothing=float(h.label_smoothing),
        huber_delta=float(h.huber_delta),
        batch_norm_decay=float(h.batch_norm_decay),
        batch_norm_eps=float(h.batch_norm_eps),
        weight_averaging=float(h.weight_averaging),
    )


@cache
def _no_augmentation(dtype: np.dtype) -> Augmentation:
    fill = np.empty(0, dtype=dtype)
    return Augmentation(
        noise=0.0, flip=False, padding=0, rotation=0.0, distortion=0.0, height=0, width=0, channels=0, fill=fill
    )  # fmt: skip


def _augmentation(member: Member, data: TrainingData) -> Augmentation:
    h, image = member.hyperparameters, data.image
    off = _no_augmentation(member.state.parameters.dtype)
    if h.moves_images:
        assert image is not None, "require_trainable was not asked"
        off = off._replace(height=image.height, width=image.width, channels=image.channels, fill=np.array(image.fill, dtype=off.fill.dtype))
        off = off._replace(
            flip=bool(h.flip), padding=int(h.crop_padding), rotation=math.radians(h.rotation), distortion=float(h.distortion)
        )  # fmt: skip
    return off._replace(noise=float(h.noise)) if h.noise else off


def _rows(member: Member, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> compiled.Rows:
    dtype = inputs.dtype
    targets = targets_for(member.hyperparameters.loss, targets)
    by_class = targets.ndim == 1
    return compiled.Rows(
        inputs=_writable(inputs),
        labels=_writable(np.ascontiguousarray(targets, dtype=np.int64)) if by_class else np.empty(0, dtype=np.int64),
        targets=np.empty((0, 0), dtype=dtype) if by_class else _writable(np.ascontiguousarray(targets, dtype=dtype)),
        weights=np.empty(0, dtype=dtype) if weights is None else _writable(np.ascontiguousarray(weights, dtype=dtype)),
    )


def _writable(array: np.ndarray) -> np.ndarray:
    """The same memory under a view that Numba takes for writable.

    Compiled code only reads it; but to Numba a read-only array is another type, which would be compiled anew.
    """
    if array.flags.writeable:
        return array
    if array.size == 0:
        return array.copy()
    memory = (ctypes.c_char * array.nbytes).from_address(array.ctypes.data)
    return np.frombuffer(memory, dtype=array.dtype).reshape(array.shape)  # pyright: ignore[reportArgumentType, reportCallIssue]
