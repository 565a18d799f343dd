"""Models made without training: random weights and running moments behind a real preparation."""

import numpy as np
import pandas as pd

from osetra.core.records import Task
from osetra.data.images import Images
from osetra.data.prepare import Preparation
from osetra.data.tables import Dataset
from osetra.models.model import Model
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

ROWS = 300


def weights(network: NetworkSpec, *, seed: int = 0, dtype: type[np.floating] = np.float32) -> tuple[Layout, np.ndarray, np.ndarray]:
    """Layout, parameters and running moments; variances within 0.2 .. 2, nothing at its starting value."""
    draw = np.random.default_rng(seed)
    layout = Layout(network)
    parameters = draw.normal(0, 1 / np.sqrt(network.num_inputs), layout.size).astype(dtype)
    running = draw.normal(0, 1, layout.running_size).astype(dtype)
    for name in layout.running:
        if name.startswith("variance"):
            view = layout.view(running, name)
            view[:] = draw.uniform(0.2, 2, view.shape)
    return layout, parameters, running


def features(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Numbers, text, dates and blanks."""
    draw = np.random.default_rng(seed)
    weight = draw.normal(50, 9, rows)
    weight[::7] = np.nan
    return pd.DataFrame(
        {
            "age": draw.integers(18, 90, rows),
            "weight": weight,
            "job": draw.choice(np.array(["clerk", "cook", None, "pilot"], dtype=object), rows),
            "since": np.datetime64("2015-03-01T10:30") + draw.integers(0, 2000, rows).astype("timedelta64[D]"),
        }
    )


def model(frame: pd.DataFrame | Images, target: pd.DataFrame, task: Task, *, output: str | None = None, hidden=(17, 8), **others) -> Model:
    """A model of `target` from `frame`, or images, prepared on all rows."""
    data = Dataset(features=frame, target=target, task=task, target_names=tuple(target.columns), source="made")
    preparation = Preparation.fit(data, np.arange(len(frame)))
    network = NetworkSpec(
        num_inputs=preparation.num_inputs,
        hidden_units=hidden,
        num_outputs=1 if output == "sigmoid" else preparation.num_outputs,
        output=output or ("softmax" if task.is_classification else "linear"),
        activations=("gelu", "tanh")[: len(hidden)],
        batch_norm=bool(hidden),
    )
    layout, parameters, running = weights(network)
    for name in layout.parameters:  # units far from constant, so that every class is somebody's likeliest
        layout.view(parameters, name)[:] *= {"g": 10, "W": 2}.get(name[0], 0.1)
    return Model(preparation=preparation, network=network, parameters=parameters, running=running, **others)


def pixels(count: int = ROWS, height: int = 6, width: int = 5, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Noise, uint8 [count, height, width, channels]."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def classifier(**others) -> Model:
    """Of three classes of text."""
    target = pd.DataFrame({"grade": np.array(["low", "middle", "high"])[np.arange(ROWS) % 3]})
    return model(features(), target, Task.MULTICLASS, **others)


def regressor(num_targets: int = 1, **others) -> Model:
    """Of one value or several, each of its own size."""
    draw = np.random.default_rng(5)
    target = pd.DataFrame({f"y{k}": draw.normal(100 * k, 10.0**k, ROWS) for k in range(num_targets)})
    return model(features(), target, Task.REGRESSION, **others)
