"""Vanishing and exploding signals in a network of 50 layers, and the two cures: the right starting variance, and batch norm.

    python examples/deep_network.py            prints the table and writes docs/figures/deep_network.svg

In every layer the mean square of a relu network's activations is multiplied by gain^2 (He's variance 2/n_in times gain^2), so over 50
layers by gain^100; a tanh network with Xavier's variance shrinks slowly, as tanh bends its larger inputs. Batch norm undoes the gain in
every layer. (It keeps the size of activations, not of gradients: at the start those still grow towards the first layer. Yang et al. 2019,
arXiv:1902.08129.)
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import Hyperparameters, Member, initial_state
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

LAYERS, UNITS, ROWS = 50, 100, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    activation: str
    scheme: str
    gain: float = 1.0
    batch_norm: bool = False


CASES = (
    Case(name="relu, He", activation="relu", scheme="he"),
    Case(name="relu, He, gain 0.8", activation="relu", scheme="he", gain=0.8),
    Case(name="relu, He, gain 1.4", activation="relu", scheme="he", gain=1.4),
    Case(name="relu, Xavier", activation="relu", scheme="xavier"),
    Case(name="tanh, Xavier", activation="tanh", scheme="xavier"),
    Case(name="relu, gain 0.8, batch norm", activation="relu", scheme="he", gain=0.8, batch_norm=True),
    Case(name="relu, gain 1.4, batch norm", activation="relu", scheme="he", gain=1.4, batch_norm=True),
)


def measure(case: Case, *, seed: int = 0, units: int = UNITS) -> tuple[np.ndarray, np.ndarray]:
    """Mean square of each hidden layer's activations, and the mean square of each layer's dJ/dW, [LAYERS] each, before training."""
    network = NetworkSpec(
        num_inputs=units, hidden_units=(units,) * LAYERS, num_outputs=2, activations=(case.activation,) * LAYERS, batch_norm=case.batch_norm
    )  # fmt: skip
    layout, key = Layout(network), Seed(study=seed, trial=0)
    member = Member(
        network=network,
        layout=layout,
        hyperparameters=Hyperparameters(),
        state=initial_state(layout, key, scheme=case.scheme, gain=case.gain, dtype=np.float64),
        seed=key,
        learning_rates=lambda _epoch, steps: np.full(steps, 1e-3),
    )
    draw = key.generator("demonstration")
    inputs, targets = draw.normal(size=(ROWS, units)), draw.integers(0, 2, ROWS)
    step = NativeEngine().watch_step(member, inputs, targets, num_rows=ROWS)
    gradients = [layout.view(step.gradient, f"W{layer}") for layer in range(1, LAYERS + 1)]
    return np.array([np.square(a).mean() for a in step.activations]), np.array([np.square(g).mean() for g in gradients])


COLOURS = ("#1b6ca8", "#d1495b", "#edae49", "#8d6a9f", "#2e933c", "#6b7280", "#111827")
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 380, 64, 34, 210, 44
LOWEST, HIGHEST = -16.0, 16.0


def drawing(results: dict[str, tuple[np.ndarray, np.ndarray]]) -> str:
    """The mean squares of the activations by layer, on a logarithmic axis, as an SVG page."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(layer: float, power: float) -> tuple[float, float]:
        x = LEFT + (layer - 1) / (LAYERS - 1) * (right - LEFT)
        return x, bottom - (min(max(power, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST) * (bottom - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="14">Mean square of the activations in a network of {LAYERS} layers, before training</text>',
    ]
    for power in range(int(LOWEST), int(HIGHEST) + 1, 4):
        _, y = place(1, power)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>')
    for layer in (1, 10, 20, 30, 40, 50):
        x, _ = place(layer, 0)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{layer}</text>')
    parts.append(f'<text x="{(LEFT + right) / 2:.0f}" y="{bottom + 36}" text-anchor="middle">layer</text>')
    for number, (name, (squares, _)) in enumerate(results.items()):
        points = " ".join("{:.1f},{:.1f}".format(*place(layer, np.log10(square))) for layer, square in enumerate(squares, start=1))
        dashes = ' stroke-dasharray="5 4"' if "batch norm" in name else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[number]}" stroke-width="2"{dashes}/>')
        y = TOP + 14 + 22 * number
        parts.append(
            f'<line x1="{right + 16}" y1="{y}" x2="{right + 40}" y2="{y}" stroke="{COLOURS[number]}" stroke-width="2"{dashes}/>'
            f'<text x="{right + 46}" y="{y + 4}">{name}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def main(path: Path) -> None:
    results = {case.name: measure(case) for case in CASES}
    last = f"layer {LAYERS}"
    print(f"{'mean square of':<28} {'activations, layer 1':>20} {last:>10} {'dJ/dW, layer 1':>16} {last:>10}")

    for name, (squares, slopes) in results.items():
        print(f"{name:<28} {squares[0]:>20.3g} {squares[-1]:>10.3g} {slopes[0]:>16.3g} {slopes[-1]:>10.3g}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(drawing(results), encoding="utf-8")
    print(f"\n{path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs" / "figures" / "deep_network.svg")
