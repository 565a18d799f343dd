"""A model as a Python file that people read and change, with its weights beside it: a PyTorch module, or NumPy alone.

What data and people called things enters the source as literals only, in ASCII, so that no name can be code.
Knows nothing of: where files go.
"""

import io
import pprint
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from osetra.data.columns import CLIP
from osetra.models import export_rows
from osetra.models.export import Parts, as_layers

WEIGHTS: Mapping[str, str] = {"torch": ".safetensors", "numpy": ".npz"}
_TORCH = {
    "relu": "functional.relu({z})", "leaky_relu": "functional.leaky_relu({z}, 0.01)", "elu": "functional.elu({z})",
    "gelu": "functional.gelu({z})", "silu": "functional.silu({z})", "tanh": "torch.tanh({z})", "sigmoid": "torch.sigmoid({z})",
    "linear": "{z}", "softmax": "torch.softmax({z}, dim=1)",
}  # fmt: skip
_NUMPY = {
    "relu": "np.maximum({z}, 0)", "leaky_relu": "np.maximum({z}, 0.01 * {z})",
    "elu": "np.maximum({z}, 0) + np.expm1(np.minimum({z}, 0))", "gelu": "gelu({z})", "silu": "{z} * sigmoid({z})", "tanh": "np.tanh({z})",
    "sigmoid": "sigmoid({z})", "linear": "{z}", "softmax": "softmax({z})",
}  # fmt: skip
_NUMPY_FUNCTIONS = {
    "sigmoid": """
def sigmoid(z):
    # No exponent is ever positive, so nothing overflows.
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))
""",
    "softmax": """
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
""",
    "gelu": """
def gelu(z):
    erf = np.vectorize(math.erf, otypes=[np.float64])(z * 0.5**0.5) if z.size else z
    return (0.5 * z * (1 + erf)).astype(np.float32)
""",
}


def python_files(parts: Parts, to: str) -> dict[str, bytes]:
    """The content of each file by its ending. to: torch or numpy."""
    tensors = _tensors(parts, to)
    network = _torch(parts) if to == "torch" else _numpy(parts)
    blocks = (_opening(parts, to), _constants(parts), *network, _closing(parts, to), _rows(parts))
    source = "\n\n\n".join(block.strip("\n") for block in blocks if block)
    return {".py": (source + "\n").encode("ascii"), WEIGHTS[to]: _torch_weights(tensors) if to == "torch" else _numpy_weights(tensors)}


def _tensors(parts: Parts, to: str) -> dict[str, np.ndarray]:
    """mean and scale of the inputs, and weights and biases, by the names that the source has for them."""
    tensors = {"mean": parts.mean, "scale": parts.scale}
    for number, network in enumerate(parts.networks, start=1):
        prefix = f"network{number}." if to == "torch" else f"{number}."
        for layer, (weights, bias, _) in enumerate(as_layers(network), start=1):
            tensors |= {f"{prefix}layer{layer}.weight": weights, f"{prefix}layer{layer}.bias": np.ascontiguousarray(bias)}
    if not parts.preparation.task.is_classification:
        tensors |= {"target_mean": parts.preparation.target_mean, "target_scale": parts.preparation.target_scale}
    return tensors


def _torch_weights(tensors: Mapping[str, np.ndarray]) -> bytes:
    from safetensors.numpy import save

    return save(dict(tensors))


def _numpy_weights(tensors: Mapping[str, np.ndarray]) -> bytes:
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **dict(tensors))  # pyright: ignore[reportArgumentType] -- arrays, by name
    return content.getvalue()


def _opening(parts: Parts, to: str) -> str:
    shape = parts.preparation.image_shape
    if shape is not None:
        given = f"pixels, uint8 [images, {', '.join(map(str, shape))}]: images as rows of pixels"
    else:
        given = "a table, such as a dict of lists by column or a data frame"
    answers = "probabilities [rows, classes]" if parts.preparation.task.is_classification else "values [rows, targets]"
    library = "PyTorch and safetensors" if to == "torch" else "NumPy alone"
    lines = [
        '"""A network trained by osetra, in ' + ("PyTorch" if to == "torch" else "NumPy") + ".",
        "",
        f"    predict(table)        the answer for each row of {'images' if shape else 'a table'}",
        f"    outputs(table)        {answers}",
        "",
        f"Takes {given}.",
        f"Needs {library}. Its weights lie beside it, in the file of the same name that ends in {WEIGHTS[to]}.",
        "Batch norm is folded into the weights.",
        '"""',
        "",
        *(["import math", "import zlib", "from collections.abc import Mapping, Sequence", "from datetime import UTC, date, datetime"]
          if parts.columns else ["import math"] if to == "numpy" and _uses(parts, "gelu") else []),
        *(["from functools import cache"] if to == "torch" else []),
        "from pathlib import Path",
        *(["from typing import Any"] if parts.columns else []),
        "",
        "import numpy as np",
        *(["import torch", "from safetensors.torch import load_file", "from torch import nn", "from torch.nn import functional"]
          if to == "torch" else []),
    ]  # fmt: skip
    return "\n".join(lines)


def _constants(parts: Parts) -> str:
    answers = parts.preparation.answers
    lines = [f"TARGETS = {_literal(list(answers.target_names))}"]
    if answers.classes:
        lines += [f"CLASSES = {_literal(list(answers.classes))}"]
    if parts.columns:
        columns = [(kind, name, list(of), counts) for kind, name, of, counts in parts.columns]
        lines += ["# Kind, name, what the network is told of it, and rows that each level had in training where those count.",
                  f"COLUMNS = {_literal(columns)}"]  # fmt: skip
    return "\n".join(lines)


def _rows(parts: Parts) -> str:
    """The functions of `export_rows`, as they stand there."""
    if not parts.columns:
        return ""
    source = Path(export_rows.__file__).read_text(encoding="utf-8")
    return source[source.index("def raw_inputs") :]


def _torch(parts: Parts) -> list[str]:
    blocks = []
    for number, network in enumerate(parts.networks, start=1):
        layers = as_layers(network)
        made = [
            f"        self.layer{at} = nn.Linear({weights.shape[1]}, {weights.shape[0]})"
            for at, (weights, _, _) in enumerate(layers, start=1)
        ]
        steps = [f"        a = {_TORCH[function].format(z=f'self.layer{at}(a)')}" for at, (_, _, function) in enumerate(layers, start=1)]
        blocks.append(
            "\n".join(
                [f"class Network{number}(nn.Module):", "    def __init__(self):", "        super().__init__()", *made, "",
                 "    def forward(self, a):", *steps, "        return a"]
            )
        )  # fmt: skip
    size, outputs = parts.preparation.num_inputs, len(parts.preparation.target_names)
    is_values = not parts.preparation.task.is_classification
    buffers = [
        f'        self.register_buffer("{name}", torch.zeros({length}, dtype=torch.float64))'
        for name, length in (("mean", size), ("scale", size), *((("target_mean", outputs), ("target_scale", outputs)) if is_values else ()))
    ]
    networks = [f"        self.network{number} = Network{number}()" for number in range(1, len(parts.networks) + 1)]
    said = _mean(parts, [f"self.network{number}(inputs)" for number in range(1, len(parts.networks) + 1)])
    after = ["        a = torch.cat([1 - a, a], dim=1)"] if parts.is_one_sigmoid else []
    after += ["        a = a.double() * self.target_scale + self.target_mean"] if is_values else []
    blocks.append(
        "\n".join(
            ["class Model(nn.Module):", '    """From inputs before they are standardised, float64 [rows, inputs], to answers."""', "",
             "    def __init__(self):", "        super().__init__()", *buffers, *networks, "", "    def forward(self, raw):",
             f"        inputs = torch.nan_to_num(torch.clip((raw - self.mean) / self.scale, -{CLIP:g}, {CLIP:g}), nan=0.0).float()",
             f"        a = {said}", *after, "        return a"]
        )
    )  # fmt: skip
    blocks.append(
        textwrap.dedent("""

        @cache
        def load():
            model = Model()
            model.load_state_dict(load_file(Path(__file__).with_suffix(".safetensors")))
            return model.eval()
        """)
    )
    return blocks


def _numpy(parts: Parts) -> list[str]:
    blocks = ['WEIGHTS = dict(np.load(Path(__file__).with_suffix(".npz"), allow_pickle=False))']
    used = {name for name in _NUMPY_FUNCTIONS if _uses(parts, name)} | ({"sigmoid"} if _uses(parts, "silu") else set())
    blocks += [_NUMPY_FUNCTIONS[name] for name in ("sigmoid", "softmax", "gelu") if name in used]
    for number, network in enumerate(parts.networks, start=1):
        steps = []
        for at, (_, _, function) in enumerate(as_layers(network), start=1):
            steps.append(f'    z = a @ WEIGHTS["{number}.layer{at}.weight"].T + WEIGHTS["{number}.layer{at}.bias"]')
            steps.append(f"    a = {_NUMPY[function].format(z='z')}")
        blocks.append("\n".join([f"def network{number}(a):", *steps, "    return a"]))
    said = _mean(parts, [f"network{number}(inputs)" for number in range(1, len(parts.networks) + 1)])
    after = ["    a = np.concatenate([1 - a, a], axis=1)"] if parts.is_one_sigmoid else []
    if not parts.preparation.task.is_classification:
        after += ['    a = a.astype(np.float64) * WEIGHTS["target_scale"] + WEIGHTS["target_mean"]']
    blocks.append(
        "\n".join(
            ["def model(raw):", '    """From inputs before they are standardised, float64 [rows, inputs], to answers."""',
             f'    inputs = np.clip((raw - WEIGHTS["mean"]) / WEIGHTS["scale"], -{CLIP:g}, {CLIP:g})',
             "    inputs = np.nan_to_num(inputs, nan=0.0).astype(np.float32)", f"    a = {said}", *after, "    return a"]
        )
    )  # fmt: skip
    return blocks


def _mean(parts: Parts, said: list[str]) -> str:
    if len(said) == 1:
        return said[0]
    return " + ".join(f"{share!r} * {one}" for share, one in zip(parts.shares, said, strict=True))


def _closing(parts: Parts, to: str) -> str:
    if parts.preparation.image_shape is None:
        raw = "raw_inputs(table, COLUMNS)"
    else:
        raw = "np.asarray(table, dtype=np.float64).reshape(len(table), -1)"
    lines = ["def outputs(table):"]
    if to == "torch":
        lines += ["    with torch.no_grad():", f"        return load()(torch.from_numpy({raw})).numpy()"]
    else:
        lines += [f"    return model({raw})"]
    lines += ["", "", "def predict(table):", "    answers = outputs(table)"]
    if parts.preparation.task.is_classification:
        lines += ["    return [CLASSES[place] for place in answers.argmax(axis=1)]"]
    else:
        lines += ["    return answers if len(TARGETS) > 1 else answers[:, 0]"]
    return "\n".join(lines)


def _uses(parts: Parts, function: str) -> bool:
    return any(function in (*network.network.activations, network.network.output) for network in parts.networks)


def _literal(value: Any) -> str:
    """As Python source, in ASCII, that gives back the value."""
    text = pprint.pformat(value, width=100, sort_dicts=False)
    return text.encode("ascii", "backslashreplace").decode("ascii")
