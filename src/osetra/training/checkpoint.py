"""A trial's life as bytes, and back: weights, optimiser moments, running moments and averages, now and at the best epoch.

What is put away and taken up again goes on to the bits of what was never put away. The format is safetensors, which executes nothing;
the curve is not in it, since whoever keeps checkpoints keeps curves.
Knows nothing of: where bytes are kept, whether they arrived whole.
"""

from collections.abc import Sequence

import numpy as np

from osetra.core.errors import StoreError
from osetra.core.records import EpochRecord
from osetra.engines.port import ModelState
from osetra.training.life import Life

ARRAYS = ("parameters", "first_moment", "second_moment", "running", "averaged")
COUNTERS = "counters"
"""int64 [states, 2]: step and epoch of each."""


def pack(life: Life, *, at_best: bool = False) -> bytes:
    """The state of a life that has begun; at_best: as it was at the end of its best epoch, of which it must have one."""
    from safetensors.numpy import save

    states = life.states()
    if at_best:
        assert life.weights is not None, "a life without a best epoch"
        states = [("now", life.weights), ("best", life.weights)]
    arrays = {f"{prefix}_{name}": np.ascontiguousarray(getattr(state, name)) for prefix, state in states for name in ARRAYS}
    return save({**arrays, COUNTERS: np.array([[state.step, state.epoch] for _, state in states], dtype=np.int64)})


def restore(life: Life, data: bytes, curve: Sequence[EpochRecord]) -> None:
    """Bring a life that has not begun to where `data` was packed. curve: the trial's epochs, as many as were trained then or more.

    Raises StoreError for bytes that are no checkpoint of this network.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        counters = arrays[COUNTERS].tolist()
        now = _state(arrays, "now", counters[0], like=life.member.state)
        best = _state(arrays, "best", counters[1], like=life.member.state) if len(counters) > 1 else None
    except (SafetensorError, KeyError, IndexError, ValueError) as error:
        raise StoreError(f"a checkpoint must hold the arrays of its trial's network, got other bytes ({error}); drop it") from error
    if now.epoch > len(curve):
        raise StoreError(f"a checkpoint of epoch {now.epoch} needs the trial's epochs up to it, got {len(curve)}; drop it")
    life.member.state, life.weights = now, best
    for record in curve[: now.epoch]:
        life.remember(record)


def _state(arrays: dict[str, np.ndarray], prefix: str, counters: list[int], *, like: ModelState) -> ModelState:
    # What keeps no averages may have been packed before there were any.
    found = {name: arrays[f"{prefix}_{name}"] for name in ARRAYS if name != "averaged" or like.averaged.size}
    for name, array in found.items():
        wanted = getattr(like, name)
        if array.shape != wanted.shape or array.dtype != wanted.dtype:
            raise ValueError(f"{name} {array.dtype}{list(array.shape)} instead of {wanted.dtype}{list(wanted.shape)}")
    found.setdefault("averaged", like.averaged)
    return ModelState(**found, step=int(counters[0]), epoch=int(counters[1]))
