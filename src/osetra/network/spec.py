"""What a fully connected network is: sizes, activations, batch norm, output.

Knows nothing of: data, training, where parameters lie.
"""

from dataclasses import dataclass

from osetra.core.errors import SpaceError

ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "linear")
OUTPUTS = ("softmax", "sigmoid", "linear")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A network of `len(hidden_units)` hidden layers and one output layer. Layers are numbered from 1; the output layer is the last."""

    num_inputs: int
    hidden_units: tuple[int, ...]
    """Units of each hidden layer; empty for (soft)max or linear regression."""
    num_outputs: int
    output: str = "softmax"
    activations: tuple[str, ...] = ()
    """One a hidden layer; relu throughout where left out."""
    batch_norm: bool = False
    """Normalise z in every hidden layer; a normalised layer has gamma and beta and no bias."""

    def __post_init__(self) -> None:
        if not self.activations:
            object.__setattr__(self, "activations", ("relu",) * len(self.hidden_units))
        if self.num_inputs < 1 or self.num_outputs < 1 or any(units < 1 for units in self.hidden_units):
            raise SpaceError(f"every layer needs at least 1 unit, got {self.layer_sizes}; give whole numbers from 1 up")
        if len(self.activations) != len(self.hidden_units):
            raise SpaceError(
                f"activations must name one for each of the {len(self.hidden_units)} hidden layers, got {len(self.activations)}; "
                "give one a layer or leave them out"
            )
        for name in self.activations:
            if name not in ACTIVATIONS:
                raise SpaceError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
        if self.output not in OUTPUTS:
            raise SpaceError(f"output must be one of {', '.join(OUTPUTS)}, got {self.output!r}")
        if self.output == "softmax" and self.num_outputs < 2:
            raise SpaceError(f"softmax needs at least 2 outputs, got {self.num_outputs}; use output='sigmoid' for one")

    @property
    def num_layers(self) -> int:
        """Layers with weights: hidden ones and the output layer."""
        return len(self.hidden_units) + 1

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units from the input to the output, [num_layers + 1]."""
        return (self.num_inputs, *self.hidden_units, self.num_outputs)
