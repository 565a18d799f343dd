"""Where each parameter of a network lies in one flat row.

A model is a row of numbers [size]: first the weights W1 .. WL, which regularisation touches, then b, gamma and beta of each
layer, which it never does. Optimiser moments use the same layout, so dropping, cloning and checkpointing a model are row operations.
Batch norm's running moments, which are not learned, lie in a second row [running_size].

Knows nothing of: values, training, data.
"""

from dataclasses import dataclass, field

import numpy as np

from osetra.network.spec import NetworkSpec


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets of the parameters of `network`. Names are `W1`, `b1`, `gamma1`, `beta1`, and `mean1`, `variance1` in the running row."""

    network: NetworkSpec
    size: int = field(init=False)
    """Numbers in the parameter row."""
    weights_size: int = field(init=False)
    """Numbers in its first part, the weights."""
    running_size: int = field(init=False)
    parameters: dict[str, tuple[int, tuple[int, ...]]] = field(init=False)
    """name -> (offset, shape) in the parameter row; W has shape [units before, units]."""
    running: dict[str, tuple[int, tuple[int, ...]]] = field(init=False)

    def __post_init__(self) -> None:
        parameters: dict[str, tuple[int, tuple[int, ...]]] = {}
        running: dict[str, tuple[int, tuple[int, ...]]] = {}
        sizes = self.network.layer_sizes
        at = 0
        for layer in range(1, len(sizes)):
            parameters[f"W{layer}"] = (at, (sizes[layer - 1], sizes[layer]))
            at += sizes[layer - 1] * sizes[layer]
        object.__setattr__(self, "weights_size", at)
        running_at = 0
        for layer in range(1, len(sizes)):
            units = sizes[layer]
            normalised = self.network.batch_norm and layer < len(sizes) - 1
            for name in ("gamma", "beta") if normalised else ("b",):
                parameters[f"{name}{layer}"] = (at, (units,))
                at += units
            for name in ("mean", "variance") if normalised else ():
                running[f"{name}{layer}"] = (running_at, (units,))
                running_at += units
        object.__setattr__(self, "size", at)
        object.__setattr__(self, "running_size", running_at)
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "running", running)

    def view(self, row: np.ndarray, name: str) -> np.ndarray:
        """The part of a row that holds `name`, in its shape; writing to it writes to the row. Raises KeyError for an unknown name."""
        offset, shape = self.parameters[name] if name in self.parameters else self.running[name]
        return row[offset : offset + int(np.prod(shape))].reshape(shape)
