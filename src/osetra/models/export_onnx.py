"""A model as an ONNX graph: standardise, multiply, activate; probabilities or values in target units come out.

    inputs   double [rows, inputs], NaN where a value is missing; or pixels, uint8 [images, height, width, channels]
    outputs  probabilities float [rows, classes], and label int64 [rows], the place of the likeliest class;
             or values double [rows, targets]

Metadata (`metadata_props`, each JSON): task, target, classes, input_names, image_shape.
Raw tables (text, dates) are not its matter: ONNX has no word for most of it. Source: ONNX operators, opset 17.
Knows nothing of: files.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import MissingExtra
from osetra.data.columns import CLIP
from osetra.models.export import Parts, as_layers
from osetra.models.score import FoldedNetwork

if TYPE_CHECKING:
    import onnx

OPSET = 17
IR_VERSION = 8
"""Of the file format: the oldest that has the opset, so that older runtimes read it."""


def onnx_file(parts: Parts) -> bytes:
    """The graph as a file's content. Raises MissingExtra without the library onnx."""
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise MissingExtra("an export to ONNX needs the library onnx, which is not installed; pip install 'osetra[onnx]'") from error
    graph = _Graph()
    shape = parts.preparation.image_shape
    if shape is None:
        given = helper.make_tensor_value_info("inputs", TensorProto.DOUBLE, ["rows", parts.preparation.num_inputs])
        raw = "inputs"
    else:
        given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["rows", *shape])
        raw = graph.add("Flatten", [graph.add("Cast", ["pixels"], to=TensorProto.DOUBLE)], axis=1)
    inputs = graph.add("Cast", [_standardised(graph, raw, parts)], to=TensorProto.FLOAT)
    outputs = _answer(graph, inputs, parts)
    if parts.preparation.task.is_classification:
        graph.add("Identity", [outputs], name="probabilities")
        graph.add("ArgMax", [outputs], name="label", axis=1, keepdims=0)
        results = [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", parts.preparation.num_outputs]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["rows"]),
        ]
    else:
        values = graph.add("Cast", [outputs], to=TensorProto.DOUBLE)
        scaled = graph.add("Mul", [values, graph.constant(parts.preparation.target_scale)])
        graph.add("Add", [scaled, graph.constant(parts.preparation.target_mean)], name="values")
        results = [helper.make_tensor_value_info("values", TensorProto.DOUBLE, ["rows", parts.preparation.num_outputs])]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "network", [given], results, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="osetra",
    )  # fmt: skip
    helper.set_model_props(made, {name: json.dumps(fact) for name, fact in parts.facts().items()})
    onnx.checker.check_model(made)
    return made.SerializeToString()


class _Graph:
    """Nodes in order, and constants, under names of their own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, given: list[str], *, name: str = "", **attributes: Any) -> str:
        from onnx import helper

        made = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, given, [made], **attributes))
        return made

    def constant(self, values: Any, dtype: type[np.generic] = np.float64) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name


def _standardised(graph: _Graph, raw: str, parts: Parts) -> str:
    moved = graph.add("Sub", [raw, graph.constant(parts.mean)])
    scaled = graph.add("Div", [moved, graph.constant(parts.scale)])
    known = graph.add("Where", [graph.add("IsNaN", [scaled]), graph.constant(0.0), scaled])
    return graph.add("Clip", [known, graph.constant(-CLIP), graph.constant(CLIP)])


def _answer(graph: _Graph, inputs: str, parts: Parts) -> str:
    """The mean of what the networks say, float [rows, outputs]."""
    total = ""
    for network, share in zip(parts.networks, parts.shares, strict=True):
        said = _network(graph, inputs, network)
        if len(parts.networks) > 1:
            said = graph.add("Mul", [said, graph.constant(share, np.float32)])
        total = graph.add("Add", [total, said]) if total else said
    if parts.is_one_sigmoid:
        other = graph.add("Sub", [graph.constant(1.0, np.float32), total])
        return graph.add("Concat", [other, total], axis=1)
    return total


def _network(graph: _Graph, a: str, network: FoldedNetwork) -> str:
    for weights, bias, function in as_layers(network):
        z = graph.add("Gemm", [a, graph.constant(weights, np.float32), graph.constant(bias, np.float32)], transB=1)
        a = _apply(graph, function, z)
    return a


def _apply(graph: _Graph, function: str, z: str) -> str:
    match function:
        case "relu" | "elu" | "tanh" | "sigmoid":
            return graph.add(function.capitalize(), [z])
        case "leaky_relu":
            return graph.add("LeakyRelu", [z], alpha=0.01)
        case "silu":
            return graph.add("Mul", [z, graph.add("Sigmoid", [z])])
        case "gelu":
            erf = graph.add("Erf", [graph.add("Mul", [z, graph.constant(0.5**0.5, np.float32)])])
            gate = graph.add("Mul", [graph.add("Add", [erf, graph.constant(1.0, np.float32)]), graph.constant(0.5, np.float32)])
            return graph.add("Mul", [z, gate])
        case "softmax":
            return graph.add("Softmax", [z], axis=1)
    assert function == "linear", function
    return z
