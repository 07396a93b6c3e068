"""The weights of a model.onnx that `export.py` wrote, to train on from."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

__all__ = ["weights_of"]


def weights_of(path: Path) -> dict[str, Tensor]:
    """Return the weights of a network by their names in `AcousticModel`.

    Those of 8 bits come back as they were rounded. An exported network has one head.

    Raises:
        SystemExit: It is not one of `export.py`.
    """
    graph = onnx.load(str(path)).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    for name in [name for name in values if name.endswith(".int8")]:
        whole = name.removesuffix(".int8")
        values[whole] = values[name].astype(np.float32) * values[f"{whole}.scale"]
    # A dense layer is a product without a name, and a sum that has the name of its bias.
    products = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    named = {name: value for name, value in values.items() if name.startswith("model.")}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        biases = [name for name in node.input if name.endswith(".bias")]
        factors = [products[name] for name in node.input if name in products]
        if biases and factors:
            named[f"{biases[0].removesuffix('.bias')}.weight"] = values[factors[0]].T
    if "model.enter.weight" not in named:
        raise SystemExit(f"start_from: {path} was not written by export.py")
    return {
        name.removeprefix("model."): torch.from_numpy(value.copy()) for name, value in named.items()
    }
