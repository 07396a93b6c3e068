"""The network: a causal convolution network with a known look-ahead.

Every layer looks back only. Where a block looks ahead by some frames, its shortcut is
delayed by as many instead, so the whole gives its output late, and running it chunk by
chunk with the last inputs of every layer as state equals running it at once.

Frames are 10 ms going in, 40 ms in the outer blocks and coming out, 80 ms in the middle.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AcousticModel", "Shape"]

MELS = 80
SUBSAMPLING = 4
# Frames of features that one step of the middle blocks takes.
STEP = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network; `looks` are the frames that each block looks ahead."""

    outer: int = 256
    inner: int = 320
    expand: int = 3
    kernel: int = 9
    outer_looks: tuple[int, ...] = (0, 1)
    inner_looks: tuple[int, ...] = (1, 1, 0, 0, 0, 0)
    last_looks: tuple[int, ...] = (0,)

    @property
    def delay_frames(self) -> int:
        """How much later than the sound an output is, in frames of 40 ms."""
        return sum(self.outer_looks) + 2 * sum(self.inner_looks) + sum(self.last_looks)


def delayed(x: Tensor, frames: int) -> Tensor:
    """Shift [B, T, C] later by some frames; zeros come in."""
    return functional.pad(x, (0, 0, frames, 0))[:, : x.shape[1]] if frames else x


class RunningMean(nn.Module):
    """Takes off each band's mean over what was heard so far.

    The mean begins with the training data's, which weighs as much as half a second.
    """

    PRIOR_FRAMES = 50.0

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(MELS))
        self.register_buffer("scale", torch.ones(MELS))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize [B, T, 80]."""
        count = self.PRIOR_FRAMES + torch.arange(1, x.shape[1] + 1, device=x.device)
        centered = x - self.mean
        return (centered - centered.cumsum(1) / count[:, None]) * self.scale


class Block(nn.Module):
    """Convolution in time, one filter a channel, then two layers at every frame."""

    def __init__(self, channels: int, kernel: int, expand: int, look: int) -> None:
        super().__init__()
        self.look = look
        self.kernel = kernel
        self.filters = nn.Conv2d(channels, channels, (1, kernel), groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.wide = nn.Linear(channels, expand * channels)
        self.narrow = nn.Linear(expand * channels, channels)

    def convolve(self, x: Tensor) -> Tensor:
        """Filter [B, T + kernel - 1, C] to [B, T, C]."""
        image = x.transpose(1, 2).unsqueeze(2)
        return self.filters(image).squeeze(2).transpose(1, 2)

    def mix(self, x: Tensor) -> Tensor:
        """Run the layers of each frame."""
        return self.narrow(functional.silu(self.wide(self.norm(x))))

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, T, C] to the same shape, `look` frames late."""
        return delayed(x, self.look) + self.mix(
            self.convolve(functional.pad(x, (0, 0, self.kernel - 1, 0)))
        )


class AcousticModel(nn.Module):
    """Features to log-probabilities of tokens, with a head for each token set.

    Args:
        heads: Number of tokens of each set, without the blank, which is the last.
    """

    def __init__(self, heads: dict[str, int], shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or Shape()
        self.normalize = RunningMean()
        # 40 ms at once, with 40 ms before it, to a frame.
        self.enter = nn.Linear(2 * SUBSAMPLING * MELS, shape.outer)
        self.enter_norm = nn.LayerNorm(shape.outer)

        def blocks(channels: int, looks: tuple[int, ...]) -> nn.ModuleList:
            return nn.ModuleList(
                Block(channels, shape.kernel, shape.expand, look) for look in looks
            )

        self.first = blocks(shape.outer, shape.outer_looks)
        self.down = nn.Linear(2 * shape.outer, shape.inner)
        self.middle = blocks(shape.inner, shape.inner_looks)
        self.up = nn.Linear(shape.inner, 2 * shape.outer)
        self.last = blocks(shape.outer, shape.last_looks)
        self.final_norm = nn.LayerNorm(shape.outer)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(shape.outer, size + 1) for name, size in heads.items()}
        )

    def stack(self, x: Tensor) -> Tensor:
        """Join [B, T, 80] to frames of 40 ms, each with the one before it."""
        batch, frames, _ = x.shape
        now = x.reshape(batch, frames // SUBSAMPLING, SUBSAMPLING * MELS)
        return torch.cat((delayed(now, 1), now), dim=-1)

    def forward(self, features: Tensor) -> Tensor:
        """Encode [B, T, 80], T a multiple of 8, to [B, T / 4, C]."""
        x = self.enter_norm(self.enter(self.stack(self.normalize(features))))
        for block in self.first:
            x = block(x)
        batch, frames, channels = x.shape
        y = self.down(x.reshape(batch, frames // 2, 2 * channels))
        for block in self.middle:
            y = block(y)
        y = self.up(y).reshape(batch, frames, channels)
        x = delayed(x, 2 * sum(self.shape.inner_looks)) + y
        for block in self.last:
            x = block(x)
        return self.final_norm(x)
