"""A trained model: a preparation and one network in scoring mode.

Knows nothing of: how the network was trained or found, files of models.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from osetra.core.errors import ModelError
from osetra.data.prepare import Preparation
from osetra.models.predictor import Predictor, predictions_frame
from osetra.models.score import FoldedNetwork, fold
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

__all__ = ["Model", "predictions_frame"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Model(Predictor):
    """A preparation and the network trained on what it prepares. Nothing in it changes, so threads may share it.

    What `data` may be, and what is raised, `Predictor` says.
    """

    preparation: Preparation
    network: NetworkSpec
    parameters: np.ndarray
    """float32 [layout.size]; a copy is kept."""
    running: np.ndarray
    """Batch norm's moments, float32 [layout.running_size]; a copy is kept."""
    batch_norm_eps: float = 1e-5
    feature_names: tuple[str, ...] = ()
    """All feature columns of the training data in their order, unused ones too: what the columns of an array are. None for images.

    Left out, they are taken to be the columns in use or, if those are called x0, x1, ... as those of an array are, x0 up to the last.
    """
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Where it comes from, JSON-able: study, trial, configuration, errors and their intervals, version, date."""
    layout: Layout = field(init=False)
    folded: FoldedNetwork = field(init=False)

    def __post_init__(self) -> None:
        layout = Layout(self.network)
        _require_fit(self.preparation, self.network)
        parameters, running = (np.array(row, np.float32) for row in (self.parameters, self.running))
        for row in (parameters, running):
            row.setflags(write=False)
        if not (np.isfinite(parameters).all() and np.isfinite(running).all()):
            raise ModelError("every weight and running moment of a model must be finite, got NaN or infinity; use another trial's weights")
        if not self.batch_norm_eps > 0:
            raise ModelError(f"batch_norm_eps must be > 0, got {self.batch_norm_eps}; give the one of the training, such as 1e-5")
        if any((layout.view(running, name) < 0).any() for name in layout.running if name.startswith("variance")):
            raise ModelError("the running variances of a model must be >= 0, got a negative one; use another trial's weights")
        folded = fold(self.network, layout, parameters, running, batch_norm_eps=self.batch_norm_eps)
        used = tuple(column.column for column in self.preparation.columns)
        missing = set(used) - set(self.feature_names)
        if self.feature_names and missing:
            raise ModelError(
                f"feature_names must hold every column in use, got none called {', '.join(map(repr, sorted(missing)))}; add them"
            )
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "running", running)
        object.__setattr__(self, "batch_norm_eps", float(self.batch_norm_eps))
        object.__setattr__(self, "layout", layout)
        object.__setattr__(self, "folded", folded)
        object.__setattr__(self, "feature_names", tuple(self.feature_names) or _positions(used))

    @property
    def num_parameters(self) -> int:
        return self.layout.size

    def prepared_outputs(self, inputs: np.ndarray) -> np.ndarray:
        """What the network says of prepared inputs [rows, num_inputs], float32; see `Predictor.prepared_outputs`."""
        outputs = self.folded.outputs(inputs)
        if not np.isfinite(outputs).all():
            row = int(np.argmin(np.isfinite(outputs).all(axis=1)))
            raise ModelError(
                f"the network's outputs must be finite, got overflow in row {row + 1:,}; its weights are too large, retrain it"
            )
        if self.network.output == "sigmoid":
            return np.concatenate([1 - outputs, outputs], axis=1)
        return outputs

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.network.layer_sizes))
        return f"<Model: {self.preparation.task} of {', '.join(self.preparation.target_names)}, network {sizes}>"


def _require_fit(preparation: Preparation, network: NetworkSpec) -> None:
    """A preparation and a network fit if one's inputs and answers are the other's; a binary model may have one sigmoid output."""
    wanted = ("softmax", preparation.num_outputs) if preparation.task.is_classification else ("linear", preparation.num_outputs)
    outputs = [wanted] + [("sigmoid", 1)] * (len(preparation.classes) == 2)
    if network.num_inputs != preparation.num_inputs or (network.output, network.num_outputs) not in outputs:
        raise ModelError(
            f"the network of this {preparation.task} model must have {preparation.num_inputs} inputs and "
            f"{' or '.join(f'{count} {kind} outputs' for kind, count in outputs)}, "
            f"got {network.num_inputs} inputs and {network.num_outputs} {network.output} outputs; give the parts of one model"
        )


def _positions(used: tuple[str, ...]) -> tuple[str, ...]:
    numbers = [int(name[1:]) for name in used if name[:1] == "x" and name[1:].isdecimal() and name == f"x{int(name[1:])}"]
    return tuple(f"x{k}" for k in range(max(numbers, default=-1) + 1)) if len(numbers) == len(used) else used
