"""Write a trained network as ONNX: `python export.py CHECKPOINT_FOLDER LANGUAGE MODEL_FOLDER`.

The contract is that of streaming NeMo CTC models (docs/models.md), so that other
programs can run the file too. The weights are 8-bit, a scale for each row; they are
made floats when the file is loaded, so that a stream's result does not depend on the
streams it is batched with.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from model import MELS, STEP, SUBSAMPLING, AcousticModel, Block
from onnx import TensorProto, helper, numpy_helper
from text import TOKENS
from torch import Tensor, nn

CHUNK_FRAMES = 2 * STEP
_LEAST_QUANTIZED = 4096


class StreamingModel(nn.Module):
    """The network with its state as inputs and outputs.

    `cache_last_time` holds the last inputs of all layers, `cache_last_channel` the sum
    of the features so far, `cache_last_channel_len` their number.
    """

    def __init__(self, model: AcousticModel, head: str) -> None:
        super().__init__()
        self.model = model
        self.head = model.heads[head]

    @property
    def cache_size(self) -> int:
        """Numbers that the layers of one stream keep."""
        shape = self.model.shape
        blocks = (*self.model.first, *self.model.middle, *self.model.last)
        kept = sum((block.kernel - 1) * block.norm.normalized_shape[0] for block in blocks)
        return SUBSAMPLING * MELS + 2 * sum(shape.inner_looks) * shape.outer + kept

    def forward(
        self, audio_signal: Tensor, length: Tensor, sums: Tensor, layers: Tensor, count: Tensor
    ) -> tuple[Tensor, ...]:
        """Run a chunk; `audio_signal` is [N, 80, T]."""
        self._kept, self._at, self._next = layers[:, 0, 0], 0, []
        model, shape = self.model, self.model.shape
        x, sums = self._normalized(audio_signal.transpose(1, 2), sums[:, 0, 0], count)
        now = x.reshape(x.shape[0], -1, SUBSAMPLING * MELS)
        x = torch.cat((self._shifted(now, 1), now), dim=-1)
        x = model.enter_norm(model.enter(x))
        for block in model.first:
            x = self._block(block, x)
        y = model.down(x.reshape(x.shape[0], -1, 2 * shape.outer))
        for block in model.middle:
            y = self._block(block, y)
        y = model.up(y).reshape(y.shape[0], -1, shape.outer)
        x = self._shifted(x, 2 * sum(shape.inner_looks)) + y
        for block in model.last:
            x = self._block(block, x)
        logprobs = self.head(model.final_norm(x)).log_softmax(-1)
        after = torch.cat(self._next, dim=1)[:, None, None]
        lengths = length // SUBSAMPLING
        return logprobs, lengths, sums[:, None, None], after, count + length

    def _normalized(self, x: Tensor, sums: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        normalize = self.model.normalize
        centered = x - normalize.mean
        heard = sums[:, None] + centered.cumsum(1)
        order = torch.ones_like(x[:, :, :1]).cumsum(1)
        frames = normalize.PRIOR_FRAMES + count[:, None, None].to(x.dtype) + order
        return (centered - heard / frames) * normalize.scale, heard[:, -1]

    def _with_past(self, x: Tensor, frames: int) -> Tensor:
        """Put the last frames before this chunk in front of it, and keep the new last ones."""
        size = frames * x.shape[2]
        past = self._kept[:, self._at : self._at + size].reshape(x.shape[0], frames, x.shape[2])
        self._at += size
        joined = torch.cat((past, x), dim=1)
        self._next.append(joined[:, -frames:].reshape(x.shape[0], size))
        return joined

    def _shifted(self, x: Tensor, frames: int) -> Tensor:
        return self._with_past(x, frames)[:, :-frames] if frames else x

    def _block(self, block: Block, x: Tensor) -> Tensor:
        past = block.kernel - 1
        joined = self._with_past(x, past)
        late = joined[:, past - block.look : -block.look] if block.look else x
        return late + block.mix(block.convolve(joined))


def quantize(model: onnx.ModelProto) -> None:
    """Keep large weights as 8-bit integers with a scale for each of their rows."""
    graph = model.graph
    nodes = []
    for weights in list(graph.initializer):
        values = numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.ndim != 2 or values.size < _LEAST_QUANTIZED:
            continue
        # Weights of a MatMul are [in, out], those of a Gemm [out, in].
        users = [node for node in graph.node if weights.name in node.input]
        axis = 1 if all(node.op_type == "MatMul" for node in users) else 0
        scale = np.abs(values).max(axis=1 - axis) / 127
        scale[scale == 0] = 1
        steps = np.round(values / np.expand_dims(scale, 1 - axis)).astype(np.int8)
        name = weights.name
        graph.initializer.remove(weights)
        graph.initializer.extend(
            [
                numpy_helper.from_array(steps, f"{name}.int8"),
                numpy_helper.from_array(
                    np.expand_dims(scale, 1 - axis).astype(np.float32), f"{name}.scale"
                ),
            ]
        )
        # With DequantizeLinear the runtime would compute in 8 bits.
        to_float = helper.make_node(
            "Cast", [f"{name}.int8"], [f"{name}.steps"], to=TensorProto.FLOAT
        )
        scaled = helper.make_node("Mul", [f"{name}.steps", f"{name}.scale"], [name])
        nodes += [to_float, scaled]
    for node in reversed(nodes):
        graph.node.insert(0, node)


def export(model: AcousticModel, head: str, folder: Path) -> None:
    """Write model.onnx and tokens.txt."""
    streaming = StreamingModel(model.eval(), head).eval()
    batch = 2
    inputs = (
        torch.randn(batch, MELS, CHUNK_FRAMES),
        torch.full((batch,), CHUNK_FRAMES),
        torch.zeros(batch, 1, 1, MELS),
        torch.zeros(batch, 1, 1, streaming.cache_size),
        torch.zeros(batch, dtype=torch.int64),
    )
    states = ("cache_last_channel", "cache_last_time", "cache_last_channel_len")
    names = ("audio_signal", "length", *states)
    outputs = ("logprobs", "encoded_lengths", *(f"{name}_next" for name in states))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    axes = {name: {0: "N"} for name in (*names, *outputs)}
    axes["audio_signal"][2] = "T"
    axes["logprobs"][1] = "T_out"
    torch.onnx.export(
        streaming,
        inputs,
        str(path),
        input_names=list(names),
        output_names=list(outputs),
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    written = onnx.load(str(path))
    quantize(written)
    metadata = {
        "model_type": "EncDecCTCModelBPE",
        "window_size": CHUNK_FRAMES,
        "chunk_shift": CHUNK_FRAMES,
        "subsampling_factor": SUBSAMPLING,
        "vocab_size": len(TOKENS[head]),
        "normalize_type": "",
        "delay_ms": model.shape.delay_frames * SUBSAMPLING * 10,
    }
    for name, tensor in zip(states[:2], inputs[2:4], strict=True):
        metadata |= {f"{name}_dim{i}": tensor.shape[i] for i in (1, 2, 3)}
    for key, value in metadata.items():
        entry = written.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.checker.check_model(written)
    onnx.save(written, str(path))
    lines = [f"{token} {number}" for number, token in enumerate((*TOKENS[head], "<blk>"))]
    (folder / "tokens.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def load(folder: Path) -> AcousticModel:
    """Return the averaged network of a checkpoint."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    model = AcousticModel(state["sizes"])
    model.load_state_dict(state["average"])
    return model


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("language", choices=sorted(TOKENS))
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    export(load(arguments.checkpoint), arguments.language, arguments.output)


if __name__ == "__main__":
    main()
