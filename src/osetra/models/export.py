"""Models for elsewhere: ONNX, a PyTorch module, plain NumPy. None of them needs osetra, and none holds a pickle.

    onnx     NAME.onnx                       the network alone: numbers in, probabilities or values out
    torch    NAME.py, NAME.safetensors       source to read and change, and its weights
    numpy    NAME.py, NAME.npz               the same in NumPy alone

Batch norm is folded into the weights, standardisation is part of what is exported, and so is turning outputs into probabilities or target
units. The two Python forms also take rows as people have them, text and dates included; ONNX takes the inputs that these become, in
the order of `input_names` in the file's metadata, or the pixels of images.

Knows nothing of: how models are found and saved.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from osetra.core.errors import ModelError
from osetra.data.columns import HashedColumn
from osetra.data.image_inputs import ImageInputs
from osetra.data.prepare import Preparation
from osetra.models.ensemble import Ensemble
from osetra.models.model import Model
from osetra.models.predictor import Predictor
from osetra.models.score import FoldedNetwork

FORMS = ("onnx", "torch", "numpy")
ENDINGS: Mapping[str, str] = {"onnx": ".onnx", "torch": ".py", "numpy": ".py"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What any export is made of."""

    preparation: Preparation
    networks: tuple[FoldedNetwork, ...]
    """One, or one for each member of an ensemble."""
    shares: tuple[float, ...]
    """How much each network counts; they sum to 1."""
    columns: tuple[tuple[str, str, tuple[str, ...], dict[str, int]], ...]
    """As `export_rows.raw_inputs` takes them; none for images."""
    mean: np.ndarray
    """Of each input before it is standardised, float64 [inputs]."""
    scale: np.ndarray
    """float64 [inputs]; infinite where an input is left at 0."""

    @classmethod
    def of(cls, model: Predictor) -> "Parts":
        assert isinstance(model, Model | Ensemble), f"a {type(model).__name__}"
        members = model.members if isinstance(model, Ensemble) else (model,)
        features = model.preparation.features
        columns = model.preparation.columns
        if isinstance(features, ImageInputs):
            pixels = features.shape[0] * features.shape[1]
            mean, scale = (np.tile(np.array(values, np.float64), pixels) for values in (features.mean, features.scale))
            scale = np.where(scale > 0, scale, np.inf)
        else:
            inputs = [item for column in columns for item in column.inputs]
            mean, scale = (np.array([getattr(item, name) for item in inputs], np.float64) for name in ("mean", "scale"))
        return cls(
            preparation=model.preparation,
            networks=tuple(member.folded for member in members),
            shares=model.weights if isinstance(model, Ensemble) else (1.0,),
            columns=tuple(
                (column.kind, column.column, tuple(item.part for item in column.inputs),
                 dict(column.counts) if isinstance(column, HashedColumn) else {})
                for column in columns
            ),
            mean=mean,
            scale=scale,
        )  # fmt: skip

    @property
    def is_one_sigmoid(self) -> bool:
        """Whether the networks have one output for two classes."""
        return self.networks[0].network.output == "sigmoid"

    def facts(self) -> dict[str, Any]:
        """What a reader should know, JSON-able."""
        answers = self.preparation.answers
        return {
            "task": str(answers.task), "target": list(answers.target_names), "classes": list(answers.classes),
            "input_names": list(self.preparation.input_names), "image_shape": self.preparation.image_shape,
        }  # fmt: skip


def export(model: Predictor, to: str, path: str | Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write the model in another form; returns the files.

    to: onnx, torch or numpy. path: a name that ends in .onnx, or .py for the other two, whose weights go beside it.
    overwrite: whether files that are there are replaced. Raises ModelError for another form, ending or a place that is taken or cannot
    be written; MissingExtra for onnx without its library.
    """
    if to not in FORMS:
        raise ModelError(f"a model is exported to one of {', '.join(FORMS)}, got {to!r}; choose one")
    place = Path(path)
    if place.suffix != ENDINGS[to] or (not place.stem.isidentifier() and to != "onnx"):
        example = f"model{ENDINGS[to]}"
        raise ModelError(
            f"an export to {to} needs a name that ends in {ENDINGS[to]}{' and can be imported' if to != 'onnx' else ''}, "
            f"got {place.name!r}; give one such as {example}"
        )
    parts = Parts.of(model)
    if to == "onnx":
        from osetra.models.export_onnx import onnx_file

        files = {place: onnx_file(parts)}
    else:
        from osetra.models.export_python import python_files

        files = {place.with_suffix(ending): content for ending, content in python_files(parts, to).items()}
    taken = [str(one) for one in files if one.exists()]
    if taken and not overwrite:
        raise ModelError(f"an export needs names that are free, got {' and '.join(taken)}, which exist; name another, or allow overwriting")
    _write(files)
    return tuple(files)


def _write(files: Mapping[Path, bytes]) -> None:
    """Each whole or not at all."""
    for path, content in files.items():
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            fresh.write_bytes(content)
            fresh.replace(path)
        except OSError as error:
            raise ModelError(f"an export needs a place that can be written, got {path}: {error.strerror or error}; name another") from error
        finally:
            fresh.unlink(missing_ok=True)


def as_layers(network: FoldedNetwork) -> Sequence[tuple[np.ndarray, np.ndarray, str]]:
    """Weights [units, units before], biases [units] and what is applied to the sum, of each layer; the output's own is its kind."""
    functions = (*network.network.activations, network.network.output)
    return [(weights, bias[:, 0], function) for weights, bias, function in zip(network.weights, network.biases, functions, strict=True)]
