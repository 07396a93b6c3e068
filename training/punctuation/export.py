"""The trained network as an ONNX file with embeddings of 8 bits."""

from pathlib import Path

import numpy as np
import onnx
from model import LAYERS, PunctuationModel
from onnx import TensorProto, helper, numpy_helper

__all__ = ["export"]


def export(model: PunctuationModel, path: Path) -> None:
    """Write `model`; input `rows` int64 (3, time), output `logits` (time, 7)."""
    nodes, weights = [], []

    def constant(name: str, value: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(value, name))
        return name

    embedded = []
    for index, table in enumerate(model.tables):
        values = table.weight.detach().numpy()
        scale = np.float32(np.abs(values).max() / 127)
        quantized = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
        table_name = constant(f"table{index}", quantized)
        row = constant(f"index{index}", np.array(index, dtype=np.int64))
        nodes += [
            helper.make_node("Gather", ["rows", row], [f"rows{index}"], axis=0),
            helper.make_node("Gather", [table_name, f"rows{index}"], [f"bytes{index}"], axis=0),
            helper.make_node("Cast", [f"bytes{index}"], [f"floats{index}"], to=TensorProto.FLOAT),
            helper.make_node(
                "Mul", [f"floats{index}", constant(f"scale{index}", scale)], [f"embedded{index}"]
            ),
        ]
        embedded.append(f"embedded{index}")
    axes = constant("axes", np.array([0], dtype=np.int64))
    nodes += [
        helper.make_node("Concat", embedded, ["joined"], axis=1),
        helper.make_node("Transpose", ["joined"], ["turned"], perm=[1, 0]),
        helper.make_node("Unsqueeze", ["turned", axes], ["x0"]),
    ]
    for index, (layer, (_, dilation, left, right)) in enumerate(
        zip(model.layers, LAYERS, strict=True)
    ):
        weight = constant(f"weight{index}", layer.weight.detach().numpy())
        bias = constant(f"bias{index}", layer.bias.detach().numpy())
        output = "x1" if index == 0 else f"y{index}"
        nodes += [
            helper.make_node(
                "Conv",
                [f"x{index}", weight, bias],
                [f"c{index}"],
                dilations=[dilation],
                pads=[left, right],
            ),
            helper.make_node("Relu", [f"c{index}"], [output]),
        ]
        if index:
            nodes.append(helper.make_node("Add", [f"x{index}", output], [f"x{index + 1}"]))
    weight = constant("head_weight", model.head.weight.detach().numpy())
    bias = constant("head_bias", model.head.bias.detach().numpy())
    nodes += [
        helper.make_node("Conv", [f"x{len(LAYERS)}", weight, bias], ["out"]),
        helper.make_node("Squeeze", ["out", axes], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["logits"], perm=[1, 0]),
    ]
    _save(nodes, weights, path)


def _save(nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], path: Path) -> None:
    """Join the parts to a model, check it and write it."""
    graph = helper.make_graph(
        nodes,
        "punctuation",
        [helper.make_tensor_value_info("rows", TensorProto.INT64, [3, "time"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["time", 7])],
        weights,
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(proto)
    onnx.save(proto, path)
